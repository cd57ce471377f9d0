"""A review for a terminal."""

from collections.abc import Iterator, Mapping

from lcspec.cli.diffview.words import (
    MARKS,
    STATES,
    change_text,
    counts,
    effect_text,
    pin_text,
    place,
    takes_text,
    turn_text,
)
from lcspec.cli.planview.style import BOLD, CYAN, DIM, GREEN, RED, YELLOW, Paint
from lcspec.ir.source import SourceFile
from lcspec.review.model import Review
from lcspec.reviewing import takes

COLORS = {"+": GREEN, "-": RED, "~": YELLOW, ">": CYAN, "?": CYAN, "=?": CYAN}


def review_lines(made: Review, sources: Mapping[str, SourceFile], paint: Paint) -> list[str]:
    """The review without its risks, as lines."""
    lines = [f"{paint(made.head.spec.name, BOLD)}  {made.base.name} → {made.head.name}", ""]
    if made.empty:
        return [*lines, "Both say the same: nothing reruns."]
    if made.changes:
        lines += [paint("Spec", BOLD), *_changes(made, sources, paint), ""]
    if made.pins:
        rows = [(MARKS[one.kind], *pin_text(one), "") for one in made.pins]
        lines += [paint("Lock", BOLD), *_rows(rows, paint), ""]
    lines += [f"{paint('Steps', BOLD)}: {counts(made)}.", *_effects(made, paint)]
    if made.of_state("rerun", "new", "follows", "depends"):
        lines.append(f"  It takes {takes_text(takes(made))}; what the store has already takes nothing.")
    if made.stale:
        lines += ["", paint("Evidence that no longer speaks of this spec", BOLD)]
        lines += [f"  {suite} of {candidate}" for suite, candidate in made.stale]
    if made.turns:
        lines += ["", paint("Decided otherwise, on the evidence at hand", BOLD)]
        lines += [f"  {turn.choice}: {turn_text(turn)}" for turn in made.turns]
    return lines


def _changes(made: Review, sources: Mapping[str, SourceFile], paint: Paint) -> Iterator[str]:
    yield from _rows(
        [(MARKS[one.kind], one.name, change_text(one), place(one, sources)) for one in made.changes], paint
    )


def _effects(made: Review, paint: Paint) -> Iterator[str]:
    for state, (mark, words) in STATES.items():
        found = made.of_state(state)
        if found:
            yield paint(f"  {mark} {words}", COLORS[mark])
            yield from _rows([("", one.step, effect_text(one), "") for one in found], paint)


def _rows(rows: list[tuple[str, str, str, str]], paint: Paint) -> Iterator[str]:
    width = min(48, max((len(name) for _, name, _, _ in rows), default=0))
    for mark, name, text, where in rows:
        head = f"  {paint(mark, COLORS[mark]) if mark else ' '} {name:<{width}}  {text}".rstrip()
        yield f"{head}   {paint(where, DIM)}" if where else head
