"""What a data file holds: its form, its columns, and counts that decide what a spec can do with it."""

import csv
import hashlib
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from lcspec.datafiles import read_jsonl, read_table
from lcspec.diag.model import Diagnostic, LcspecError
from lcspec.rowset import DataFault

MOST_VALUES = 1000  # distinct values of a column that are counted; beyond it the column is free text
SAMPLE = 20_000  # rows whose lengths are kept
DELIMITERS = {",": "csv", "\t": "tsv"}
JSON_SUFFIXES, TABLE_SUFFIXES = (".jsonl", ".ndjson"), (".csv", ".tsv", ".tab", ".txt")


@dataclass
class Column:
    """One column: `values` counts its distinct values until there are too many."""

    name: str
    filled: int = 0
    first_empty: int = 0
    empty: int = 0
    values: Counter[str] = field(default_factory=Counter)
    words: list[int] = field(default_factory=list)
    characters: list[int] = field(default_factory=list)
    types: Counter[str] = field(default_factory=Counter)

    @property
    def many(self) -> bool:
        """Whether it has more distinct values than were counted."""
        return len(self.values) > MOST_VALUES

    @property
    def type(self) -> str:
        """The type that most values have: str, int, float, bool, list or dict."""
        return self.types.most_common(1)[0][0] if self.types else "str"

    def quantile(self, share: float, of: str = "words") -> int:
        """The length in words (or characters) that `share` of the values do not exceed."""
        lengths = sorted(self.words if of == "words" else self.characters)
        return lengths[min(len(lengths) - 1, int(share * len(lengths)))] if lengths else 0

    @property
    def mean_words(self) -> float:
        """The mean length."""
        return sum(self.words) / len(self.words) if self.words else 0.0


@dataclass
class Look:
    """A data file as it was seen."""

    path: Path
    kind: str  # the kind of data that reads it
    format: str | None  # the table format, None for JSON lines
    rows: int
    columns: dict[str, Column]

    def rows_of(self) -> Iterator[tuple[int, Mapping[str, Any]]]:
        """(line, values) of each row, read again."""
        return _read(self.path, self.format)


def look(path: Path, *, trust_header: bool = False) -> Look:
    """Reads a file once.

    Raises:
        LcspecError: it is missing, of no form that is read, broken, empty, or without a header.
    """
    if path.is_dir():
        raise _no("LC0121", f"`{path}` is a folder", "name one file with rows: .jsonl, .csv or .tsv")
    if not path.is_file():
        raise _no("LC0401", f"there is no file `{path}`", "name a file with rows: .jsonl, .csv or .tsv")
    form = _form(path)
    columns: dict[str, Column] = {}
    rows = 0
    try:
        for line, values in _read(path, form):
            rows += 1
            _count(columns, values, line, rows)
    except DataFault as fault:
        where = f"{path}:{fault.line}: " if fault.line else ""
        raise _no(fault.code, f"{where}{fault.message}", fault.help) from None
    if not rows:
        raise _no("LC0402", f"`{path}` has no rows", "give it at least a few dozen")
    seen = Look(path, "jsonl" if form is None else "table", form, rows, columns)
    if form is not None and not trust_header:
        _header(seen)
    return seen


def _no(code: str, message: str, help: str) -> LcspecError:
    return LcspecError([Diagnostic(code, message, help=help)], 1)


def _read(path: Path, form: str | None) -> Iterator[tuple[int, Mapping[str, Any]]]:
    yield from read_jsonl(path, str(path)) if form is None else read_table(path, str(path), form)


def _form(path: Path) -> str | None:
    """The format of a table, None for JSON lines: by the suffix, and by what the first lines look like."""
    suffix = path.suffix.lower()
    with path.open("rb") as file:
        head = file.read(65536)
    if b"\0" in head:
        raise _no("LC0121", f"`{path}` is not text", "export it as .jsonl, .csv or .tsv in UTF-8")
    text = head.decode("utf-8-sig", errors="replace").lstrip()
    if suffix in JSON_SUFFIXES or (suffix not in TABLE_SUFFIXES and text.startswith("{")):
        return None
    if text.startswith("[") or suffix == ".json":
        help = f"write one object per line: `jq -c '.[]' {path} > {path.with_suffix('.jsonl').name}`"
        raise _no("LC0121", f"`{path}` is one JSON value, not one object per line", help)
    if suffix not in TABLE_SUFFIXES:
        raise _no("LC0121", f"`{path}` is of no form that is read", "give it the suffix .jsonl, .csv or .tsv")
    lines = [line for line in text.splitlines()[:20] if line.strip()]
    if not lines:
        raise _no("LC0402", f"`{path}` has no rows", "give it a header and at least a few dozen rows")
    return _delimiter(path, lines)


def _delimiter(path: Path, lines: list[str]) -> str:
    """The separator that cuts all first lines into the same number of cells, at least two."""
    cells = {mark: [len(row) for row in csv.reader(lines, delimiter=mark)] for mark in (",", "\t", ";", "|")}
    even = {mark: counts[0] for mark, counts in cells.items() if counts[0] > 1 and len(set(counts[:-1])) == 1}
    some = {mark: counts[0] for mark, counts in cells.items() if counts[0] > 1}
    best = max(even or some, key=lambda mark: (even or some)[mark], default=",")
    if best not in DELIMITERS:
        help = f"separate by commas: `python -c \"import csv,sys; csv.writer(sys.stdout).writerows(csv.reader(sys.stdin, delimiter='{best}'))\" < {path.name} > new.csv`"  # noqa: E501 - a command to copy
        raise _no("LC0121", f"the columns of `{path}` are separated by `{best}`", help)
    return DELIMITERS[best]


def _count(columns: dict[str, Column], values: Mapping[str, Any], line: int, row: int) -> None:
    for name in values:
        if name not in columns:
            columns[name] = Column(name, empty=row - 1, first_empty=0 if row == 1 else 1)
    for name, column in columns.items():
        value = values.get(name)
        if value is None or value == "":
            column.empty += 1
            column.first_empty = column.first_empty or line
            continue
        column.filled += 1
        column.types[type(value).__name__] += 1
        text = value if isinstance(value, str) else str(value)
        if not column.many:
            column.values[text] += 1
        if len(column.words) < SAMPLE:
            column.words.append(len(text.split()))
            column.characters.append(len(text))


def _header(seen: Look) -> None:
    """Refuses a table whose first line looks like a row: its cells would become the names of columns."""
    names = list(seen.columns)
    why = None
    for name, column in seen.columns.items():
        if not name.strip():
            why = "a cell of it is empty"
        elif name.replace(".", "").replace("-", "").strip().isdigit():
            why = f"`{name}` is a number"
        elif len(name.split()) > 6 or len(name) > 60:
            why = f"`{name[:40]}…` is a sentence"
        elif not column.many and len(column.values) * 5 <= column.filled and name in column.values:
            why = f"`{name}` is also a value of its column"
    if why:
        shown = ",".join(["text", "label", *(f"column{n}" for n in range(3, len(names) + 1))][: len(names)])
        help = f"put a line with names above it, say `{shown}`; or name `--input` and `--target` if these are names"
        raise _no("LC0121", f"the first line of `{seen.path}` looks like a row, not like names: {why}", help)


class Inputs:
    """What a second reading tells about the input: rows that say the same, and answers that contradict."""

    def __init__(self, seen: Look, column: str, target: str | None) -> None:
        first: dict[bytes, str] = {}
        self.repeated = self.contradicting = 0
        for _, values in seen.rows_of():
            text = " ".join(str(values.get(column, "")).lower().split())
            mark = hashlib.blake2b(text.encode("utf-8", "replace"), digest_size=8).digest()
            answer = str(values.get(target)) if target else ""
            if mark in first:
                self.repeated += 1
                self.contradicting += first[mark] != answer
            first.setdefault(mark, answer)
        self.distinct = len(first)
