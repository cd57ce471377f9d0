"""Label validity: the share of answers from which the pipeline could read one of the declared labels.

It tells an answer in the wrong form from a wrong answer. Limits: with likelihood scoring it is 1 by construction,
unless a guardrail refuses; it matters for generated answers.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from lcspec.ir.scored import Scored
from lcspec.kinds.api import Body, Kind
from lcspec.metrickind import lower_metric, proportion

needs = ("labels",)
_SHOWN = 10


class LabelValidityBody(Body):
    """Label validity has no options."""


def per_row(row: Scored) -> float | None:
    """1 when a label was read from the answer; the pipeline reads none but declared ones."""
    return float(row.label is not None)


def compute(rows: Sequence[Scored], params: Mapping[str, Any]) -> dict[str, Any]:
    """The share with its counts, and the most frequent answers that are no label."""
    wrong = Counter(row.answer.strip()[:80] for row in rows if row.label is None)
    shown = sorted(wrong.items(), key=lambda item: (-item[1], item[0]))[:_SHOWN]
    return proportion(map(per_row, rows), invalid=[{"answer": text, "rows": count} for text, count in shown])


EXAMPLE = "{kind: label-validity}"
KIND = Kind(
    family="metric",
    name="label-validity",
    version=1,
    body=LabelValidityBody,
    lower=lower_metric,
    summary="share of answers that are a label",
    example=EXAMPLE,
)
