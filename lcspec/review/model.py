"""What a review is made of. Data only."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from lcspec.ir.document import Node, Path
from lcspec.ir.plan import Graph, Plan
from lcspec.ir.resolved import Tree
from lcspec.ir.source import Span
from lcspec.ir.spec import Spec
from lcspec.ir.verdict import Decision
from lcspec.lock import Lock

ADDED, REMOVED, CHANGED, MOVED = "added", "removed", "changed", "moved"
NEW, RERUN, FOLLOWS, DEPENDS, DROPPED, SAME = "new", "rerun", "follows", "depends", "dropped", "same"


@dataclass(frozen=True, slots=True)
class Side:
    """One state of a spec, base or head: as it was written, resolved, lowered, and decided on the records at hand."""

    name: str
    root: Node
    spec: Spec
    tree: Mapping[str, Tree]
    lock: Lock
    plan: Plan
    files: Mapping[Path, str] = field(default_factory=dict)  # (section, entry, "content", local file) to its SHA-256

    @property
    def graph(self) -> Graph:
        """The steps of this state."""
        return self.plan.graph

    @property
    def decisions(self) -> Mapping[str, Decision]:
        """The choices that the records at hand decide."""
        return self.plan.decisions


@dataclass(frozen=True, slots=True)
class Change:
    """One value, or one whole entry, that is not what it was.

    Attributes:
        kind: added, removed, changed, or moved (renamed by `moved`: `old` is the former name).
        path: where it stands: in the head, for what was removed in the base.
        old, new: plain values; None on the side that lacks it.
        span: the text that says it, in the file of its side; None for what no text says (a default, the lock).
    """

    kind: str
    path: Path
    old: Any
    new: Any
    span: Span | None = None

    @property
    def name(self) -> str:
        """The path with dots."""
        return ".".join(map(str, self.path))


@dataclass(frozen=True, slots=True)
class Effect:
    """What a change means for one step.

    Attributes:
        state: new; rerun (its own fields moved); follows (only what it reads is made anew: it is reused if that comes
            out the same); depends (only a choice may go another way); dropped; same.
        moved: the fields of its key that moved, as (field, old, new); inputs are left out.
        here: whether the result is in the store already.
    """

    step: str
    state: str
    moved: tuple[tuple[str, Any, Any], ...] = ()
    here: bool = False


@dataclass(frozen=True, slots=True)
class Turn:
    """A choice that the same evidence decides differently; winners are full names, None for none."""

    choice: str
    old: str | None
    new: str | None
    old_passed: bool
    new_passed: bool
    why: str


@dataclass(frozen=True, slots=True)
class Review:
    """Everything that a reviewer is told of `base` → `head`.

    `stale` are the measurements of the base that speak of something that is no more: (suite.split, candidate).
    """

    base: Side
    head: Side
    changes: tuple[Change, ...]
    pins: tuple[Change, ...]
    effects: tuple[Effect, ...]
    stale: tuple[tuple[str, str], ...]
    turns: tuple[Turn, ...]

    @property
    def empty(self) -> bool:
        """Whether both say the same."""
        return not (self.changes or self.pins or any(one.state != SAME for one in self.effects))

    def of_state(self, *states: str) -> list[Effect]:
        """The effects in any of these states, in the order of the plan."""
        return [one for one in self.effects if one.state in states]
