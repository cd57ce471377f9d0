"""What is to be applied, and what an apply came to."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from lcspec.compile.facts import Facts
from lcspec.compile.planner import EVERYTHING
from lcspec.gates.choose import Chooser
from lcspec.ir.plan import Graph, PlannedStep, Selection
from lcspec.ir.record import StepRecord
from lcspec.ir.verdict import Verdict
from lcspec.lock import Lock
from lcspec.run.outcome import Outcome


@dataclass(frozen=True)
class Job:
    """What is to be applied."""

    name: str
    graph: Graph
    lock: Lock
    facts: Facts
    store: Path
    folder: Path
    spec_sha256: str
    argv: tuple[str, ...] = ()
    selection: Selection = EVERYTHING


@dataclass
class Applied:
    """What an apply came to.

    `release` is the manifest when one stands, `verdicts` are those that decided it, `why_not` says why there is none.
    `winner` is the candidate that may be released. `left_out` counts the steps that `--target` or `--exclude` left out:
    then there is no release, and no fault. `read` are the blobs that were looked at before the run.
    """

    outcome: Outcome
    steps: tuple[PlannedStep, ...]
    chooser: Chooser
    records: Mapping[str, StepRecord]
    verdicts: tuple[Verdict, ...] = ()
    release: dict[str, Any] | None = None
    new_release: bool = False
    why_not: str | None = None
    looks: int = 0
    left_out: int = 0
    winner: str | None = None
    read: list[Path] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)


def summary(applied: Applied) -> dict[str, Any]:
    """What `run-finished` says of it."""
    return {
        "status": applied.outcome.status,
        "ran": applied.outcome.ran,
        "reused": applied.outcome.reused,
        "release": applied.release["number"] if applied.release else None,
        "new_release": applied.new_release,
        "why_not": applied.why_not,
        "left_out": applied.left_out,
        "verdicts": [asdict(verdict) for verdict in applied.verdicts],
    }


def exit_code(applied: Applied) -> int:
    """0 released, or a part was asked for and is done; 3 a gate, 4 a step, 7 a store; 129, 130, 143 interrupted."""
    if applied.outcome.status == "interrupted":
        return applied.outcome.exit_code or 130
    if applied.outcome.status == "failed":
        return applied.outcome.exit_code or 4
    if applied.release is None and not applied.left_out and not (applied.winner and applied.outcome.unpushed):
        return 3
    return 7 if applied.outcome.unpushed else 0
