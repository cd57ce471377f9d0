"""Macro F1: the mean over classes of the harmonic mean of precision and recall, so that rare classes count alike.

A class that neither occurs nor is predicted is left out; one that is only predicted counts as 0. It is no mean over
rows: its standard error is bootstrapped with a fixed seed, and a paired comparison goes through jackknife
pseudo-values.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from lcspec.ir.scored import Scored
from lcspec.kinds.api import Body, Kind
from lcspec.metrickind import class_table, classes, declared, lower_metric, pairs, predicted
from lcspec.stats import bootstrap_interval

needs = ("target",)
_RESAMPLES = 499
_MOST_DRAWN = 2_000_000  # rows drawn in all: a bound on time, some seconds


class MacroF1Body(Body):
    """Macro F1 has no options."""


def per_row(row: Scored) -> float | None:
    """None: F1 has no value of a single row; see `per_rows`."""
    return None


def per_rows(rows: Sequence[Scored], params: Mapping[str, Any]) -> list[float | None]:
    """The jackknife pseudo-value of each row, n F1 − (n − 1) F1 without it (Tukey 1958); None without a target.

    Their mean is F1 up to a bias of 1/n, and the spread of their paired differences is that of the change in F1. What
    leaving a row out does depends on its target and prediction only, so it is computed once for each such pair.
    """
    answered = pairs(rows)
    labels, n = classes(answered, declared(params)), len(answered)
    whole = macro_f1(answered, labels)
    pseudo: dict[tuple[str, str], float] = {}
    for at, pair in enumerate(answered):
        if pair not in pseudo:
            pseudo[pair] = n * whole - (n - 1) * macro_f1(answered[:at] + answered[at + 1 :], labels)
    return [None if row.target is None else pseudo[row.target, predicted(row)] for row in rows]


def macro_f1(answered: Sequence[tuple[str, str]], labels: Sequence[str]) -> float:
    """The mean F1 over the classes that occur or are predicted; 0 when none is."""
    known = [line["f1"] for line in class_table(answered, labels) if line["f1"] is not None]
    return sum(known) / len(known) if known else 0.0


def compute(rows: Sequence[Scored], params: Mapping[str, Any]) -> dict[str, Any]:
    """The mean F1 with a bootstrapped standard error."""
    answered = pairs(rows)
    labels = classes(answered, declared(params))
    error = None
    if len(answered) > 1:
        resamples = max(99, min(_RESAMPLES, _MOST_DRAWN // len(answered)))
        drawn = bootstrap_interval(answered, lambda drawn: macro_f1(drawn, labels), seed=0, resamples=resamples)
        error = drawn.std_error
    value = macro_f1(answered, labels) if answered else None
    return {"value": value, "n": len(answered), "std_error": error, "range": [0.0, 1.0], "higher_is_better": True}


EXAMPLE = "{kind: macro-f1}"
KIND = Kind(
    family="metric",
    name="macro-f1",
    version=1,
    body=MacroF1Body,
    lower=lower_metric,
    summary="mean F1 over classes",
    example=EXAMPLE,
)
