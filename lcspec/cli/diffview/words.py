"""The words that both forms of a review share."""

from collections.abc import Mapping
from typing import Any

from lcspec.cli.planview.style import field_name, short
from lcspec.compile.totals import Amount, Totals
from lcspec.ir.source import SourceFile
from lcspec.review.model import (
    ADDED,
    CHANGED,
    DEPENDS,
    DROPPED,
    FOLLOWS,
    MOVED,
    NEW,
    REMOVED,
    RERUN,
    Change,
    Effect,
    Review,
    Turn,
)
from lcspec.units import format_bytes, format_money, format_seconds

MARKS = {ADDED: "+", REMOVED: "-", CHANGED: "~", MOVED: ">"}
STATES = {
    RERUN: ("~", "run again: their own fields moved"),
    NEW: ("+", "are new"),
    FOLLOWS: ("=?", "follow: reused if what they read comes out the same"),
    DEPENDS: ("?", "depend on a choice that may go another way"),
    DROPPED: ("-", "are dropped"),
}


def value(said: Any, room: int = 48) -> str:
    """A value on one line."""
    if isinstance(said, Mapping):
        inner = ", ".join(f"{key}: {value(one, room)}" for key, one in said.items())
        return short(f"{{{inner}}}", room)
    if isinstance(said, list):
        return short(f"[{', '.join(value(one, room) for one in said)}]", room)
    if isinstance(said, bool):
        return "true" if said else "false"
    return short(said, room) if isinstance(said, str) or said is None else str(said)


def change_text(one: Change) -> str:
    """What changed, without its name: `8 → 16`."""
    if one.kind == MOVED:
        return f"was called `{one.old}`"
    if one.kind == ADDED:
        return value(one.new)
    if one.kind == REMOVED:
        return value(one.old)
    return f"{value(one.old)} → {value(one.new)}"


def pin_text(one: Change) -> tuple[str, str]:
    """Name and change of a pin: versions of libraries, the digests of sources by their heads."""
    name = str(one.path[2])
    if one.path[1] == "libraries":
        return name, change_text(one)
    if one.kind != CHANGED:
        return name, "pinned" if one.kind == ADDED else "no longer needed"
    moved = sorted(key for key in one.new["members"] if one.old["members"].get(key) != one.new["members"][key])
    return name, f"other files: {', '.join(moved)}" if moved else "pinned anew"


def place(one: Change, sources: Mapping[str, SourceFile]) -> str:
    """`specs/x.yaml:12`, or nothing where no text says it."""
    if one.span is None or one.span.file not in sources:
        return ""
    return f"{one.span.file}:{sources[one.span.file].position(one.span.start).line}"


def effect_text(one: Effect) -> str:
    """Why a step is in its state."""
    moved = ", ".join(f"{field_name(field)} {value(old, 24)} → {value(new, 24)}" for field, old, new in one.moved[:3])
    more = f" and {len(one.moved) - 3} more" if len(one.moved) > 3 else ""
    here = "its result is in the store" if one.here else ""
    return "; ".join(part for part in (moved + more, here) if part)


def turn_text(one: Turn) -> str:
    """What a choice picks now instead of then."""

    def said(winner: str | None, passed: bool) -> str:
        return f"{winner or 'nothing'} ({'passed' if passed else 'not passed'})"

    return f"{said(one.old, one.old_passed)} → {said(one.new, one.new_passed)}: {one.why}"


def takes_text(summed: Totals) -> str:
    """What the change costs: time, disk and money that one apply of the head would take for it."""
    parts = [_range(summed.time, format_seconds), f"{_range(summed.disk, format_bytes)} of disk"]
    if summed.cost is not None:
        parts.append(_range(summed.cost, format_money))
    return ", ".join(parts)


def _range(amount: Amount, show: Any) -> str:
    return show(amount.high) if amount.low == amount.high else f"{show(amount.low)} – {show(amount.high)}"


def counts(made: Review) -> str:
    """`2 run again, 1 new, 20 stay`."""
    words = {
        RERUN: "run again",
        NEW: "are new",
        FOLLOWS: "follow",
        DEPENDS: "depend on a choice",
        DROPPED: "are dropped",
    }
    parts = [f"{len(found)} {word}" for state, word in words.items() if (found := made.of_state(state))]
    return ", ".join([*parts, f"{len(made.of_state('same'))} stay"])
