"""Rows from a table: CSV, TSV, or Orange's tab format with its three header rows."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Literal

from lcspec.datafiles import read_table
from lcspec.datakind import RowsBody, lower_rows, prepare_rows
from lcspec.kinds.api import Bound, Context, Kind, Lowered, StepIO, option


class TableBody(RowsBody):
    """A table file, or one per split."""

    format: Literal["csv", "tsv", "orange"] = option("csv", doc="Separator and header: csv, tsv or orange.")
    separator: Literal[",", ";", "|", "\t"] | None = option(None, doc="What stands between cells instead.")


def read(path: Path, name: str, params: Mapping[str, Any]) -> Iterable[tuple[int, Mapping[str, Any]]]:
    """(line, values) pairs of the file."""
    return read_table(path, name, params["format"], params.get("separator"))


def lower(ctx: Context, entry: Bound) -> Lowered:
    """Fetch, then prepare."""
    return lower_rows(ctx, entry, KIND.version)


def prepare(io: StepIO) -> None:
    """Writes rows by split."""
    prepare_rows(io, read)


EXAMPLE = (
    "{kind: table, path: data/rows.csv, columns: {input: text, target: label}, split: {validation: 10%, test: 10%}}"
)
KIND = Kind(
    family="data",
    name="table",
    version=1,
    body=TableBody,
    lower=lower,
    summary="rows from CSV, TSV or Orange tables",
    example=EXAMPLE,
    actions=("prepare",),
)
