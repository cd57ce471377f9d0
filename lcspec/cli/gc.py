"""`lcspec gc`: free what nothing needs any more."""

from pathlib import Path

import click

from lcspec.cli.common import behind_of, emit_json, fail, format_option, project_argument, project_of, store_option
from lcspec.diag.model import LcspecError
from lcspec.units import SECONDS, WrongUnit, format_bytes, parse_quantity

_NAMES = {
    "records": "records that no spec, saved plan or recent run needs",
    "blobs": "files that no record or release needs",
    "work": "working folders of steps that no plan has any more",
    "unfinished": "unfinished files of killed processes",
    "aside": "damaged files that `verify --repair` set aside",
}


LOCAL_AGE, REMOTE_AGE = "1 d", "30 d"


def _duration(ctx: click.Context, param: click.Parameter, value: str | None) -> float | None:
    if value is None:
        return None
    try:
        return float(parse_quantity(value, SECONDS, "time"))
    except WrongUnit as error:
        raise click.BadParameter(f"{error}; say `12 h` or `7 d`") from None


@click.command("gc")
@project_argument
@format_option()
@click.option("--yes/--dry-run", "remove", default=False, help="Remove it. Without, gc only says what it would free.")
@click.option("--apply", "also", is_flag=True, help="The same as --yes.")
@click.option(
    "--keep-runs", type=click.IntRange(0), default=3, show_default=True, metavar="N", help="Runs of each spec."
)
@click.option(
    "--older-than",
    "age",
    default=None,
    metavar="DURATION",
    callback=_duration,
    help=f"Keep the rest (default: {LOCAL_AGE}; {REMOTE_AGE} with --store).",
)
@store_option("Free a remote store instead, say `s3://bucket/prefix`; `remote` for the one of lcspec.toml.")
def command(
    where: Path | None, form: str, remove: bool, also: bool, keep_runs: int, age: float | None, store: str | None
) -> None:
    """Free what nothing needs any more; by default only say what that is.

    What stays: what the project's specs need as they are and last were, what saved plans in the project name, what
    the latest runs made, all releases, what is young; and every record while an apply runs. In a remote store, what
    other projects and machines need is known by its age alone, and a day is the least: they may be about to use it.
    """
    from lcspec.collecting import collect_behind, collect_project
    from lcspec.run.remote.collect import LEAST_AGE

    project = project_of(where, form)
    standard = parse_quantity(REMOTE_AGE if store else LOCAL_AGE, SECONDS, "time")
    age = float(standard) if age is None else age
    if store and age < LEAST_AGE:
        raise click.UsageError("in a remote store a day is the least: other machines may be about to use what is there")
    try:
        behind = behind_of(project, store) if store else None
        if store and behind is None:
            raise click.UsageError("`--store none` names no store to free")
        if behind is not None:
            done = collect_behind(project, behind, age=age, remove=remove or also)
        else:
            done = collect_project(project, runs=keep_runs, age=age, remove=remove or also)
    except LcspecError as error:
        fail(error.diagnostics, {}, error.exit_code, form)
    if form == "json":
        emit_json(done.to_json())
        return
    for name, (count, size) in done.categories().items():
        if count:
            click.echo(f"{count:>8,}  {format_bytes(size):>10}  {_NAMES[name]}")
    kept = done.kept
    click.echo(
        f"kept: {kept['specs']:,} records for specs and plans, {kept['runs']:,} of recent runs, "
        f"{kept['young']:,} young, {kept['releases']:,} releases"
    )
    if done.running:
        click.echo("an apply is running: no record goes")
    for note in done.notes:
        click.echo(f"note: {note}")
    if done.removed:
        click.echo(f"freed {format_bytes(done.free)}")
    elif done.items:
        same = f"lcspec gc --store {store} --yes" if store else "lcspec gc --yes"
        click.echo(f"would free {format_bytes(done.free)}; nothing was removed: `{same}` does it")
    else:
        click.echo("nothing to free")
