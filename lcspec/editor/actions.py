"""Repairs that an editor offers: what diagnostics bring along, one by one or all safe ones at once."""

from collections.abc import Iterable
from typing import NamedTuple

from lcspec.diag.model import Diagnostic, Edit
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
    """The edits of all safe repairs; of two that overlap the first is kept whole, the other waits."""
    taken: list[Edit] = []
    for diagnostic in diagnostics:
        if diagnostic.fix is None or not diagnostic.fix.safe:
            continue
        fresh = [edit for edit in diagnostic.fix.edits if edit not in taken]
        if all(not _overlap(edit.span, known.span) for edit in fresh for known in taken):
            taken += fresh
    return sorted(taken)


def _touches(a: Span, b: Span) -> bool:
    return a.file == b.file and a.start <= b.end and b.start <= a.end


def _overlap(a: Span, b: Span) -> bool:
    same = a.file == b.file and (a.start < b.end and b.start < a.end)
    return same or (a.file == b.file and a.start == b.start)
