"""How long prompts are in tokens: with the model's tokenizer where it is local, else a cautious estimate."""

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from lcspec.compile.asking import Fields, template_variables
from lcspec.compile.known import Counter
from lcspec.rowset import Row

MOST = 400  # rows that are counted; the longest ones
CAUTION = 1.5  # an estimate must pass the limit by this much before it is told
CHARACTERS = 4.0  # of one token of English prose, byte-pair vocabularies of 32,000 and more
_VARIABLE = re.compile(r"\{\{.*?\}\}")


class Over(NamedTuple):
    """How many rows are too long, and how that was counted."""

    rows: int
    how: str


class Shown:
    """The rows of a split as prompts show them; made once for all prompts that show the same of a row."""

    def __init__(self, rows: Sequence[Row]) -> None:
        self._rows = rows
        self._texts: dict[tuple[Any, ...], tuple[str, ...]] = {}

    def texts(self, prompt: Fields) -> tuple[str, ...]:
        """What a prompt shows of each row with the row's answer, the longest first."""
        if not self._rows:
            return ()
        used = template_variables(prompt.get("user")).intersection(self._rows[0].variables)
        words = {name: most for name, most in prompt.get("truncate", {}).items() if name in used}
        at = (used, *sorted(words.items()))
        if at not in self._texts:
            self._texts[at] = tuple(sorted((_text(row, used, words) for row in self._rows), key=_bytes, reverse=True))
        return self._texts[at]


def over(shown: Shown, prompt: Fields, counter: Callable[[], Counter | None], limit: int) -> Over:
    """The rows whose prompt and answer take more than `limit` tokens; `counter` is asked for when it is needed."""
    texts = shown.texts(prompt)
    user = _VARIABLE.sub("", prompt.get("user") or "")
    frame = " ".join(filter(None, (prompt.get("system"), user)))
    shots = prompt.get("shots").count if prompt.get("shots") else 0
    # No tokenizer takes more tokens than bytes.
    if not texts or (1 + shots) * _bytes(texts[0]) + _bytes(frame) + shots * _bytes(user) <= limit:
        return Over(0, "")
    count = counter()
    middle = texts[len(texts) // 2]
    if count is None:
        fixed = len(frame) + shots * (len(middle) + len(user))
        long = [text for text in texts if (len(text) + fixed) / CHARACTERS > limit * CAUTION]
        longest = round((max(map(len, texts)) + fixed) / CHARACTERS)
        return Over(len(long), f"the longest takes about {longest} tokens (estimated, {CHARACTERS:g} characters each)")
    fixed = count(frame) + shots * (count(middle) + count(user))
    sizes = [count(text) + fixed for text in texts[:MOST] if _bytes(text) + fixed > limit]
    over = sum(size > limit for size in sizes)
    return Over(over, f"the longest takes {max(sizes, default=0)} tokens (counted with the model's tokenizer)")


def _bytes(text: str) -> int:
    return len(text.encode())


def _text(row: Row, used: frozenset[str], words: Mapping[str, int]) -> str:
    """The values of a row that are used, of some of them so many `words` alone, and its answer."""
    values = []
    for name in sorted(used):
        value, most = row.variables.get(name, ""), words.get(name)
        values.append(" ".join(value.split()[:most]) if most else value)
    return " ".join([*values, row.target or (row.accepted[0] if row.accepted else "")])
