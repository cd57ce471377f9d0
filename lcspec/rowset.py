"""Rows of a data set: reading faults, ids, splits and leaks. Shared by the kinds of the family `data`."""

import hashlib
import json
import random
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any

from lcspec.ir.strict import Strict, option
from lcspec.units import Quantity, WrongUnit

SPLITS = ("train", "validation", "test")


def _part(value: object) -> object:
    """A share (`10%`, 0.1) becomes a float, a number of rows stays an int. A share that was read reads back."""
    if isinstance(value, int) and not isinstance(value, bool) and value > 0:
        return value
    if isinstance(value, float) and 0 < value <= 1:
        return value
    match = re.fullmatch(r"\s*([0-9]+(?:\.[0-9]+)?)\s*%\s*", value) if isinstance(value, str) else None
    if match and 0 < float(match.group(1)) <= 100:
        return float(match.group(1)) / 100
    raise WrongUnit(f"`{value}` is neither a number of rows nor a percentage")


Part = Annotated[
    int | float,
    Quantity(
        _part, schema={"type": ["number", "string"], "description": "Rows, or a percentage.", "examples": [200, "10%"]}
    ),
]


class Columns(Strict):
    """Which columns play which role; every column is a variable of prompts under its own name."""

    input: str = option(doc="The column that the user's message fills when the model is served.")
    target: str | None = option(None, doc="The column with the right answer.")
    accepted: str | None = option(None, doc="The column with a list of further right answers.")
    source: str | None = option(None, doc="The column that names the document which holds the answer.")


class Split(Strict):
    """How rows are divided. Official files stay as they are; what they lack is carved out of train."""

    train: Part | None = option(None, doc="Rows or share for training; the rest when left out.")
    validation: Part | None = option(None, doc="Rows or share that selection reads.")
    test: Part | None = option(None, doc="Rows or share that judges once.")
    seed: int = option(0, doc="Seed of the shuffle.")


@dataclass(frozen=True, slots=True)
class DataFault(Exception):
    """A fault in a data file: `line` is 1-based, 0 when the whole file is meant; `value` is the text at fault."""

    code: str
    file: str
    line: int
    message: str
    help: str
    value: str = ""


@dataclass(frozen=True, slots=True)
class Row:
    """One example: `variables` by column name; `id` is the digest of its content and its occurrence."""

    id: str
    variables: Mapping[str, str]
    target: str | None = None
    accepted: tuple[str, ...] = ()
    source: str | None = None

    def to_json(self) -> dict[str, Any]:
        """The row as a line of JSONL."""
        return {
            "id": self.id,
            "row": dict(self.variables),
            "target": self.target,
            "accepted": list(self.accepted),
            "source": self.source,
        }

    @staticmethod
    def from_json(data: Mapping[str, Any]) -> "Row":
        """The row that `to_json` wrote."""
        return Row(data["id"], data["row"], data["target"], tuple(data["accepted"]), data["source"])


@dataclass(slots=True)
class RowSet:
    """Rows by split, with what was noticed while making it."""

    splits: dict[str, list[Row]]
    notes: list[str] = field(default_factory=list)
    counts: dict[str, Any] = field(default_factory=dict)


def make_rows(
    raw: Iterable[tuple[int, Mapping[str, Any]]],
    file: str,
    columns: Columns,
    labels: Mapping[str, str],
    allowed: Sequence[str],
) -> list[Row]:
    """Rows from (line, values) pairs: columns checked, labels renamed and held against the declared set.

    Raises:
        DataFault: LC0402 no rows, LC0403 a column is missing, LC0404 a label that the scope does not declare.
    """
    made: list[Row] = []
    seen: Counter[str] = Counter()
    for line, values in raw:
        target = None
        for column in filter(None, (columns.input, columns.target, columns.accepted, columns.source)):
            if values.get(column) is None or values[column] == "":
                help = f"columns here: {', '.join(map(str, values))}"
                raise DataFault("LC0403", file, line, f"the row has no `{column}`", help)
        if columns.target:
            target = labels.get(str(values[columns.target]), str(values[columns.target]))
            if allowed and target not in allowed:
                help = f"declared labels: {', '.join(allowed)}; rename it under `labels:` or declare it in the scope"
                message = f"the label `{target}` is not in `scope.labels`"
                raise DataFault("LC0404", file, line, message, help, str(values[columns.target]))
        accepted = values[columns.accepted] if columns.accepted else []
        roles = (columns.target, columns.accepted)
        variables = {name: str(value) for name, value in values.items() if name not in roles and value is not None}
        content = hashlib.sha256(json.dumps([variables, target], sort_keys=True).encode()).hexdigest()[:16]
        seen[content] += 1
        options = (accepted,) if isinstance(accepted, str) else tuple(map(str, accepted))
        source = str(values[columns.source]) if columns.source else None
        made.append(Row(f"{content}-{seen[content]}", variables, target, options, source))
    if not made:
        raise DataFault("LC0402", file, 0, "the file has no rows", "give it at least one row")
    return made


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
        fresh = [row for row in rows if _normal(row.variables[column]) not in seen]
        if name != "test" and len(fresh) < len(rows):
            notes.append(f"{len(rows) - len(fresh)} rows of {name} also stand in a split that judges; left out")
            kept[name] = fresh
        seen |= {_normal(row.variables[column]) for row in rows}
    counts = {name: len(rows) for name, rows in kept.items()}
    by_label = {name: dict(sorted(Counter(row.target or "" for row in rows).items())) for name, rows in kept.items()}
    return RowSet(kept, notes, {"rows": counts, "labels": by_label})


def _normal(text: str) -> str:
    return " ".join(re.findall(r"\w+", text.lower()))


def write_rows(rows: RowSet, folder: Path) -> None:
    """One `SPLIT.jsonl` per split in `folder`."""
    for name, listed in rows.splits.items():
        lines = (json.dumps(row.to_json(), ensure_ascii=False, sort_keys=True) for row in listed)
        (folder / f"{name}.jsonl").write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")


def read_rows(folder: Path, split: str) -> list[Row]:
    """The rows of one split that `write_rows` wrote; FileNotFoundError when there is none."""
    with (folder / f"{split}.jsonl").open(encoding="utf-8") as lines:
        return [Row.from_json(json.loads(line)) for line in lines]


def sample(rows: Sequence[Row], count: int | None, seed: int) -> list[Row]:
    """A seeded sample of `count` rows in their original order; all rows when there are no more."""
    if count is None or count >= len(rows):
        return list(rows)
    picked = sorted(random.Random(seed).sample(range(len(rows)), count))
    return [rows[index] for index in picked]
