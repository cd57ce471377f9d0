"""Rows divided: into the splits that learn, choose and judge, without leaks between them; and seeded samples."""

import random
import re
from collections import Counter
from collections.abc import Mapping, Sequence

from lcspec.rowset import SPLITS, DataFault, Row, RowSet, Split


def divide(files: Mapping[str, list[Row]], split: Split) -> dict[str, list[Row]]:
    """Rows by split: official splits as given, the missing ones carved out of `train` (or of `all`).

    Raises:
        DataFault: LC0405, when the parts ask for more rows than there are.
    """
    made = {name: list(rows) for name, rows in files.items() if name in SPLITS}
    pool = list(files.get("all", [])) or made.pop("train", [])
    if not pool:
        return made
    random.Random(split.seed).shuffle(pool)
    total, rest = len(pool), pool
    for name in ("test", "validation"):
        part = getattr(split, name)
        if part is None or name in made:
            continue
        count = part if isinstance(part, int) else round(part * total)
        if count > len(rest):
            message = f"the split `{name}` asks for {count} rows, {len(rest)} are left"
            raise DataFault("LC0405", "", 0, message, "ask for fewer rows")
        made[name], rest = rest[:count], rest[count:]
    if isinstance(split.train, int):
        rest = rest[: split.train]
    elif isinstance(split.train, float):
        rest = rest[: round(split.train * total)]
    made["train"] = rest
    return made


def without_leaks(splits: Mapping[str, list[Row]], column: str) -> RowSet:
    """The splits with rows removed from train and validation whose input also stands in a split that judges."""
    kept = {name: list(rows) for name, rows in splits.items()}
    notes = []
    seen: set[str] = set()
    for name in ("test", "validation", "train"):
        rows = kept.get(name, [])
        fresh = [row for row in rows if _asked(row, column) not in seen]
        if name != "test" and len(fresh) < len(rows):
            notes.append(f"{len(rows) - len(fresh)} rows of {name} also stand in a split that judges; left out")
            kept[name] = fresh
        seen |= {_asked(row, column) for row in rows}
    counts = {name: len(rows) for name, rows in kept.items()}
    by_label = {name: dict(sorted(Counter(row.target or "" for row in rows).items())) for name, rows in kept.items()}
    return RowSet(kept, notes, {"rows": counts, "labels": by_label})


def _asked(row: Row, column: str) -> str:
    """What a model is given for a row, as far as it comes from data."""
    return _normal(" ".join([*(text for turn in row.history for text in turn), row.variables[column]]))


def _normal(text: str) -> str:
    return " ".join(re.findall(r"\w+", text.lower()))


def sample(rows: Sequence[Row], count: int | None, seed: int) -> list[Row]:
    """A seeded sample of `count` rows in their original order; all rows when there are no more."""
    if count is None or count >= len(rows):
        return list(rows)
    picked = sorted(random.Random(seed).sample(range(len(rows)), count))
    return [rows[index] for index in picked]
