"""What the metric kinds have in common: proportions and means as they are recorded, and how answers are compared."""

import math
import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from lcspec.ir.scored import Scored
from lcspec.ir.spec import Bound
from lcspec.ir.strict import marked
from lcspec.kinds.api import Context

MOST_CLASSES = 64  # beyond it a table of classes is no longer read, and records grow with its square
OTHER = "(other)"
_WORDS = re.compile(r"(?<!\w)-?\d+(?:\.\d+)?|\w+")
_ARTICLES = frozenset({"a", "an", "the"})


def lower_metric(ctx: Context, entry: Bound) -> dict[str, Any]:
    """The params that `compute` takes: the entry's own fields and the declared labels."""
    return {**marked(entry.body), "labels": list(ctx.scope.labels)}


# --- what is recorded ------------------------------------------------------------------------------------------


def proportion(values: Iterable[float | None], *, higher_is_better: bool = True, **extra: Any) -> dict[str, Any]:
    """A share of rows, with its counts; rows that have no value are left out, and value is None when none is left."""
    known = [value for value in values if value is not None]
    hits = sum(value > 0 for value in known)
    share = hits / len(known) if known else None
    return {"value": share, "n": len(known), "successes": hits, "higher_is_better": higher_is_better, **extra}


def mean(values: Iterable[float | None], *, higher_is_better: bool = True, **extra: Any) -> dict[str, Any]:
    """A mean over rows with its standard error (None for a single row)."""
    known = [value for value in values if value is not None]
    n = len(known)
    value = math.fsum(known) / n if n else None
    error = None
    if value is not None and n > 1:
        error = math.sqrt(math.fsum((one - value) ** 2 for one in known) / (n - 1) / n)
    return {"value": value, "n": n, "std_error": error, "higher_is_better": higher_is_better, **extra}


# --- how answers are compared ----------------------------------------------------------------------------------


def predicted(row: Scored) -> str:
    """The class that a row was put into: the label the pipeline read, else the answer's text."""
    return row.label if row.label is not None else row.answer.strip()


def right_answers(row: Scored) -> tuple[str, ...]:
    """All right answers of a row."""
    return row.accepted or ((row.target,) if row.target is not None else ())


def words(text: str) -> tuple[str, ...]:
    """The words and numbers of a text, case-folded, without punctuation; `1,000` is one number, `3.5` too.

    English articles go, as in SQuAD (Rajpurkar et al. 2016), unless nothing else is there: an answer may be `A`.
    """
    plain = re.sub(r"(?<=\d),(?=\d{3}(?!\d))", "", unicodedata.normalize("NFKC", text).casefold())
    found = tuple(_WORDS.findall(plain))
    return tuple(word for word in found if word not in _ARTICLES) or found


def holds(text: Sequence[str], part: Sequence[str]) -> bool:
    """Whether the words of `part` stand in `text` in that order without a gap; an empty part never does."""
    size = len(part)
    return size > 0 and any(tuple(text[at : at + size]) == tuple(part) for at in range(len(text) - size + 1))


# --- classes ---------------------------------------------------------------------------------------------------


def pairs(rows: Sequence[Scored]) -> list[tuple[str, str]]:
    """(target, prediction) of every row that has a target."""
    return [(row.target, predicted(row)) for row in rows if row.target is not None]


def classes(answered: Sequence[tuple[str, str]], labels: Sequence[str]) -> tuple[str, ...]:
    """The classes to report: as declared, else the targets that occur, sorted."""
    return tuple(labels) or tuple(sorted({target for target, _ in answered}))


def class_table(answered: Sequence[tuple[str, str]], labels: Sequence[str]) -> list[dict[str, Any]]:
    """Support, predictions, precision, recall and F1 of each class; a rate over nothing is None."""
    support = Counter(target for target, _ in answered)
    claimed = Counter(prediction for _, prediction in answered)
    right = Counter(target for target, prediction in answered if target == prediction)
    table = []
    for label in labels:
        of, said, hit = support[label], claimed[label], right[label]
        table.append(
            {
                "label": label,
                "support": of,
                "predicted": said,
                "precision": hit / said if said else None,
                "recall": hit / of if of else None,
                "f1": 2 * hit / (of + said) if of + said else None,
            }
        )
    return table


def confusion(answered: Sequence[tuple[str, str]], labels: Sequence[str]) -> dict[str, Any]:
    """Counts by target (rows) and prediction (columns); what is none of the labels is counted as `(other)`."""
    counts = Counter(answered)
    known = set(labels)
    other = Counter(target for target, prediction in answered if prediction not in known)
    matrix = [[counts[target, prediction] for prediction in labels] for target in labels]
    if not other:
        return {"labels": list(labels), "columns": list(labels), "counts": matrix}
    widened = [[*line, other[target]] for target, line in zip(labels, matrix, strict=True)]
    return {"labels": list(labels), "columns": [*labels, OTHER], "counts": widened}


def declared(params: Mapping[str, Any]) -> tuple[str, ...]:
    """The labels among a metric's params; empty when there are none."""
    return tuple(params.get("labels") or ())


# --- likelihoods -----------------------------------------------------------------------------------------------


def per_token(rows: Sequence[Scored]) -> tuple[float | None, float | None, int, int]:
    """(mean negative log-likelihood of a token, its standard error over rows, rows, tokens) of judged rows."""
    known = [row.scores for row in rows if row.scores and row.scores.get("tokens")]
    tokens = math.fsum(scores["tokens"] for scores in known)
    if not known or not tokens:
        return None, None, 0, 0
    value = math.fsum(scores["nll"] for scores in known) / tokens
    n = len(known)
    if n < 2:
        return value, None, n, int(tokens)
    spread = [scores["nll"] - value * scores["tokens"] for scores in known]  # a ratio's residuals; their mean is 0
    error = math.sqrt(math.fsum(one**2 for one in spread) / (n - 1) / n) / (tokens / n)
    return value, error, n, int(tokens)


def per_token_rows(rows: Sequence[Scored]) -> list[float | None]:
    """One value per row whose mean is `per_token`'s and whose spread gives its standard error."""
    value, _, n, tokens = per_token(rows)
    if value is None:
        return [None for _ in rows]
    mean = tokens / n
    scores = [row.scores if row.scores and row.scores.get("tokens") else None for row in rows]
    return [None if one is None else value + (one["nll"] - value * one["tokens"]) / mean for one in scores]
