"""Refusal rate: the share of rows that a guardrail refused to answer. Lower is better.

A guardrail that stops good requests is a fault like any other; gate it with `at-most`. Limits: it counts what the
pipeline refused, not a model that talks its way out of an answer.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from lcspec.ir.scored import Scored
from lcspec.kinds.api import Body, Kind
from lcspec.metrickind import lower_metric, proportion

needs: tuple[str, ...] = ()


class RefusalRateBody(Body):
    """Refusal rate has no options."""


def per_row(row: Scored) -> float | None:
    """1 for a refused row."""
    return float(row.refused is not None)


def compute(rows: Sequence[Scored], params: Mapping[str, Any]) -> dict[str, Any]:
    """The share with its counts, and the counts of each reason."""
    reasons = Counter(row.refused for row in rows if row.refused is not None)
    return proportion(map(per_row, rows), higher_is_better=False, reasons=dict(sorted(reasons.items())))


EXAMPLE = "{kind: refusal-rate}"
KIND = Kind(
    family="metric",
    name="refusal-rate",
    version=1,
    body=RefusalRateBody,
    lower=lower_metric,
    summary="share of rows that were refused",
    example=EXAMPLE,
)
