"""`lcspec plan`: the dry run."""

from pathlib import Path

import click

from lcspec import api
from lcspec.cli.common import fail, format_option, load, settings_options, spec_argument
from lcspec.compile.compose import Settings
from lcspec.diag.model import Diagnostic


@click.command("plan")
@spec_argument
@settings_options
@format_option()
@click.option("-o", "--out", type=click.Path(path_type=Path, dir_okay=False), help="Save the plan for `apply FILE`.")
@click.option("--exit-code", is_flag=True, help="Exit 10 when apply would do something.")
@click.option("--all", "everything", is_flag=True, help="List reused and skipped steps too.")
def command(
    spec: Path | None, settings: Settings, form: str, out: Path | None, exit_code: bool, everything: bool
) -> None:
    """Show what apply would do and why. Reads only; no network."""
    loaded = load(spec, form, settings)
    if out is not None and loaded.lock is None:
        help = "run `lcspec lock` first: a saved plan is exact"
        fail([Diagnostic("LC1002", "a plan without a lock cannot be saved", help=help)], {}, 1, form)
    plan, chooser = api.make_plan(loaded)
    if out is not None and plan.problems:
        help = "run `lcspec lock` first: a saved plan is exact"
        fail([Diagnostic("LC1002", "; ".join(plan.problems), help=help)], {}, 1, form)
    if form == "json" or out is not None:
        from lcspec.compile.plan_json import plan_to_json

        data = plan_to_json(plan, loaded.source, loaded.lock, bases=loaded.bases, settings=settings)
        if out is not None:
            from lcspec.canon import pretty
            from lcspec.project import write_atomic

            write_atomic(out, pretty(data))
        if form == "json":
            from lcspec.cli.common import emit_json

            emit_json(data)
    if form == "text":
        from lcspec.cli.render_plan import render_plan

        click.echo(render_plan(plan, chooser, path=loaded.source.path, everything=everything, color=None), nl=False)
        if out is not None:
            click.echo(f"\nSaved to {out}. Run exactly this with: lcspec apply {out}")
    raise click.exceptions.Exit(10 if exit_code and api.pending(plan) else 0)
