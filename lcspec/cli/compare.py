"""`lcspec compare`: two runs side by side."""

from pathlib import Path
from typing import Any

import click

from lcspec.cli.common import emit_json, fail, find_store, format_option, spec_option
from lcspec.diag.model import LcspecError


@click.command("compare")
@click.argument("first", type=click.IntRange(1))
@click.argument("second", type=click.IntRange(1))
@spec_option
@format_option()
def command(first: int, second: int, spec: Path | None, form: str) -> None:
    """Show how run SECOND differs from run FIRST: steps, metrics, decisions, verdicts, durations."""
    from lcspec.run import runs
    from lcspec.run.compare import compare
    from lcspec.run.store import Store

    store = find_store(spec)
    try:
        told = compare(runs.one(store, first), runs.one(store, second), Store.peek(store).records)
    except LcspecError as error:
        fail(error.diagnostics, {}, error.exit_code, form)
    if form == "json":
        emit_json(told)
        return
    for line in lines(told):
        click.echo(line)


def lines(told: dict[str, Any]) -> list[str]:
    """The comparison for people."""
    from lcspec.units import format_seconds

    made = []
    for run in told["runs"]:
        release = f", release {run['release']}" if run["release"] else ""
        counts = f"{run['ran']} ran, {run['reused']} reused"
        made.append(f"run {run['run']}: {run['outcome']} in {format_seconds(run['seconds'])}, {counts}{release}")
    steps = told["steps"]
    made.append(f"\nsteps: {steps['same']} the same, {len(steps['moved'])} differ")
    for step in steps["moved"]:
        took = " -> ".join("?" if s is None else format_seconds(s) for s in step["seconds"])
        why = ", ".join(step["fields"][:3]) or "its record is gone"
        made.append(f"  {step['step']}  ({took})  {why}{'; same outputs' if step['same_outputs'] else ''}")
    for side, word in (("only_first", "only in the first"), ("only_second", "only in the second")):
        made += [f"  {step}  {word}" for step in steps[side]]
    made += ["\nmetrics:"] if told["metrics"] else []
    for row in told["metrics"]:
        delta = "" if row["delta"] is None else f"  {row['delta']:+.4g}"
        made.append(f"  {row['step']} {row['metric']}: {_number(row['first'])} -> {_number(row['second'])}{delta}")
    made += ["\ndecisions:"] if told["decisions"] else []
    made += [f"  {row['choice']}: {_choice(row['first'])} -> {_choice(row['second'])}" for row in told["decisions"]]
    made += ["\nverdicts:"] if told["verdicts"] else []
    for row in told["verdicts"]:
        sides = " -> ".join(one["outcome"] if one else "none" for one in (row["first"], row["second"]))
        why = (row["second"] or row["first"])["why"]
        made.append(f"  {row['gate']} on {row['split']}: {sides}  ({why})")
    if len(made) == 3:
        made.append("nothing differs")
    return made


def _number(value: float | None) -> str:
    return "none" if value is None else f"{value:.4g}"


def _choice(made: dict[str, Any] | None) -> str:
    if made is None:
        return "open"
    return (made["name"] or "none") + ("" if made["passed"] else " (does not pass)")
