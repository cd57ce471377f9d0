"""Metrics from what lm-eval says of each row: its value, its spread, and a value of each row for paired comparisons.

lm-eval aggregates lists of what a task gave for each row. A mean is one as it stands. For what is no mean (F1, BLEU,
perplexity, an aggregation of the project's own) rows get jackknife pseudo-values (Efron and Stein 1981), moved so that
their mean is the aggregate: their spread is its standard error, and differences of candidates are taken row by row.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from lcspec.metrickind import mean, proportion

Aggregate = Callable[[list[Any]], Any]
MOST_TEXTS, MOST_NUMBERS = 1000, 10_000  # aggregates that are computed without one of the rows: n² rows in all


def judged(items: Sequence[Any], aggregate: Aggregate, value: Any, *, is_mean: bool, better: bool) -> tuple[Any, Any]:
    """(the metric as it is recorded, its value for each row).

    Args:
        items: what the task gave for each row.
        aggregate: what makes one number of a list of these.
        value: the number that it made of them all.
        is_mean: whether that is their plain mean.
        better: whether more is better.
    """
    whole = _number(value)
    rows = [_number(item) for item in items] if is_mean else _without_each(list(items), aggregate, whole)
    if is_mean and any(row is None for row in rows):
        whole = None  # a mean over rows that are no numbers is none
    known = [row for row in rows if row is not None]
    if is_mean and whole is not None and all(row in (0.0, 1.0) for row in known):
        return proportion(rows, higher_is_better=better), rows
    told = {**mean(rows, higher_is_better=better), "value": whole}
    if not known and whole is not None:
        told |= {"n": len(items), "std_error": None}
    return told, rows


def _without_each(items: list[Any], aggregate: Aggregate, whole: float | None) -> list[float | None]:
    n = len(items)
    if whole is None or n < 2:
        return [None] * n
    most = MOST_TEXTS if any(isinstance(part, str) for part in _parts(items[0])) else MOST_NUMBERS
    known: dict[Any, float | None] = {}
    made: list[float | None] = []
    for at, item in enumerate(items):
        mark = _mark(item, at)
        if mark not in known:
            if len(known) == most:
                return [None] * n
            known[mark] = _tried(aggregate, items[:at] + items[at + 1 :])
        without = known[mark]
        if without is None:
            return [None] * n
        made.append(n * whole - (n - 1) * without)
    moved = whole - math.fsum(one for one in made if one is not None) / n
    return [None if one is None else one + moved for one in made]


def _tried(aggregate: Aggregate, items: list[Any]) -> float | None:
    try:
        return _number(aggregate(items))
    except Exception:  # noqa: BLE001 - an aggregation may be the user's, and need not work without a row
        return None


def _mark(item: Any, at: int) -> Any:
    """Equal for rows without which the aggregate is the same."""
    try:
        hash(item)
    except TypeError:
        return at
    return type(item).__name__, item


def _parts(item: Any) -> Sequence[Any]:
    return item if isinstance(item, list | tuple) else (item,)


def _number(value: Any) -> float | None:
    plain = value.item() if hasattr(value, "item") and not isinstance(value, int | float) else value
    if isinstance(plain, bool | int | float) and math.isfinite(plain):
        return float(plain)
    return None


def pooled(parts: Mapping[str, Sequence[float | None]], *, better: bool) -> dict[str, Any]:
    """A mean over the rows of several tasks: each row counts alike, as in lm-eval's groups."""
    rows = [row for values in parts.values() for row in values]
    shares = all(row in (None, 0.0, 1.0) for row in rows)
    return (proportion if shares else mean)(rows, higher_is_better=better)
