"""What a gate says about a candidate, and what a choice picked. Data only; made in `gates/`."""

from collections.abc import Mapping
from dataclasses import dataclass, field

PASS, FAIL, INCONCLUSIVE, NOT_APPLICABLE = "pass", "fail", "inconclusive", "not applicable"


@dataclass(frozen=True, slots=True)
class Verdict:
    """A gate's answer for one candidate on one split.

    Attributes:
        gate: the gate's name.
        candidate: the candidate's id.
        split: validation or test; `serving` for what was measured at the started service.
        outcome: pass, fail, inconclusive or not applicable.
        value: the measured metric (or the paired difference to the reference).
        low, high: two-sided interval that belongs to the gate's one-sided confidence.
        threshold: the number that the interval is held against.
        n: rows.
        needed: rows that would decide it if the value stays, when inconclusive and computable.
        why: one sentence for people.
    """

    gate: str
    candidate: str
    split: str
    outcome: str
    value: float | None
    low: float | None
    high: float | None
    threshold: float | None
    n: int
    needed: int | None
    why: str


@dataclass(frozen=True, slots=True)
class Decision:
    """What a choice picked: `winner` is a candidate's id or None, `passed` whether its gates passed."""

    choice: str
    winner: str | None
    passed: bool
    why: str
    verdicts: tuple[Verdict, ...] = ()
    ranking: tuple[tuple[str, float], ...] = ()
    names: Mapping[str, str] = field(default_factory=dict)
