"""Rows of a data set: columns, faults, ids, files. `rowsplits.py` divides them. Shared by the kinds of `data`."""

import hashlib
import json
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Annotated, Any

from lcspec.conversation import Unreadable, last_answer, read_conversation, read_judgement
from lcspec.ir.strict import Strict, option
from lcspec.units import Quantity, WrongUnit

SPLITS = ("train", "validation", "test")
ROLES = ("target", "accepted", "source", "messages", "chosen", "rejected", "completion", "desirable")
FURTHER = ("system", "chosen", "rejected", "completion", "desirable")


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


class MessageKeys(Strict):
    """How the messages of a conversation are written."""

    role: str = option("role", doc="The key that holds who speaks; `from` in ShareGPT files.")
    content: str = option("content", doc="The key that holds the text; `value` in ShareGPT files.")
    roles: Mapping[str, str] = option({}, doc="Names of speakers, theirs to system, user or assistant.")


class Columns(Strict):
    """Which columns play which role; every column is a variable of prompts under its own name."""

    input: str = option(
        doc="The column that the user's message fills when the model is served.",
        effect="Its text alone reaches the served model: what other columns add in training is missing then.",
    )
    target: str | None = option(
        None, doc="The column with the right answer.", effect="Decides what is right, for training and for metrics."
    )
    accepted: str | None = option(
        None,
        doc="The column with a list of further right answers.",
        effect="More right answers raise what exact comparisons count as right.",
    )
    source: str | None = option(
        None,
        doc="The column that names the document which holds the answer.",
        effect="Retrieval is judged by whether that document was found.",
    )
    messages: str | None = option(
        None, doc="The column with a conversation; its last user message becomes the variable that `input` names."
    )
    message_keys: MessageKeys = option(MessageKeys, doc="How the messages of conversations are written.")
    chosen: str | None = option(None, doc="The column with the better of two answers.")
    rejected: str | None = option(None, doc="The column with the worse of two answers.")
    completion: str | None = option(None, doc="The column with an answer that was judged by itself.")
    desirable: str | None = option(None, doc="The column that says whether that answer was good: true or false.")
    rename: Mapping[str, str] = option({}, doc="New names for columns, old to new; roles use the new ones.")


class Split(Strict):
    """How rows are divided. Official files stay as they are; what they lack is carved out of train."""

    train: Part | None = option(
        None,
        doc="Rows or share for training; the rest when left out.",
        effect="More rows to learn from leave fewer to choose and to judge with.",
    )
    validation: Part | None = option(
        None, doc="Rows or share that selection reads.", effect="More rows make the choice between candidates surer."
    )
    test: Part | None = option(
        None,
        doc="Rows or share that judges once.",
        effect="Intervals shrink with the root of the rows: four times as many halve them.",
    )
    seed: int = option(
        0,
        doc="Seed of the shuffle.",
        effect="Another seed is another division: results before and after do not compare.",
    )


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
    """One example: `variables` by column name; `id` is the digest of its content and its occurrence.

    `history` holds the turns (user, assistant) before the input, `system` the conversation's own system message;
    `chosen` and `rejected` are a pair of answers, `completion` one answer that was judged `desirable` or not.
    """

    id: str
    variables: Mapping[str, str]
    target: str | None = None
    accepted: tuple[str, ...] = ()
    source: str | None = None
    system: str | None = None
    history: tuple[tuple[str, str], ...] = ()
    chosen: str | None = None
    rejected: str | None = None
    completion: str | None = None
    desirable: bool | None = None

    def to_json(self) -> dict[str, Any]:
        """The row as a line of JSONL; what only some rows have is left out where they do not."""
        further = {name: getattr(self, name) for name in FURTHER if getattr(self, name) is not None}
        return {
            "id": self.id,
            "row": dict(self.variables),
            "target": self.target,
            "accepted": list(self.accepted),
            "source": self.source,
            **further,
            **({"history": [list(turn) for turn in self.history]} if self.history else {}),
        }

    @staticmethod
    def from_json(data: Mapping[str, Any]) -> "Row":
        """The row that `to_json` wrote."""
        history = tuple((user, assistant) for user, assistant in data.get("history", ()))
        further = {name: data[name] for name in FURTHER if name in data}
        return Row(
            data["id"], data["row"], data["target"], tuple(data["accepted"]), data["source"], history=history, **further
        )


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
        DataFault: LC0402 no rows, LC0403 a column is missing, LC0404 a label that the scope does not declare,
            LC0550 a conversation that cannot be read, LC0551 a judgement that is neither true nor false.
    """
    made: list[Row] = []
    seen: Counter[str] = Counter()
    wanted = _wanted(columns)
    for line, found in raw:
        values = {columns.rename.get(name, name): value for name, value in found.items()} if columns.rename else found
        for column in wanted:
            if values.get(column) is None or values[column] == "":
                help = f"columns here: {', '.join(map(str, values))}"
                raise DataFault("LC0403", file, line, f"the row has no `{column}`", help)
        try:
            row = _make_row(values, columns, labels)
        except Unreadable as fault:
            raise DataFault(fault.code, file, line, fault.message, fault.help) from None
        if columns.target and allowed and row.target not in allowed:
            help = f"declared labels: {', '.join(allowed)}; rename it under `labels:` or declare it in the scope"
            message = f"the label `{row.target}` is not in `scope.labels`"
            raise DataFault("LC0404", file, line, message, help, str(values[columns.target]))
        seen[row.id] += 1
        made.append(replace(row, id=f"{row.id}-{seen[row.id]}"))
    if not made:
        raise DataFault("LC0402", file, 0, "the file has no rows", "give it at least one row")
    return made


def _wanted(columns: Columns) -> list[str]:
    """The columns that every row must have."""
    input = None if columns.messages else columns.input
    named = [input, *(getattr(columns, role) for role in ROLES)]
    return [name for name in named if name is not None]


def _make_row(values: Mapping[str, Any], columns: Columns, labels: Mapping[str, str]) -> Row:
    """One row, whose id lacks the number of its occurrence."""
    taken = {getattr(columns, role) for role in ROLES if role != "source"}
    variables = {name: str(value) for name, value in values.items() if name not in taken and value is not None}
    target = None
    if columns.target:
        target = labels.get(str(values[columns.target]), str(values[columns.target]))
    accepted = values[columns.accepted] if columns.accepted else []
    row = Row(
        "",
        variables,
        target,
        (accepted,) if isinstance(accepted, str) else tuple(map(str, accepted)),
        str(values[columns.source]) if columns.source else None,
        **_judged(values, columns, labels),
    )
    if columns.messages:
        row = _talked(row, values[columns.messages], columns)
    further = [row.system, row.history, row.chosen, row.rejected, row.completion, row.desirable]
    content = [dict(row.variables), row.target, *(further if any(one not in (None, ()) for one in further) else ())]
    return replace(row, id=hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:16])


def _judged(values: Mapping[str, Any], columns: Columns, labels: Mapping[str, str]) -> dict[str, Any]:
    """Answers that were compared or judged, by role."""
    keys = columns.message_keys
    made: dict[str, Any] = {}
    for role in ("chosen", "rejected", "completion"):
        if column := getattr(columns, role):
            text = last_answer(values[column], keys.role, keys.content, keys.roles)
            made[role] = labels.get(text, text)
    if columns.desirable:
        made["desirable"] = read_judgement(values[columns.desirable])
    return made


def _talked(row: Row, cell: Any, columns: Columns) -> Row:
    """The row of a conversation: the last question is its input, the last answer its target."""
    keys = columns.message_keys
    talk = read_conversation(cell, keys.role, keys.content, keys.roles)
    turns, asked, target = talk.turns, talk.asked, row.target
    if not asked:
        turns, (asked, answer) = turns[:-1], turns[-1]
        target = answer if target is None else target
    return replace(
        row, variables={**row.variables, columns.input: asked}, target=target, system=talk.system, history=turns
    )


def write_rows(rows: RowSet, folder: Path) -> None:
    """One `SPLIT.jsonl` per split in `folder`."""
    for name, listed in rows.splits.items():
        lines = (json.dumps(row.to_json(), ensure_ascii=False, sort_keys=True) for row in listed)
        (folder / f"{name}.jsonl").write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")


def read_rows(folder: Path, split: str) -> list[Row]:
    """The rows of one split that `write_rows` wrote; FileNotFoundError when there is none."""
    with (folder / f"{split}.jsonl").open(encoding="utf-8") as lines:
        return [Row.from_json(json.loads(line)) for line in lines]
