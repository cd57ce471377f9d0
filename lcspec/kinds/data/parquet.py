"""Rows from a Parquet file. Needs pyarrow, which comes with `datasets`.

Only plain values, lists and structs are read; a column of pickled objects stays bytes and is no text.
"""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from lcspec.datafiles import read_parquet
from lcspec.datakind import RowsBody, lower_rows, prepare_rows
from lcspec.kinds.api import Bound, Context, Kind, Lowered, StepIO


class ParquetBody(RowsBody):
    """A Parquet file, or one per split."""


def read_rows(path: Path, name: str, params: Mapping[str, Any]) -> Iterable[tuple[int, Mapping[str, Any]]]:
    """(row number, values) pairs of the file."""
    return read_parquet(path, name)


def lower(ctx: Context, entry: Bound) -> Lowered:
    """Fetch, then prepare."""
    return lower_rows(ctx, entry, KIND.version)


def prepare(io: StepIO) -> None:
    """Writes rows by split."""
    prepare_rows(io, read_rows)


EXAMPLE = (
    "{kind: parquet, path: data/rows.parquet, columns: {input: text, target: label}, "
    "split: {validation: 10%, test: 10%}}"
)
KIND = Kind(
    family="data",
    name="parquet",
    version=1,
    body=ParquetBody,
    lower=lower,
    summary="rows from a Parquet file",
    example=EXAMPLE,
    actions=("prepare",),
)
