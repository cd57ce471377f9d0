"""What a gate says about what was measured. Pure; the interval is made at the gate's own confidence.

**A gate never passes on a value that was not measured**: a missing metric, None, NaN and zero rows are inconclusive.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from lcspec import stats
from lcspec.ir.plan import Gate
from lcspec.ir.verdict import FAIL, INCONCLUSIVE, NOT_APPLICABLE, PASS, Verdict
from lcspec.stats import Interval
from lcspec.units import format_seconds

Numbers = Mapping[str, Any] | None


@dataclass(frozen=True, slots=True)
class _Evidence:
    """A value with its interval; both None when there is nothing to decide by, and then `why` tells."""

    value: float | None
    interval: Interval | None
    n: int
    why: str = ""


def judge(gate: Gate, *, candidate: str, split: str, metric: Numbers, comparison: Numbers) -> Verdict:
    """The verdict of `gate` on one candidate.

    Args:
        gate: exactly one of at_least, at_most and not_worse_than is set; ValueError otherwise.
        candidate: the candidate's id, for the verdict.
        split: where it was measured, for the verdict.
        metric: what a score step recorded: value, n (None: a single measurement such as a latency), and successes or
            std_error; higher_is_better; range, when values have limits.
        comparison: what a compare step recorded: difference (ours − theirs), n, and better and worse or std_error;
            None when there is no reference.
    """
    given = [limit is not None for limit in (gate.at_least, gate.at_most, gate.not_worse_than)]
    if sum(given) != 1:
        raise ValueError(f"the gate `{gate.name}` must have exactly one limit")
    if gate.not_worse_than is not None:
        return _paired(gate, candidate, split, metric, comparison)
    threshold = gate.at_least if gate.at_least is not None else gate.at_most
    assert threshold is not None  # noqa: S101 - one of them is set
    found = _measured(metric, gate.confidence)
    if found.value is None or found.interval is None:
        why = found.why or "not measured"
        return _verdict(gate, candidate, split, INCONCLUSIVE, found, threshold, why)
    outcome = _side(found.interval, threshold, rising=gate.at_least is not None)
    needed = _needed(metric or {}, found, threshold, gate.confidence) if outcome == INCONCLUSIVE else None
    why = _sentence(gate, found, outcome, threshold, needed)
    return _verdict(gate, candidate, split, outcome, found, threshold, why, needed)


def interval_of(metric: Numbers, confidence: float = 0.95) -> Interval | None:
    """The interval of a recorded metric whose ends are one-sided bounds; None without counts or a standard error."""
    found = _measured(metric, confidence)
    return found.interval if found.n else None


def _verdict(
    gate: Gate,
    candidate: str,
    split: str,
    outcome: str,
    found: _Evidence,
    threshold: float,
    why: str,
    needed: int | None = None,
) -> Verdict:
    low, high = found.interval if found.interval else (None, None)
    return Verdict(
        gate=gate.name,
        candidate=candidate,
        split=split,
        outcome=outcome,
        value=found.value,
        low=low,
        high=high,
        threshold=threshold,
        n=found.n,
        needed=needed,
        why=why,
    )


def _side(interval: Interval, threshold: float, *, rising: bool) -> str:
    """Pass when all of the interval is on the good side (`rising`: above), fail when all of it is on the other."""
    if rising:
        return PASS if interval.low >= threshold else FAIL if interval.high < threshold else INCONCLUSIVE
    return PASS if interval.high <= threshold else FAIL if interval.low > threshold else INCONCLUSIVE


def _number(value: Any) -> float | None:
    """A finite number, or None for everything else."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        return None
    return float(value)


# --- a value against a threshold -------------------------------------------------------------------------------


def _measured(metric: Numbers, confidence: float) -> _Evidence:
    value = _number(metric.get("value")) if metric else None
    if metric is None or value is None:
        return _Evidence(None, None, 0)
    if metric.get("n") is None:
        return _Evidence(value, Interval(value, value), 0)
    n = int(metric["n"])
    if n < 1:
        return _Evidence(None, None, 0)
    successes, error = _number(metric.get("successes")), _number(metric.get("std_error"))
    if successes is not None and 0 <= successes <= n:
        return _Evidence(value, stats.wilson(successes, n, confidence), n)
    if error == 0 and 0 <= value <= 1:
        # Rows that all agree show no spread, which is no proof of none; a share has at most a proportion's.
        return _Evidence(value, stats.wilson(value * n, n, confidence), n)
    if error is not None and error >= 0 and n > 1:
        return _Evidence(value, _within(metric.get("range"), stats.mean_interval(value, error, n, confidence)), n)
    return _Evidence(value, None, n, f"{_show(value)} on {_rows(n)} has neither counts nor a standard error")


def _within(limits: Any, interval: Interval) -> Interval:
    """The interval cut to the range that a metric can have."""
    low, high = limits or (-math.inf, math.inf)
    return Interval(max(low, interval.low), min(high, interval.high))


def _needed(metric: Mapping[str, Any], found: _Evidence, threshold: float, confidence: float) -> int | None:
    assert found.value is not None  # noqa: S101 - only a measured value is inconclusive about a threshold
    error = _number(metric.get("std_error"))
    if _number(metric.get("successes")) is not None or error == 0:
        needed = stats.rows_needed(found.value, threshold, confidence)
    else:
        needed = stats.rows_needed_mean(found.value, error or 0.0, found.n, threshold, confidence)
    return None if needed is None else max(needed, found.n + 1)


def _sentence(gate: Gate, found: _Evidence, outcome: str, threshold: float, needed: int | None) -> str:
    assert found.value is not None and found.interval is not None  # noqa: S101
    rising, value = gate.at_least is not None, _show(found.value)
    if not found.n:
        show = _duration if "latency" in gate.metric else _show
        return f"{show(found.value)}, {_wanted(rising)} {show(threshold)}; measured once, so without an interval"
    limit = f"{_wanted(rising)} {_show(threshold)}"
    low, high = _show(found.interval.low), _show(found.interval.high)
    bound = f"at least {low}" if rising == (outcome == PASS) else f"at most {high}"
    if outcome == INCONCLUSIVE:
        bound = f"between {low} and {high}"
    return f"{value} on {_rows(found.n)}; {_at(gate.confidence)} {bound}, {limit}{_advice(needed, outcome)}"


def _wanted(rising: bool) -> str:
    return "needs" if rising else "allowed"


def _advice(needed: int | None, outcome: str, what: str = "rows") -> str:
    if outcome != INCONCLUSIVE:
        return ""
    if needed is None:
        return f"; no number of {what} would decide it at this value"
    digits = max(0, len(str(needed)) - 2)
    return f"; about {math.ceil(needed / 10**digits) * 10**digits:,} {what} would decide it".replace(",", " ")


# --- a paired comparison ---------------------------------------------------------------------------------------


def _paired(gate: Gate, candidate: str, split: str, metric: Numbers, comparison: Numbers) -> Verdict:
    floor = 0.0 - gate.margin  # not -0.0, which would be shown
    if comparison is None:
        why = f"there is no {gate.not_worse_than} to compare with"
        return _verdict(gate, candidate, split, NOT_APPLICABLE, _Evidence(None, None, 0), floor, why)
    turned = _turned(comparison, metric)
    found = _difference(turned, gate.confidence)
    if found.value is None or found.interval is None:
        return _verdict(gate, candidate, split, INCONCLUSIVE, found, floor, found.why or "not measured")
    outcome = _side(found.interval, floor, rising=True)
    needed = None
    if outcome == INCONCLUSIVE:
        needed = _needed_paired(turned, found, gate)
        needed = None if needed is None else max(needed, found.n + 1)
    why = _paired_sentence(gate, turned, found, outcome, needed)
    return _verdict(gate, candidate, split, outcome, found, floor, why, needed)


def _turned(comparison: Mapping[str, Any], metric: Numbers) -> Mapping[str, Any]:
    """The comparison with its sign turned so that a positive difference is an improvement."""
    higher = comparison.get("higher_is_better", (metric or {}).get("higher_is_better", True))
    difference = _number(comparison.get("difference"))
    if higher or difference is None:
        return comparison
    swapped = {"better": comparison.get("worse"), "worse": comparison.get("better")}
    return {**comparison, **swapped, "difference": 0.0 - difference}


def _difference(comparison: Mapping[str, Any], confidence: float) -> _Evidence:
    value, n = _number(comparison.get("difference")), int(comparison.get("n") or 0)
    if value is None or n < 1:
        return _Evidence(None, None, 0)
    better, worse, error = (_number(comparison.get(name)) for name in ("better", "worse", "std_error"))
    if better is not None and worse is not None and min(better, worse) >= 0 and better + worse <= n:
        return _Evidence(value, stats.tango(better, worse, n, confidence), n)
    if error == 0 and value == 0:
        return _Evidence(value, stats.tango(0, 0, n, confidence), n)  # alike on all rows: no proof of equality
    if error is not None and error >= 0 and n > 1:
        return _Evidence(value, stats.mean_interval(value, error, n, confidence), n)
    return _Evidence(value, None, n, f"a difference on {_rows(n)} without discordant counts or a standard error")


def _needed_paired(comparison: Mapping[str, Any], found: _Evidence, gate: Gate) -> int | None:
    assert found.value is not None  # noqa: S101
    error = _number(comparison.get("std_error"))
    if _number(comparison.get("better")) is not None or error == 0:
        better, worse = int(comparison.get("better") or 0), int(comparison.get("worse") or 0)
        return stats.rows_needed_paired(better, worse, found.n, gate.margin, gate.confidence)
    return stats.rows_needed_mean(found.value, error or 0.0, found.n, -gate.margin, gate.confidence)


def _paired_sentence(
    gate: Gate, comparison: Mapping[str, Any], found: _Evidence, outcome: str, needed: int | None
) -> str:
    assert found.value is not None and found.interval is not None  # noqa: S101
    counts = ""
    if comparison.get("better") is not None:
        counts = f" ({comparison['better']} better, {comparison['worse']} worse)"
    than = f"{_worse(found.value)} than" if found.value else "as good as"
    head = f"{than} {gate.not_worse_than} on {_rows(found.n, 'paired ')}{counts}"
    low, high = _worse(found.interval.low), _worse(found.interval.high)
    bound = {PASS: f"at worst {low}", FAIL: f"at best {high}"}.get(outcome, f"between {low} and {high}")
    tail = f"{_at(gate.confidence)} {bound}, allowed {_show(gate.margin)} worse"
    return f"{head}; {tail}{_advice(needed, outcome, 'paired rows')}"


def _worse(difference: float) -> str:
    return f"{_show(abs(difference))} {'better' if difference > 0 else 'worse'}"


def _show(value: float) -> str:
    """Three decimals for shares, four digits for what is larger."""
    return f"{value:.3f}" if abs(value) < 10 else f"{value:,.4g}"


def _duration(seconds: float) -> str:
    return f"{seconds * 1000:.0f} ms" if seconds < 1 else format_seconds(seconds)


def _rows(n: int, kind: str = "") -> str:
    return f"{n:,} {kind}row{'' if n == 1 else 's'}".replace(",", " ")


def _at(confidence: float) -> str:
    return f"at {confidence * 100:.4g} %"
