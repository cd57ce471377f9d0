"""Preference accuracy: the share of pairs whose better answer the candidate finds more probable per token.

Needs rows with `chosen` and `rejected` in a suite of `kind: perplexity`. Per token, since else the shorter answer would
mostly win. Limits: it shows what the candidate prefers, not what it writes.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from lcspec.ir.scored import Scored
from lcspec.kinds.api import Body, Kind
from lcspec.metrickind import lower_metric, proportion

needs = ("likelihood", "pairs")


class PreferenceAccuracyBody(Body):
    """Preference accuracy has no options."""


def per_row(row: Scored) -> float | None:
    """1 when the better answer is more probable, None for a row that is no pair."""
    scores = row.scores or {}
    if "chosen" not in scores or "rejected" not in scores:
        return None
    return float(scores["chosen"] > scores["rejected"])


def compute(rows: Sequence[Scored], params: Mapping[str, Any]) -> dict[str, Any]:
    """The share with its counts, and the mean margin per token."""
    margins = [row.scores["chosen"] - row.scores["rejected"] for row in rows if row.scores and "rejected" in row.scores]
    return proportion(map(per_row, rows), margin=sum(margins) / len(margins) if margins else None)


EXAMPLE = "{kind: preference-accuracy}"
KIND = Kind(
    family="metric",
    name="preference-accuracy",
    version=1,
    body=PreferenceAccuracyBody,
    lower=lower_metric,
    summary="share of pairs ranked as people do",
    example=EXAMPLE,
)
