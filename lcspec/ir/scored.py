"""A row with the answer that a candidate gave: what metrics read. Data only."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Scored:
    """One answered row.

    Attributes:
        id: digest of the row's content and its occurrence.
        row: the row's variables by column name.
        target: the right answer, or None when the row has none.
        accepted: all right answers; holds `target` too.
        answer: the text that the user would see.
        label: the label that the pipeline read from the answer, or None.
        scores: log-likelihood of each label, when labels were scored.
        hits: retrieved passages, best first, each with id, title and score.
        refused: why a guardrail stopped the answer, or None.
        source: id or title of the document that holds the right answer, when known.
    """

    id: str
    row: Mapping[str, str]
    target: str | None = None
    accepted: tuple[str, ...] = ()
    answer: str = ""
    label: str | None = None
    scores: Mapping[str, float] | None = None
    hits: tuple[Mapping[str, Any], ...] = ()
    refused: str | None = None
    source: str | None = None
