"""`lcspec runs`: every run in the store and what it came to."""

from pathlib import Path

import click

from lcspec.cli.common import emit_json, find_store, format_option, spec_argument


@click.command("runs")
@spec_argument
@format_option()
def command(spec: Path | None, form: str) -> None:
    """List the runs of this project, oldest first."""
    from lcspec.run import runs
    from lcspec.units import format_seconds

    listed = runs.every(find_store(spec))
    if form == "json":
        emit_json({"format_version": 1, "runs": listed})
        return
    if not listed:
        click.echo("no run has ended here yet; `lcspec apply` makes one")
        return
    click.echo(f"{'run':>4}  {'started':25}  {'spec':16}  {'outcome':11}  {'exit':>4}  {'ran':>5}  {'reused':>6}  took")
    for run in listed:
        numbers = f"{run['exit_code']:>4}  {run['ran']:>5}  {run['reused']:>6}  {format_seconds(run['seconds'])}"
        release = f"  release {run['release']}" if run["release"] else ""
        click.echo(f"{run['run']:>4}  {run['started']:25}  {run['name']:16}  {run['outcome']:11}  {numbers}{release}")
