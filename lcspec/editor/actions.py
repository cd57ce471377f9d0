"""Repairs that an editor offers: what diagnostics bring along, one by one or all safe ones at once."""

from collections.abc import Iterable
from typing import NamedTuple

from lcspec.diag.model import Diagnostic, Edit
from lcspec.diag.together import compatible
from lcspec.ir.source import Span


class Action(NamedTuple):
    """A repair of one diagnostic."""

    title: str
    edits: tuple[Edit, ...]
    safe: bool
    diagnostic: Diagnostic


def actions_at(diagnostics: Iterable[Diagnostic], span: Span) -> list[Action]:
    """The repairs of the diagnostics that touch `span`, safe ones first."""
    found = []
    for diagnostic in diagnostics:
        fix = diagnostic.fix
        if fix is not None and any(_touches(label.span, span) for label in diagnostic.labels[:1]):
            title = fix.title if fix.safe else f"{fix.title} (a guess)"
            found.append(Action(title[:1].upper() + title[1:], fix.edits, fix.safe, diagnostic))
    return sorted(found, key=lambda action: not action.safe)


def safe_edits(diagnostics: Iterable[Diagnostic]) -> list[Edit]:
    """The edits of all safe repairs that can be made at once, as `check --fix` would begin."""
    return sorted({edit for one in compatible(diagnostics) if one.fix is not None for edit in one.fix.edits})


def _touches(a: Span, b: Span) -> bool:
    return a.file == b.file and a.start <= b.end and b.start <= a.end
