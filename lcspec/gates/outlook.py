"""What a gate can show with the rows at hand: the value from which it passes, or the rows that it lacks. Pure."""

import math
from collections.abc import Mapping
from dataclasses import dataclass

from lcspec.ir.plan import Gate
from lcspec.ir.verdict import INCONCLUSIVE, Decision
from lcspec.stats import critical, rows_needed

PROPORTIONS = frozenset({"accuracy", "exact-match", "hit-rate", "retrieval-recall", "label-validity", "refusal-rate"})
PROPORTIONS |= {"acc", "acc_norm", "acc_bytes", "acc_mutual_info", "exact_match"}  # of lm-eval


@dataclass(frozen=True, slots=True)
class Outlook:
    """One gate on one split.

    Attributes:
        gate: its name.
        split: validation or test.
        n: rows that will be scored.
        passes_from: the value that passes (at most that value for an `at-most` gate); for a paired gate the loss that
            equal answers on all rows leave possible. None when no value passes.
        needed: rows that would make a pass possible, when it is not; None when no number of rows does.
        decidable: whether some outcome passes.
    """

    gate: str
    split: str
    n: int
    passes_from: float | None
    needed: int | None
    decidable: bool


@dataclass(frozen=True, slots=True)
class Undecided:
    """A verdict that is inconclusive on what was measured, and the rows that would decide it."""

    gate: str
    candidate: str
    split: str
    n: int
    needed: int | None


def outlook(gate: Gate, split: str, n: int) -> Outlook | None:
    """What `gate` can show with `n` rows; None for metrics whose spread is not known before they are measured."""
    z = critical(gate.confidence)
    if gate.not_worse_than is not None:
        loss = z * z / (n + z * z)
        needed = math.ceil(z * z * (1 - gate.margin) / gate.margin) if gate.margin > 0 else None
        fits = loss <= gate.margin
        return Outlook(gate.name, split, n, loss, None if fits else needed, fits)
    threshold = gate.at_least if gate.at_least is not None else gate.at_most
    if gate.metric not in PROPORTIONS or threshold is None or not 0 <= threshold <= 1:
        return None
    reach = z * math.sqrt(threshold * (1 - threshold) / n)
    value = threshold + reach if gate.at_least is not None else threshold - reach
    if 0 <= value <= 1:
        return Outlook(gate.name, split, n, value, None, True)
    return Outlook(
        gate.name, split, n, None, rows_needed(float(gate.at_least is not None), threshold, gate.confidence), False
    )


def undecided(decisions: Mapping[str, Decision]) -> tuple[Undecided, ...]:
    """The inconclusive verdicts among decisions that were made, each once."""
    found = {
        (verdict.gate, verdict.candidate, verdict.split): Undecided(
            verdict.gate, verdict.candidate, verdict.split, verdict.n, verdict.needed
        )
        for decision in decisions.values()
        for verdict in decision.verdicts
        if verdict.outcome == INCONCLUSIVE
    }
    return tuple(found.values())
