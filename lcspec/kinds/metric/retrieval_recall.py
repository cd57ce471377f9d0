"""Retrieval recall: the share of rows whose source document is among the retrieved passages.

It tells a failure of retrieval from a failure of the model. The document is named by the data's `source` column, by id
or by title; a passage `doc#3` belongs to the document `doc`. With it comes the mean reciprocal rank.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from lcspec.ir.scored import Scored
from lcspec.kinds.api import Body, Kind
from lcspec.metrickind import lower_metric, proportion

needs = ("source", "hits")


class RetrievalRecallBody(Body):
    """Retrieval recall has no options."""


def rank(row: Scored) -> int | None:
    """The place, from 1, of the first passage of the source document; None when it was not retrieved."""
    wanted = _plain(row.source or "")
    for place, hit in enumerate(row.hits, 1):
        id, title = str(hit.get("id", "")), str(hit.get("title", ""))
        if wanted and wanted in (_plain(id), _plain(id.rpartition("#")[0]), _plain(title)):
            return place
    return None


def _plain(text: str) -> str:
    return " ".join(text.casefold().split())


def per_row(row: Scored) -> float | None:
    """1 when the source document was retrieved, None for a row without one."""
    return float(rank(row) is not None) if row.source else None


def compute(rows: Sequence[Scored], params: Mapping[str, Any]) -> dict[str, Any]:
    """The share with its counts, and `mean_reciprocal_rank`."""
    ranks = [rank(row) for row in rows if row.source]
    reciprocal = sum(1 / place for place in ranks if place) / len(ranks) if ranks else None
    return proportion(map(per_row, rows), mean_reciprocal_rank=reciprocal)


EXAMPLE = "{kind: retrieval-recall}"
KIND = Kind(
    family="metric",
    name="retrieval-recall",
    version=1,
    body=RetrievalRecallBody,
    lower=lower_metric,
    summary="share of rows whose document was retrieved",
    example=EXAMPLE,
)
