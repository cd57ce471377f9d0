"""Rows from a JSON-lines file: one object per line, its keys are the columns."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from lcspec.datafiles import read_jsonl
from lcspec.datakind import RowsBody, lower_rows, prepare_rows
from lcspec.kinds.api import Bound, Context, Kind, Lowered, StepIO


class JsonlBody(RowsBody):
    """A JSON-lines file, or one per split."""


def read(path: Path, name: str, params: Mapping[str, Any]) -> Iterable[tuple[int, Mapping[str, Any]]]:
    """(line, values) pairs of the file."""
    return read_jsonl(path, name)


def lower(ctx: Context, entry: Bound) -> Lowered:
    """Fetch, then prepare."""
    return lower_rows(ctx, entry, KIND.version)


def prepare(io: StepIO) -> None:
    """Writes rows by split."""
    prepare_rows(io, read)


EXAMPLE = (
    "{kind: jsonl, path: data/rows.jsonl, columns: {input: text, target: label}, split: {validation: 10%, test: 10%}}"
)
KIND = Kind(
    family="data",
    name="jsonl",
    version=1,
    body=JsonlBody,
    lower=lower,
    summary="rows from JSON lines",
    example=EXAMPLE,
    actions=("prepare",),
)
