"""Rows from a JSON file: an array of objects, their keys are the columns.

`at` names the array where the file is an object around it, say `at: data`. For one object per line use `jsonl`.
"""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from lcspec.datafiles import read_json
from lcspec.datakind import RowsBody, lower_rows, prepare_rows
from lcspec.kinds.api import Bound, Context, Kind, Lowered, StepIO, option


class JsonBody(RowsBody):
    """A JSON file, or one per split."""

    at: str | None = option(None, doc="The key that holds the array, where the file is an object.")


def read(path: Path, name: str, params: Mapping[str, Any]) -> Iterable[tuple[int, Mapping[str, Any]]]:
    """(row number, values) pairs of the file."""
    return read_json(path, name, params["at"])


def lower(ctx: Context, entry: Bound) -> Lowered:
    """Fetch, then prepare."""
    return lower_rows(ctx, entry, KIND.version)


def prepare(io: StepIO) -> None:
    """Writes rows by split."""
    prepare_rows(io, read)


EXAMPLE = (
    "{kind: json, path: data/rows.json, columns: {input: text, target: label}, split: {validation: 10%, test: 10%}}"
)
KIND = Kind(
    family="data",
    name="json",
    version=1,
    body=JsonBody,
    lower=lower,
    summary="rows from a JSON array",
    example=EXAMPLE,
    actions=("prepare",),
)
