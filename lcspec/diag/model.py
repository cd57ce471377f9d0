"""The diagnostic: what lcspec says to a user who made a mistake. An exception is our bug, this is not."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple

from lcspec.ir.source import Span


class Label(NamedTuple):
    """A span with a few words; the first label of a diagnostic is the primary one."""

    span: Span
    text: str


class Edit(NamedTuple):
    """Replace the text of `span` by `text`."""

    span: Span
    text: str


class Fix(NamedTuple):
    """A repair: `safe` keeps the meaning of the spec, otherwise a person must decide."""

    title: str
    edits: tuple[Edit, ...]
    safe: bool


@dataclass(frozen=True, slots=True)
class Diagnostic:
    """One fault.

    Attributes:
        code: `LCnnnn`, never reused; its fixed title is in `diag/codes.py`.
        message: what is wrong here, one sentence without a final stop.
        labels: where; empty for faults that no text shows (a missing file given on the command line).
        notes: the arithmetic or facts behind it.
        help: the remedy, and the only place for it.
        severity: error or warning.
    """

    code: str
    message: str
    labels: tuple[Label, ...] = ()
    notes: tuple[str, ...] = ()
    help: str | None = None
    severity: str = "error"
    fix: Fix | None = None


class LcspecError(Exception):
    """Carries diagnostics out of a function that cannot go on; `exit_code` as in product.md."""

    def __init__(self, diagnostics: Iterable[Diagnostic], exit_code: int = 1) -> None:
        self.diagnostics = tuple(diagnostics)
        self.exit_code = exit_code
        super().__init__("; ".join(f"{d.code}: {d.message}" for d in self.diagnostics))


def has_errors(diagnostics: Iterable[Diagnostic]) -> bool:
    """Whether any of them is an error (not a warning)."""
    return any(diagnostic.severity == "error" for diagnostic in diagnostics)
