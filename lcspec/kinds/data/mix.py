"""Several data entries as one, for training on more than one task: their rows, split by split, one after the other.

Training shuffles rows by a seed, so the order of the entries does not matter. Every entry must have the column that
`columns.input` names, and the roles are the entries' own. A row that stands in two entries stays in the first; a row of
one entry's train that stands in another's validation or test is taken out of train. `rows` limits the train rows of an
entry, so that a small data set is not drowned by a large one.
"""

from collections.abc import Mapping
from typing import ClassVar

from lcspec.datakind import write_divided
from lcspec.kinds.api import Body, Bound, Context, Estimate, Kind, Lowered, Output, Step, StepIO, option
from lcspec.rowset import SPLITS, Columns, Row, Split, read_rows
from lcspec.rowsplits import sample


class MixBody(Body):
    """Several data entries as one."""

    of: tuple[str, ...] = option(doc="The entries; a doubled row stays in the first.", refers="data", min_length=1)
    columns: Columns = option(doc="The roles that the entries share; `input` is the variable of prompts.")
    rows: Mapping[str, int] = option(
        {},
        doc="Entry to the most train rows that are taken of it; all when left out.",
        effect="Fewer rows of one entry give the others more weight in training; validation and test stay whole.",
    )
    seed: int = option(0, doc="Seed of the choice of rows.", effect="Another seed takes other rows.")
    license: str | None = option(None, doc="SPDX identifier or a few words; that of the strictest entry.", key=False)
    redistributable: bool | None = option(None, doc="Whether the rows may be passed on.", key=False)

    remote: ClassVar[bool] = True  # it has no files of its own
    split: ClassVar[Split] = Split()  # nor a division: its entries have theirs


def lower(ctx: Context, entry: Bound) -> Lowered:
    """One step over the rows of the entries."""
    body = entry.body
    step = Step(
        id=f"prepare:data.{entry.name}",
        kind=entry.kind_id,
        action="prepare",
        version=KIND.version,
        params={
            "rows": [body.rows.get(name) for name in body.of],  # by place: a key holds no names of entries
            "input": body.columns.input,
            "seed": body.seed,
        },
        inputs={f"rows.{at}": ctx.slots("data", name)["rows"] for at, name in enumerate(body.of)},
        estimate=Estimate((0.1, 5.0), 200 << 20, "constant"),
        source=entry.path,
    )
    return Lowered((step,), {"rows": Output(step.id, "rows")})


def prepare(io: StepIO) -> None:
    """Writes rows by split."""
    splits: dict[str, list[Row]] = {}
    seen: dict[str, set[str]] = {}
    for at, most in enumerate(io.params["rows"]):
        for split in SPLITS:
            try:
                rows = read_rows(io.input(f"rows.{at}"), split)
            except FileNotFoundError:
                continue
            if split == "train":
                rows = sample(rows, most, io.params["seed"])
            known = seen.setdefault(split, set())
            splits.setdefault(split, []).extend(row for row in rows if row.id not in known)
            known |= {row.id for row in rows}
    lacking = [row for rows in splits.values() for row in rows if io.params["input"] not in row.variables]
    if lacking:
        there = ", ".join(sorted(lacking[0].variables))
        help = f"its rows have {there}; bring the entries to one name first"
        io.fail(f"an entry has no column `{io.params['input']}`", help=help, code="LC0403")
    write_divided(io, splits, io.params["input"])


EXAMPLE = "{kind: mix, of: [tickets, letters], columns: {input: text, target: queue}}"
KIND = Kind(
    family="data",
    name="mix",
    version=1,
    body=MixBody,
    lower=lower,
    summary="several data entries as one",
    example=EXAMPLE,
    actions=("prepare",),
)
