"""Reading the files of data kinds: JSON, JSON lines, tables and Parquet, with the line of every fault."""

import csv
import gzip
import json
import zlib
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
    with _text(path, name) as lines:
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


def read_table(
    path: Path, name: str, form: str, separator: str | None = None
) -> Iterator[tuple[int, Mapping[str, str]]]:
    """(line, values) of each row of a table; `form` is csv, tsv or orange (three header rows: names, types, flags).

    `separator` stands between cells instead of the form's own.

    Raises:
        DataFault: LC0406 for a row with more cells than columns or a broken quotation.
    """
    csv.field_size_limit(MAX_CELL)
    with _text(path, name, newline="") as file:
        reader = csv.reader(file, delimiter=separator or ("," if form == "csv" else "\t"), strict=True)
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


def read_json(path: Path, name: str, at: str | None = None) -> Iterator[tuple[int, Mapping[str, Any]]]:
    """(number, values) of each object of a JSON array, which is the file or stands under the key `at`.

    Raises:
        DataFault: LC0406 for a file that is no such array.
    """
    with _text(path, name) as file:
        try:
            data = json.load(file)
        except (ValueError, RecursionError) as error:
            line = getattr(error, "lineno", 0)
            message = f"the file is not JSON: {getattr(error, 'msg', error)}"
            raise DataFault("LC0406", name, line, message, "for one object per line use `kind: jsonl`") from None
    rows = data.get(at) if at and isinstance(data, dict) else data
    if not isinstance(rows, list):
        keys = f"name the key of the array: `at: …`; keys: {', '.join(data)}" if isinstance(data, dict) else ""
        raise DataFault("LC0406", name, 0, "the file holds no array of rows", keys or "write `[{…}, {…}]`")
    for number, row in enumerate(rows, 1):
        if not isinstance(row, dict):
            raise DataFault("LC0406", name, 0, f"row {number} is not an object", "each row is one object")
        yield number, row


def read_parquet(path: Path, name: str) -> Iterator[tuple[int, Mapping[str, Any]]]:
    """(number, values) of each row of a Parquet file.

    Raises:
        DataFault: LC0406 without pyarrow, or for a file that is no Parquet.
    """
    try:
        from pyarrow import ArrowException
        from pyarrow.parquet import ParquetFile
    except ImportError:
        raise DataFault("LC0406", name, 0, "pyarrow is not installed", "pip install pyarrow") from None
    try:
        number = 0
        with ParquetFile(path) as file:
            for batch in file.iter_batches():
                for row in batch.to_pylist():
                    number += 1
                    yield number, row
    except (ArrowException, OSError) as error:
        message = f"the file is not Parquet: {str(error).splitlines()[0]}"
        raise DataFault("LC0406", name, 0, message, "write it again") from None


def read_lines(path: Path, name: str) -> Iterator[tuple[int, Mapping[str, Any]]]:
    """(line, {"text": …}) of each line of a text file that is not blank."""
    with _text(path, name) as lines:
        try:
            yield from ((number, {"text": line.rstrip("\n")}) for number, line in enumerate(lines, 1) if line.strip())
        except UnicodeDecodeError as error:
            raise DataFault("LC0406", name, 0, f"the file is not UTF-8: {error.reason}", "save it as UTF-8") from None


def read_any(path: Path, name: str, form: str) -> Iterator[tuple[int, Mapping[str, Any]]]:
    """The rows of a file; `form` is parquet, jsonl, json (an array, or one object per line), csv, tsv or txt."""
    if not name.endswith(".gz"):
        yield from _read_any(path, name, form)
        return
    try:
        yield from _read_any(path, name, form)
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise DataFault("LC0406", name, 0, f"the file cannot be unpacked: {error}", "compress it again") from None


def _read_any(path: Path, name: str, form: str) -> Iterator[tuple[int, Mapping[str, Any]]]:
    if form == "parquet":
        return read_parquet(path, name)
    if form in ("csv", "tsv"):
        return read_table(path, name, form)
    if form == "txt":
        return read_lines(path, name)
    return read_json(path, name) if form == "json" and _starts_with_bracket(path, name) else read_jsonl(path, name)


def _starts_with_bracket(path: Path, name: str) -> bool:
    with _text(path, name) as file:
        try:
            return bool(file.read(4096).lstrip().startswith("["))
        except UnicodeDecodeError:
            return False


def _text(path: Path, name: str, newline: str | None = None) -> Any:
    """The file as text, unpacked when its name ends in `.gz`."""
    if name.endswith(".gz"):
        return gzip.open(path, "rt", encoding="utf-8-sig", newline=newline)
    return path.open(encoding="utf-8-sig", newline=newline)
