"""`lcspec status`: what is running, what is released, and what the last run came to."""

import time
from pathlib import Path
from typing import Any

import click

from lcspec import api
from lcspec.cli.common import (
    BEHIND,
    behind_of,
    emit_json,
    fail,
    format_option,
    load,
    settings_options,
    spec_argument,
    store_option,
)
from lcspec.cli.progress import pace
from lcspec.compile.compose import Settings
from lcspec.diag.model import LcspecError
from lcspec.units import format_seconds


@click.command("status")
@spec_argument
@settings_options
@format_option()
@store_option(BEHIND)
def command(spec: Path | None, settings: Settings, form: str, store: str | None) -> None:
    """Show the running apply, the last run, the releases and what is pending."""
    from lcspec.run.ledger import Ledger
    from lcspec.run.lock import owner

    loaded = load(spec, form, settings)
    try:
        behind = behind_of(loaded.project, store)
        plan, chooser = api.make_plan(loaded, api.gather_facts(loaded, behind))
        known = api.releases(loaded.project, loaded.spec.name, behind)
        listed, promoted = known.all(), known.promoted()
        shared = behind.shared(plan.steps) if behind is not None else None
    except LcspecError as error:
        fail(error.diagnostics, {}, error.exit_code, form)
    counts = {
        action: sum(step.action == action for step in plan.steps) for action in ("run", "reuse", "conditional", "skip")
    }
    root = loaded.project.store
    running = owner(root)
    last = Ledger.peek(root).last_run(loaded.spec.name) if (root / "ledger.db").exists() else None
    if form == "json":
        told = {"format_version": 1, "running": running, "steps": counts, "releases": len(listed)}
        told |= {"promoted": promoted, "last_run": last, "pending": api.pending(plan)}
        emit_json({**told, "remote": shared._asdict() if shared else None})
        return
    click.echo(f"{loaded.spec.name}  {loaded.source.path}")
    if running:
        where = f"on {running.get('host')}, pid {running.get('pid')}, since {running.get('started')}"
        click.echo(f"running:  {where}")
        for line in running_lines(running):
            click.echo(line)
    if last:
        click.echo(f"last run: {last['outcome'] or 'unfinished'}, started {last['started']}")
    click.echo("steps:    " + ", ".join(f"{count} {action}" for action, count in counts.items() if count))
    for choice in plan.graph.choices:
        decision = chooser.decision(choice.id)
        if decision is not None and decision.winner is not None:
            click.echo(
                f"{choice.id + ':':<9} {chooser.name(decision.winner)}{'' if decision.passed else ' (does not pass)'}"
            )
    for manifest in listed[-5:]:
        mark = " (promoted)" if manifest["number"] == promoted else ""
        click.echo(f"release:  {manifest['number']}  {manifest['candidate']}  {manifest['created']}{mark}")
    if not listed:
        click.echo("release:  none yet")
    if shared is not None:
        click.echo(f"remote:   {shared.words}")


def running_lines(running: dict[str, Any]) -> list[str]:
    """A line for each running step: how far it is, how fast, how long it still takes."""
    steps = running.get("steps") or {}
    if not steps:
        return ["          starting"]
    made = []
    for step, told in steps.items():
        parts = [f"for {format_seconds(max(0.0, time.time() - told['since']))}"]
        if told.get("total"):
            parts.append(f"{told['done']:g}/{told['total']:g} ({100 * told['done'] / told['total']:.0f} %)")
        made.append(f"          {step}  {'  '.join(parts)}{pace(told)}")
    return made
