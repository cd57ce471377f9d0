"""What the rules are told about the world beyond the spec's text: lent by `api`, looked up when a rule asks."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from lcspec.rowset import Row

Splits = Mapping[str, Sequence[Row]]
Counter = Callable[[str], int]


def _nothing(name: str) -> None:
    return None


class OwnFile(NamedTuple):
    """A file of the project that the spec names: its digest and text, None where there is no such file.

    A file that is too large to be looked into has an empty digest and no text. `outside` says how the name leads out of
    the folder of the spec; such a file is not looked into.
    """

    sha256: str | None = None
    text: str | None = None
    outside: str = ""


@dataclass(frozen=True, slots=True)
class Known:
    """Facts for the rules. What is not known is absent or None: a rule is silent about it.

    Attributes:
        models: model entry to the facts of its files: from the lock, or read from local files.
        rows: data entry to its rows by split, as preparing would divide them, before leaks are taken out; None for
            what is remote, large or broken.
        documents: data entry to the texts of its documents by title; None as above.
        files: path, as the spec says it, to a file of the project.
        counter: model entry to a function that counts the tokens of a text with the model's own tokenizer.
    """

    models: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    rows: Callable[[str], Splits | None] = _nothing
    documents: Callable[[str], Mapping[str, str] | None] = _nothing
    counter: Callable[[str], Counter | None] = _nothing
    files: Callable[[str], OwnFile | None] = _nothing
