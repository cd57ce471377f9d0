"""What a run came to, and how it begins: all that an apply with nothing to do needs of a run."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from lcspec.compile.planner import Planning
from lcspec.diag.model import Diagnostic
from lcspec.ir.record import Event

Emit = Callable[[Event], None]


@dataclass
class Outcome:
    """What a run came to.

    Attributes:
        status: ok, failed or interrupted.
        failures: step and diagnostic of each that failed, in the order in which they failed.
        warnings: what did not stop the run, but should be known.
        skipped: step and the reason for each that could not run because of that.
        overhead: seconds that no step was at work.
        exit_code: what the outcome asks for; None where the usual code will do.
        unpushed: why finished results did not get to the remote store.
    """

    status: str = "ok"
    failures: list[tuple[str, Diagnostic]] = field(default_factory=list)
    warnings: list[Diagnostic] = field(default_factory=list)
    skipped: list[tuple[str, str]] = field(default_factory=list)
    ran: int = 0
    reused: int = 0
    overhead: float = 0.0
    exit_code: int | None = None
    unpushed: Diagnostic | None = None


def begin(planning: Planning, emit: Emit, told: set[str] | None = None) -> Outcome:
    """Tells what is decided and what is to do; the outcome of a run in which nothing has run yet."""
    planned = planning.steps()
    tell_choices(planning, emit, set() if told is None else told)
    reused = sum(step.action == "reuse" for step in planned)
    todo = sum(step.action not in ("reuse", "skip", "left-out") for step in planned)
    emit(event("run-started", None, {"steps": len(planned), "reused": reused, "todo": todo}))
    return Outcome(reused=reused)


def tell_choices(planning: Planning, emit: Emit, told: set[str]) -> None:
    """Tells each choice that was decided since this was last called; `told` are those of an earlier planning, too."""
    order = [choice.id for choice in planning.chooser.graph.choices]
    for made in sorted(planning.decided(), key=lambda decision: order.index(decision.choice)):
        if made.choice in told:
            continue
        told.add(made.choice)
        name = planning.chooser.name(made.winner) if made.winner else "none"
        data = {"choice": made.choice, "name": name, "passed": made.passed, "why": made.why}
        emit(event("choice", None, data))


def event(kind: str, step: str | None, data: Mapping[str, Any]) -> Event:
    """An event that happens now."""
    return Event(kind, step, data, datetime.now(UTC).isoformat(timespec="milliseconds"))
