"""Hit rate: the share of answers that contain one of the right answers, as whole words.

For open questions that are answered in sentences. Case, punctuation and English articles do not count. Limits: a long
answer that names everything hits too; keep `max-tokens` small.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from lcspec.ir.scored import Scored
from lcspec.kinds.api import Body, Kind
from lcspec.metrickind import holds, lower_metric, proportion, right_answers, words

needs = ("accepted",)


class HitRateBody(Body):
    """Hit rate has no options."""


def per_row(row: Scored) -> float | None:
    """1 when the answer holds a right one, None for a row without right answers."""
    right = right_answers(row)
    said = words(row.answer)
    return float(any(holds(said, words(answer)) for answer in right)) if right else None


def compute(rows: Sequence[Scored], params: Mapping[str, Any]) -> dict[str, Any]:
    """The share with its counts, and the mean length of an answer in words."""
    lengths = [len(row.answer.split()) for row in rows]
    return proportion(map(per_row, rows), mean_words=sum(lengths) / len(lengths) if lengths else None)


EXAMPLE = "{kind: hit-rate}"
KIND = Kind(
    family="metric",
    name="hit-rate",
    version=1,
    body=HitRateBody,
    lower=lower_metric,
    summary="share of answers that contain a right one",
    example=EXAMPLE,
)
