"""Rows of a data set on the Hugging Face hub: its JSON, CSV, Parquet or text files, pinned to a commit.

Files and splits are found as the repository's README declares them, else by their names; `files` names them yourself.
A validation or test split that the repository lacks is carved out of train. Loading scripts are never run: such data
sets mostly have their rows as Parquet at `revision: refs/convert/parquet`. Parquet needs pyarrow.
"""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from lcspec.datafiles import read_any
from lcspec.datakind import prepare_rows, rows_params
from lcspec.hub.body import FILES, ROWS, HubFields, repository
from lcspec.hub.select import form_of
from lcspec.kinds.api import Bound, Context, Estimate, Kind, Lowered, Output, Step, StepIO, option
from lcspec.rowset import SPLITS, Columns, Split


class HuggingfaceDataBody(HubFields):
    """A data set repository."""

    config: str = option("default", doc="Which configuration (subset) of the data set.")
    splits: Mapping[str, str] = option(
        {}, doc="Our split to the repository's, say `{train: train_sft}`; what has the same name when left out."
    )
    files: Mapping[str, str] = option(
        {}, doc="Split to a path or pattern (`en/*.json.gz`); instead of what the repository declares."
    )
    columns: Columns = option(doc="Which columns play which role.")
    labels: Mapping[str, str] = option({}, doc="New names for labels, old to new.")
    split: Split = option(Split, doc="How rows are divided.")
    license: str | None = option(None, doc="SPDX identifier or a few words.", key=False)
    redistributable: bool | None = option(None, doc="Whether the rows may be passed on.", key=False)


def lower(ctx: Context, entry: Bound) -> Lowered:
    """Fetch the files, then make rows of them."""
    body = entry.body
    members = tuple(f"{FILES}{split}={pattern}" for split, pattern in sorted(body.files.items()))
    members = members or (f"{ROWS}{body.config}",)
    source = repository(entry, "dataset")
    files = ctx.fetch(entry, source, members)
    pinned = ctx.pin(source, members)
    params = rows_params(body, list(ctx.scope.labels))
    params["files"] = chosen([pinned["choices"][one] for one in members], body.splits) if pinned else None
    step = Step(
        id=f"prepare:data.{entry.name}",
        kind=entry.kind_id,
        action="prepare",
        version=KIND.version,
        params={**params, "pinned": pinned is not None},
        inputs={"files": files},
        estimate=Estimate((0.1, 30.0), 400 << 20, "constant"),
        source=entry.path,
    )
    return Lowered((step,), {"rows": Output(step.id, "rows")})


def chosen(choices: Sequence[Mapping[str, list[str]]], splits: Mapping[str, str]) -> dict[str, list[str]]:
    """Our split to the files of the repository's split; empty for one that the repository lacks."""
    there: dict[str, list[str]] = {}
    for by_split in choices:
        there |= {split: list(paths) for split, paths in by_split.items()}
    wanted = splits or {split: split for split in SPLITS if split in there}
    return {ours: there.get(theirs, []) for ours, theirs in wanted.items()}


def read(path: Path, name: str, params: Mapping[str, Any]) -> Iterable[tuple[int, Mapping[str, Any]]]:
    """(line or row number, values) pairs of one file."""
    return read_any(path, name, form_of(name) or "jsonl")


def prepare(io: StepIO) -> None:
    """Writes rows by split."""
    files = io.params["files"]
    empty = [split for split, paths in files.items() if not paths]
    if empty or not files:
        what = f"the repository has no split for `{empty[0]}`" if empty else "the repository has none of our splits"
        io.fail(what, help="name its splits under `splits`, or its files under `files`", code="LC0405")
    prepare_rows(io, read)


EXAMPLE = (
    "{kind: huggingface, repo: org/tickets, columns: {input: text, target: label}, split: {validation: 10%, test: 10%}}"
)
KIND = Kind(
    family="data",
    name="huggingface",
    version=1,
    body=HuggingfaceDataBody,
    lower=lower,
    summary="rows of a data set on the Hugging Face hub",
    example=EXAMPLE,
    actions=("prepare",),
)
