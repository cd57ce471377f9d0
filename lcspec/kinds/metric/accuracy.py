"""Accuracy: the share of rows whose predicted class is the right one.

The class is the label that the pipeline read from the answer, else the answer's text as it stands; a refusal is a wrong
answer. With it come the per-class table and the confusion matrix. Limits: with rare classes it says little about them;
read `macro-f1` beside it. For free text use `exact-match` or `hit-rate`.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from lcspec.ir.scored import Scored
from lcspec.kinds.api import Body, Kind
from lcspec.metrickind import (
    MOST_CLASSES,
    class_table,
    classes,
    confusion,
    declared,
    lower_metric,
    pairs,
    predicted,
    proportion,
)

needs = ("target",)


class AccuracyBody(Body):
    """Accuracy has no options."""


def per_row(row: Scored) -> float | None:
    """1 for a right class, 0 for a wrong one, None for a row without a target."""
    return None if row.target is None else float(predicted(row) == row.target)


def compute(rows: Sequence[Scored], params: Mapping[str, Any]) -> dict[str, Any]:
    """The share with its counts, `classes` and `confusion`."""
    answered = pairs(rows)
    labels = classes(answered, declared(params))
    extra: dict[str, Any] = {}
    if 1 < len(labels) <= MOST_CLASSES:
        extra = {"classes": class_table(answered, labels), "confusion": confusion(answered, labels)}
    return proportion(map(per_row, rows), **extra)


EXAMPLE = "{kind: accuracy}"
KIND = Kind(
    family="metric",
    name="accuracy",
    version=1,
    body=AccuracyBody,
    lower=lower_metric,
    summary="share of rows in the right class",
    example=EXAMPLE,
)
