"""Loss: the mean negative log-likelihood of a token of the right answer, in natural logarithms. Smaller is better.

The sum over all tokens of all rows by their number, as training reports it. Needs a suite of `kind: perplexity`. Values
of models with different tokenizers do not compare.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from lcspec.ir.scored import Scored
from lcspec.kinds.api import Body, Kind
from lcspec.metrickind import lower_metric, per_token, per_token_rows

needs = ("likelihood",)


class LossBody(Body):
    """Loss has no options."""


def per_rows(rows: Sequence[Scored], params: Mapping[str, Any]) -> list[float | None]:
    """One value per row whose mean is the loss: rows weigh by their tokens."""
    return per_token_rows(rows)


def compute(rows: Sequence[Scored], params: Mapping[str, Any]) -> dict[str, Any]:
    """The loss with its standard error over rows, and the number of tokens."""
    value, error, n, tokens = per_token(rows)
    return {"value": value, "n": n, "std_error": error, "tokens": tokens, "higher_is_better": False}


EXAMPLE = "{kind: loss}"
KIND = Kind(
    family="metric",
    name="loss",
    version=1,
    body=LossBody,
    lower=lower_metric,
    summary="mean negative log-likelihood per token",
    example=EXAMPLE,
)
