"""Exact match: the share of answers that are one of the right answers, word for word.

Case, punctuation, English articles and white space do not count, as in SQuAD (Rajpurkar et al. 2016); decimal points
and minus signs of numbers do. Limits: an answer in a full sentence is wrong; use `hit-rate` for those.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from lcspec.ir.scored import Scored
from lcspec.kinds.api import Body, Kind
from lcspec.metrickind import lower_metric, proportion, right_answers, words

needs = ("accepted",)


class ExactMatchBody(Body):
    """Exact match has no options."""


def per_row(row: Scored) -> float | None:
    """1 when the answer is a right one, None for a row without right answers."""
    right = right_answers(row)
    return float(any(words(row.answer) == words(answer) for answer in right)) if right else None


def compute(rows: Sequence[Scored], params: Mapping[str, Any]) -> dict[str, Any]:
    """The share with its counts."""
    return proportion(map(per_row, rows))


EXAMPLE = "{kind: exact-match}"
KIND = Kind(
    family="metric",
    name="exact-match",
    version=1,
    body=ExactMatchBody,
    lower=lower_metric,
    summary="share of answers that equal a right one",
    example=EXAMPLE,
)
