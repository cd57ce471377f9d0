"""`Spec` to diagnostics: names first, then each kind's own checks, then the cross-field rules."""

from collections.abc import Callable, Mapping
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any

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
        """An error at `path`. `key=True` points at the key; `also` is (path, text) pairs; `notes` are facts."""
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
    ) -> None:
        labels = [Label(locate(self.root, path, key=key), "")]
        labels += [Label(locate(self.root, where, key=True), text) for where, text in also]
        self.found.append(Diagnostic(code, message, tuple(labels), notes, help, severity))


Rule = Callable[[Spec, Mapping[str, Mapping[str, Any]], Reporter], None]


def check(spec: Spec, root: Node, models: Mapping[str, Mapping[str, Any]]) -> list[Diagnostic]:
    """Every diagnostic of a bound spec. `models` holds what the lock knows of each model."""
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
                reporter.found.append(Diagnostic(diagnostic.code, diagnostic.message, (label,), help=diagnostic.help))
    for rule in rules():
        rule(spec, models, reporter)
    return reporter.found


@cache
def rules() -> tuple[Rule, ...]:
    """The `check` function of every file in `rules/`, by file name."""
    files = sorted((Path(__file__).parent / "rules").glob("[a-z]*.py"))
    return tuple(import_module(f"lcspec.compile.rules.{path.stem}").check for path in files)
