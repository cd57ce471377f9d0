"""`Spec` to diagnostics: names first, then each kind's own checks, then the cross-field rules."""

from collections.abc import Callable
from dataclasses import replace
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any

from lcspec.compile.known import Known
from lcspec.compile.repair import rename
from lcspec.diag.model import Diagnostic, Label
from lcspec.ir.document import Node, locate
from lcspec.ir.document import Path as SpecPath
from lcspec.ir.spec import Spec
from lcspec.kinds import registry

Fault = tuple[str, SpecPath, str, str]  # code, path in the spec, message, help


class Reporter:
    """Collects diagnostics; rules give paths, the reporter knows the spans."""

    def __init__(self, root: Node) -> None:
        self.root = root
        self.found: list[Diagnostic] = []

    def error(self, code: str, path: SpecPath, message: str, help: str, **more: Any) -> None:
        """An error at `path`.

        `key=True` points at the key; `also` is (path, text) pairs; `again` are paths with the same
        fault; `notes` are facts; `swap` is what the name there is probably meant for, and becomes the fix.
        """
        self._add("error", code, path, message, help, **more)

    def warning(self, code: str, path: SpecPath, message: str, help: str, **more: Any) -> None:
        """A warning at `path`."""
        self._add("warning", code, path, message, help, **more)

    def _add(
        self,
        severity: str,
        code: str,
        path: SpecPath,
        message: str,
        help: str,
        *,
        key: bool = False,
        also: tuple[tuple[SpecPath, str], ...] = (),
        notes: tuple[str, ...] = (),
        swap: str | None = None,
        again: tuple[SpecPath, ...] = (),
    ) -> None:
        labels = [Label(locate(self.root, path, key=key), "")]
        labels += [Label(locate(self.root, where, key=True), text) for where, text in also]
        labels += [Label(locate(self.root, where), "and here") for where in again]
        fix = rename(self.root, path, swap, again=again, key=key) if swap else None
        self.found.append(Diagnostic(code, message, tuple(labels), notes, help, severity, fix))


def rewarded(spec: Spec) -> bool:
    """Whether a recipe learns from rewards."""
    return any(hasattr(one.body, "rewards") for one in spec.entries("tuning").values())


Rule = Callable[[Spec, Known, Reporter], None]
GROUPS: dict[str, Callable[[Spec], object]] = {  # folder in `rules/` to when its rules have anything to say
    "": lambda spec: True,
    "data": lambda spec: spec.entries("data"),
    "models": lambda spec: spec.entries("model"),
    "prompts": lambda spec: spec.entries("prompt"),
    "tuning": lambda spec: spec.entries("tuning"),
    "rewards": rewarded,
    "gates": lambda spec: spec.gates,
    "ladder": lambda spec: spec.ladder or spec.entries("tuning"),
    "augmentation": lambda spec: spec.entries("augment"),
    "code": lambda spec: spec.entries("metric") or spec.entries("allow") or rewarded(spec),
    "deployment": lambda spec: spec.entries("deploy") or spec.entries("optimize"),
}
ROWS = "rows"


def check(spec: Spec, root: Node, known: Known) -> list[Diagnostic]:
    """Every diagnostic that needs no look into data files."""
    names = Reporter(root)
    import_module("lcspec.compile.names").check_names(spec, names)
    if names.found:
        return names.found
    reporter = Reporter(root)
    for entries in spec.sections.values():
        for entry in entries.values():
            own = registry.load(entry.family, entry.kind).check
            for diagnostic in own(entry, spec) if own else ():
                label = Label(locate(root, entry.path), "")
                reporter.found.append(replace(diagnostic, labels=diagnostic.labels or (label,)))
    for group, wanted in GROUPS.items():
        if wanted(spec):
            for rule in rules(group):
                rule(spec, known, reporter)
    return reporter.found


def check_rows(spec: Spec, root: Node, known: Known) -> list[Diagnostic]:
    """What the rows of local files show; for a spec that is sound so far."""
    reporter = Reporter(root)
    if any(known.rows(name) is not None for name in spec.entries("data")):
        for rule in rules(ROWS):
            rule(spec, known, reporter)
    return reporter.found


@cache
def rules(group: str = "") -> tuple[Rule, ...]:
    """The `check` function of every file in a folder of `rules/`, by file name."""
    package = f"lcspec.compile.rules.{group}".rstrip(".")
    files = sorted((Path(__file__).parent / "rules" / group).glob("[a-z]*.py"))
    return tuple(import_module(f"{package}.{path.stem}").check for path in files)
