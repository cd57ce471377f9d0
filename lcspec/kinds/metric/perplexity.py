"""Perplexity: e to the power of the loss, how many tokens the candidate hesitates between on average.

Needs a suite of `kind: perplexity`. Values of models with different tokenizers do not compare.
"""

import math
from collections.abc import Mapping, Sequence
from typing import Any

from lcspec.ir.scored import Scored
from lcspec.kinds.api import Body, Kind
from lcspec.metrickind import lower_metric, per_token, per_token_rows

needs = ("likelihood",)
LARGEST = 700.0  # e to more than that is no number


class PerplexityBody(Body):
    """Perplexity has no options."""


def per_rows(rows: Sequence[Scored], params: Mapping[str, Any]) -> list[float | None]:
    """One value per row whose mean is the perplexity, to first order in the rows' losses."""
    loss, *_ = per_token(rows)
    if loss is None:
        return [None for _ in rows]
    value = math.exp(min(loss, LARGEST))
    return [None if one is None else value * (1 + one - loss) for one in per_token_rows(rows)]


def compute(rows: Sequence[Scored], params: Mapping[str, Any]) -> dict[str, Any]:
    """The perplexity with its standard error over rows, and the number of tokens."""
    loss, error, n, tokens = per_token(rows)
    value = None if loss is None else math.exp(min(loss, LARGEST))
    spread = None if error is None or value is None else value * error
    made = {"value": value, "n": n, "std_error": spread, "tokens": tokens}
    return {**made, "higher_is_better": False}


EXAMPLE = "{kind: perplexity}"
KIND = Kind(
    family="metric",
    name="perplexity",
    version=1,
    body=PerplexityBody,
    lower=lower_metric,
    summary="e to the power of the loss",
    example=EXAMPLE,
)
