"""What the rules are told about the world beyond the spec's text: lent by `api`, looked up when a rule asks."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from lcspec.rowset import Row

Splits = Mapping[str, Sequence[Row]]
Counter = Callable[[str], int]


def _nothing(name: str) -> None:
    return None


@dataclass(frozen=True, slots=True)
class Known:
    """Facts for the rules. What is not known is absent or None: a rule is silent about it.

    Attributes:
        models: model entry to the facts of its files: from the lock, or read from local files.
        rows: data entry to its rows by split, as preparing would divide them, before leaks are taken out; None for
            what is remote, large or broken.
        documents: data entry to the texts of its documents by title; None as above.
        counter: model entry to a function that counts the tokens of a text with the model's own tokenizer.
    """

    models: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    rows: Callable[[str], Splits | None] = _nothing
    documents: Callable[[str], Mapping[str, str] | None] = _nothing
    counter: Callable[[str], Counter | None] = _nothing
