"""How long prompts are in tokens: with the model's tokenizer where it is local, else a cautious estimate."""

import re
from collections.abc import Sequence
from typing import NamedTuple

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


def over(rows: Sequence[Row], prompt: Fields, counter: Counter | None, limit: int) -> Over:
    """The rows whose prompt and answer take more than `limit` tokens."""
    if not rows:
        return Over(0, "")
    used = template_variables(prompt.get("user")) & rows[0].variables.keys()
    texts = sorted((_text(row, used, prompt) for row in rows), key=len, reverse=True)
    frame = " ".join(filter(None, (prompt.get("system"), _VARIABLE.sub("", prompt.get("user") or ""))))
    shots = prompt.get("shots")
    if counter is None:
        middle = len(texts[len(texts) // 2]) + len(_VARIABLE.sub("", prompt.get("user") or ""))
        fixed = len(frame) + (shots.count * middle if shots else 0)
        long = [text for text in texts if (len(text) + fixed) / CHARACTERS > limit * CAUTION]
        longest = round((len(texts[0]) + fixed) / CHARACTERS)
        return Over(len(long), f"the longest takes about {longest} tokens (estimated, {CHARACTERS:g} characters each)")
    middle = counter(texts[len(texts) // 2]) + counter(_VARIABLE.sub("", prompt.get("user") or ""))
    fixed = counter(frame) + (shots.count * middle if shots else 0)
    sizes: list[int] = []
    for text in texts[:MOST]:
        if len(text.encode()) + fixed <= limit:
            break  # no tokenizer takes more tokens than bytes, and the rest is shorter
        sizes.append(counter(text) + fixed)
    count = sum(size > limit for size in sizes)
    return Over(count, f"the longest takes {max(sizes, default=0)} tokens (counted with the model's tokenizer)")


def _text(row: Row, used: frozenset[str], prompt: Fields) -> str:
    values = []
    for name in sorted(used):
        value, most = row.variables.get(name, ""), prompt.get("truncate", {}).get(name)
        values.append(" ".join(value.split()[:most]) if most else value)
    return " ".join([*values, row.target or (row.accepted[0] if row.accepted else "")])
