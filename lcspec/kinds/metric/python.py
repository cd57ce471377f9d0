"""A metric of your own: a function in a Python file of the project judges one row, the metric is the mean of that.

The function takes the row as a dictionary (`answer`, `label`, `target`, `accepted`, `row` with the columns, `scores`,
`hits`, `refused`, `source`) and returns True or False, a number, or None for a row that it does not judge. Where all
say True or False it is a share, and gates use exact intervals; else a mean with its standard error. The file must stand
under `allow` with its digest. Limits: rows are judged one at a time; see `explain allow.python` for what may not run.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from lcspec.ir.scored import Scored
from lcspec.kinds.api import Body, Bound, Context, Kind, StepIO, option
from lcspec.metrickind import lower_metric, mean, proportion


class PythonMetricBody(Body):
    """A function that judges one row."""

    path: str = option(doc="The Python file, relative to the folder of the spec and inside it.")
    function: str = option(doc="The function in it that takes a row.", pattern=r"^[A-Za-z_][A-Za-z0-9_]*$")
    higher_is_better: bool = option(True, doc="Whether more is better; `false` for lengths and errors.")


def lower(ctx: Context, entry: Bound) -> dict[str, Any]:
    """The fields."""
    return lower_metric(ctx, entry)


def files(body: PythonMetricBody) -> tuple[str, ...]:
    """Files of the project that the metric runs: they come into the store, and into the step as an input."""
    return (body.path,)


def judge(
    io: StepIO, name: str, rows: Sequence[Scored], params: Mapping[str, Any]
) -> tuple[dict[str, Any], list[float | None]]:
    """The metric as it is recorded, and its value for each row; ends the step where the function does not work."""
    from lcspec.customcode import judge_rows

    values = judge_rows(io, name, rows, params)
    known = [value for value in values if value is not None]
    better = bool(params["higher-is-better"])
    share = bool(known) and all(isinstance(value, bool) for value in known)
    plain = [None if value is None else float(value) for value in values]
    return (proportion if share else mean)(plain, higher_is_better=better), plain


EXAMPLE = "{kind: python, path: metrics/brevity.py, function: brevity}"
KIND = Kind(
    family="metric",
    name="python",
    version=1,
    body=PythonMetricBody,
    lower=lower,
    summary="a function of the project's own",
    example=EXAMPLE,
)
