"""`lcspec plan`: the dry run."""

import shutil
import sys
from pathlib import Path

import click

from lcspec import api, plans, replay
from lcspec.cli.common import (
    BEHIND,
    behind_of,
    color_option,
    emit_json,
    fail,
    format_option,
    load,
    settings_options,
    show,
    spec_argument,
    store_option,
    wants_color,
    wish_options,
)
from lcspec.compile.compose import Settings
from lcspec.compile.select import Wish
from lcspec.diag.model import Diagnostic, LcspecError

PIPED = (120, 40)  # columns and lines where there is no terminal


@click.command("plan")
@spec_argument
@settings_options
@wish_options
@format_option()
@color_option
@click.option("-o", "--out", type=click.Path(path_type=Path, dir_okay=False), help="Save the plan for `apply FILE`.")
@click.option("--exit-code", is_flag=True, help="Exit 10 when apply would do something.")
@click.option("--all", "everything", is_flag=True, help="List every step, reused and skipped ones too.")
@store_option(BEHIND)
def command(
    spec: Path | None,
    settings: Settings,
    wish: Wish,
    form: str,
    color: str,
    out: Path | None,
    exit_code: bool,
    everything: bool,
    store: str | None,
) -> None:
    """Show what apply would do and why. Reads only; no network but that of a remote store.

    `--target` pulls in what a step needs: the steps that make its inputs, and all that decides a choice that it hangs
    on. `--exclude` drops what needs a step. Results that are there are used all the same.
    """
    loaded = load(spec, form, settings)
    try:
        behind = behind_of(loaded.project, store)
        plan, chooser = api.make_plan(loaded, api.gather_facts(loaded, behind), wish)
    except LcspecError as error:
        fail(error.diagnostics, {}, error.exit_code, form)
    if out is not None and (loaded.lock is None or plan.problems):
        message = "; ".join(plan.problems) or "a plan without a lock cannot be saved"
        help = "run `lcspec lock` first: a saved plan is exact"
        fail([Diagnostic("LC1002", message, help=help)], {}, 1, form)
    if out is not None:
        from lcspec.saved import save

        save(out, loaded, plan, chooser, wish)
    if form == "json":
        emit_json(plans.plan_json(loaded, plan, chooser, wish))
    if form == "text":
        from lcspec.cli.planview.text import render_plan

        painted = wants_color(sys.stdout, color)
        width = shutil.get_terminal_size(PIPED).columns
        text = render_plan(loaded, plan, chooser, width=width, color=painted, everything=everything)
        click.echo(text, nl=False, color=painted)
        if out is not None:
            click.echo(f"\nSaved to {out}. Run exactly this with: lcspec apply {out}")
        if behind is not None:
            click.echo(f"\n{behind.shared(plan.steps).words}")
        show(plans.warnings(loaded, plan), loaded.sources, "text", err=True)
    if out is None and behind is None:  # nothing tells that a remote store has moved
        replay.can_be_told_again(*loaded.project.probed())
    raise click.exceptions.Exit(10 if exit_code and api.pending(plan) else 0)
