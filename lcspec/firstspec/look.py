"""What a data file holds: its form, its columns, and counts that decide what a spec can do with it."""

import csv
import gzip
import hashlib
import zlib
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from lcspec.datafiles import read_parquet
from lcspec.diag.model import Diagnostic, LcspecError
from lcspec.kinds import registry
from lcspec.rowset import DataFault

MOST_VALUES = 1000  # distinct values of a column that are counted; beyond it the column is free text
SAMPLE = 20_000  # rows whose lengths are kept
SUFFIXES = {".jsonl": "jsonl", ".ndjson": "jsonl", ".json": "json", ".parquet": "parquet"}
SUFFIXES |= dict.fromkeys((".csv", ".tsv", ".tab", ".txt"), "table")


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
    options: dict[str, str]  # what the spec says beside the kind: format, separator
    rows: int
    columns: dict[str, Column]

    def rows_of(self) -> Iterator[tuple[int, Mapping[str, Any]]]:
        """(line, values) of each row, read again."""
        return _read(self.path, self.kind, self.options)


def look(path: Path, *, trust_header: bool = False) -> Look:
    """Reads a file once.

    Raises:
        LcspecError: it is missing, of no form that is read, broken, empty, or without a header.
    """
    suffixes = "`.jsonl`, `.csv`, `.tsv`, `.json` or `.parquet`"
    if path.is_dir():
        raise _no("LC0121", f"`{path}` is a folder", f"name one file with rows: {suffixes}")
    if not path.is_file():
        raise _no("LC0401", f"there is no file `{path}`", f"name a file with rows: {suffixes}")
    kind, options = _form(path, suffixes)
    columns: dict[str, Column] = {}
    rows = 0
    try:
        for line, values in _read(path, kind, options):
            rows += 1
            _count(columns, values, line, rows)
    except DataFault as fault:
        where = f"{path}:{fault.line}: " if fault.line else ""
        raise _no(fault.code, f"{where}{fault.message}", fault.help) from None
    if not rows:
        raise _no("LC0402", f"`{path}` has no rows", "give it at least a few dozen")
    seen = Look(path, kind, options, rows, columns)
    if kind == "table" and not trust_header:
        _header(seen)
    return seen


def _no(code: str, message: str, help: str) -> LcspecError:
    return LcspecError([Diagnostic(code, message, help=help)], 1)


def _read(path: Path, kind: str, options: Mapping[str, str]) -> Iterator[tuple[int, Mapping[str, Any]]]:
    """The rows as the kind reads them."""
    if kind == "parquet":  # the kind reads it only when it runs
        yield from read_parquet(path, str(path))
        return
    params = {"at": None, "format": "csv", **options}
    yield from registry.module("data", kind).read(path, str(path), params)


def _form(path: Path, suffixes: str) -> tuple[str, dict[str, str]]:
    """The kind that reads the file, and its options: by the suffix, and by what the first lines look like."""
    packed = path.suffix.lower() == ".gz"
    kind = SUFFIXES.get(Path(path.stem).suffix.lower() if packed else path.suffix.lower())
    if kind == "parquet":
        return kind, {}
    try:
        with gzip.open(path) if packed else path.open("rb") as file:
            head = file.read(65536)
    except (OSError, EOFError, zlib.error) as error:
        raise _no("LC0121", f"`{path}` cannot be read: {error}", "check the file") from None
    if b"\0" in head:
        raise _no("LC0121", f"`{path}` is not text in UTF-8", f"export it as {suffixes} in UTF-8")
    text = head.decode("utf-8-sig", errors="replace").lstrip()
    if not text:
        raise _no("LC0402", f"`{path}` has no rows", "give it at least a few dozen")
    if kind == "json" and text.startswith("{") and text.count("\n{") > 1:
        kind = "jsonl"
    if kind is None:
        kind = "jsonl" if text.startswith("{") else "json" if text.startswith("[") else None
    if kind is None:
        raise _no("LC0121", f"`{path}` is of no form that is read", f"give it the suffix {suffixes}")
    return kind, _table([line for line in text.splitlines()[:20] if line.strip()]) if kind == "table" else {}


def _table(lines: list[str]) -> dict[str, str]:
    """The options of a table: the separator that cuts the first lines into one number of cells, at least two."""
    cells = {mark: [len(row) for row in csv.reader(lines, delimiter=mark)] for mark in (",", "\t", ";", "|")}
    even = {mark: counts[0] for mark, counts in cells.items() if counts[0] > 1 and len(set(counts[:-1])) == 1}
    some = {mark: counts[0] for mark, counts in cells.items() if counts[0] > 1}
    best = max(even or some, key=lambda mark: (even or some)[mark], default=",")
    if best == "\t":
        return {"format": "tsv"}
    return {} if best == "," else {"separator": best}


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
