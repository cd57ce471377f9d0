"""Repairs a spec as its diagnostics propose: apply what can be applied, check again, until nothing is left to do.

Of two fixes that touch each other the later one waits for the next pass. Nothing is written here: `check --fix` writes
what comes back, `check --diff` shows it.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple

from lcspec.api import Loaded, load_text
from lcspec.compile.compose import Settings
from lcspec.diag.model import Diagnostic, Edit
from lcspec.diag.together import compatible
from lcspec.ir.source import SourceFile
from lcspec.project import Project, read_source

_PASSES = 100
_NONE = Settings()


class Applied(NamedTuple):
    """One fix that was applied; `line` is that of the text it was applied to."""

    file: str
    line: int
    code: str
    title: str


@dataclass(frozen=True, slots=True)
class Repaired:
    """What came of it: `before` and `after` by path for the files that changed, and the spec as it loads now."""

    loaded: Loaded
    applied: tuple[Applied, ...]
    before: dict[str, str]
    after: dict[str, str]


def repaired(path: Path, settings: Settings = _NONE, *, unsafe: bool = False) -> Repaired:
    """The spec at `path` with its safe fixes applied, and the unsafe ones if they are wanted.

    Raises:
        LcspecError: the file cannot be read.
    """
    project, texts = Project(path), dict[str, SourceFile]()
    before: dict[str, str] = {}
    applied: list[Applied] = []
    seen = set[tuple[tuple[str, str], ...]]()

    def read(name: Path) -> SourceFile:
        return texts.get(str(name)) or read_source(name)

    for _ in range(_PASSES):
        files = tuple(texts.get(source.path, source) for source in settings.variables)
        loaded = load_text(project, read(path), replace(settings, variables=files), read=read)
        fixable = {file: source for file, source in loaded.sources.items() if _is_ours(file, project)}
        chosen = compatible(loaded.diagnostics, unsafe=unsafe, ours=fixable.__contains__)
        changed = {file: edited(fixable[file].text, edits) for file, edits in _by_file(chosen).items()}
        state = tuple(sorted(({file: source.text for file, source in texts.items()} | changed).items()))
        if not chosen or state in seen:  # nothing left, or two fixes that undo each other
            break
        seen.add(state)
        applied += [_told(one, fixable) for one in chosen]
        for file, text in changed.items():
            before.setdefault(file, fixable[file].text)
            texts[file] = SourceFile(file, text)
    after = {file: texts[file].text for file in before if texts[file].text != before[file]}
    return Repaired(loaded, tuple(applied), {file: before[file] for file in after}, after)


def edited(text: str, edits: Iterable[Edit]) -> str:
    """`text` after edits that do not overlap."""
    for edit in sorted(set(edits), key=lambda one: one.span, reverse=True):
        text = text[: edit.span.start] + edit.text + text[edit.span.end :]
    return text


def _is_ours(file: str, project: Project) -> bool:
    """Whether people write this file: not a value from the command line, and not the lock."""
    return not file.startswith("--set ") and file != str(project.lock)


def _by_file(chosen: Iterable[Diagnostic]) -> dict[str, list[Edit]]:
    edits: dict[str, list[Edit]] = {}
    for one in chosen:
        for edit in one.fix.edits if one.fix else ():
            edits.setdefault(edit.span.file, []).append(edit)
    return edits


def _told(one: Diagnostic, files: dict[str, SourceFile]) -> Applied:
    assert one.fix is not None  # noqa: S101 - only those with a fix are chosen
    span = one.fix.edits[0].span
    return Applied(span.file, files[span.file].position(span.start).line, one.code, one.fix.title)
