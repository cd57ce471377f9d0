"""Reading the files of data kinds: JSON lines and tables, with the line of every fault."""

import csv
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from lcspec.rowset import DataFault

MAX_CELL = 10_000_000


def read_jsonl(path: Path, name: str) -> Iterator[tuple[int, Mapping[str, Any]]]:
    """(line, values) of each JSON object; blank lines are skipped. `name` is how messages call the file.

    Raises:
        DataFault: LC0406 for a line that is no JSON object.
    """
    with path.open(encoding="utf-8-sig", errors="strict") as lines:
        try:
            yield from _objects(lines, name)
        except UnicodeDecodeError as error:
            raise DataFault("LC0406", name, 0, f"the file is not UTF-8: {error.reason}", "save it as UTF-8") from None


def _objects(lines: Any, name: str) -> Iterator[tuple[int, Mapping[str, Any]]]:
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            value = json.loads(line)
        except (ValueError, RecursionError) as error:
            message = f"line {number} is not JSON: {getattr(error, 'msg', error)}"
            raise DataFault("LC0406", name, number, message, "one JSON object per line") from None
        if not isinstance(value, dict):
            raise DataFault("LC0406", name, number, f"line {number} is not an object", "one JSON object per line")
        yield number, value


def read_table(path: Path, name: str, form: str) -> Iterator[tuple[int, Mapping[str, str]]]:
    """(line, values) of each row of a table; `form` is csv, tsv or orange (three header rows: names, types, flags).

    Raises:
        DataFault: LC0406 for a row with more cells than columns or a broken quotation.
    """
    csv.field_size_limit(MAX_CELL)
    with path.open(encoding="utf-8-sig", newline="") as file:
        reader = csv.reader(file, delimiter="," if form == "csv" else "\t", strict=True)
        try:
            header = next(reader, [])
            for _ in range(2 if form == "orange" else 0):
                next(reader, None)
            for cells in reader:
                if not any(cells):
                    continue
                if len(cells) > len(header):
                    message = f"the row has {len(cells)} cells, the header {len(header)}"
                    raise DataFault("LC0406", name, reader.line_num, message, "quote cells that hold the separator")
                yield reader.line_num, dict(zip(header, cells, strict=False))
        except csv.Error as error:
            message = f"line {reader.line_num}: {error}"
            raise DataFault("LC0406", name, reader.line_num, message, "check the quotes of that row") from None
        except UnicodeDecodeError as error:
            raise DataFault("LC0406", name, 0, f"the file is not UTF-8: {error.reason}", "save it as UTF-8") from None
