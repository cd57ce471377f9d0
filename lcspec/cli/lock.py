"""`lcspec lock`: pin what the spec refers to."""

from pathlib import Path

import click

from lcspec import api, locking
from lcspec.cli.common import fail, load, settings_options, spec_argument
from lcspec.compile.compose import Settings
from lcspec.diag.model import LcspecError
from lcspec.project import write_atomic


@click.command("lock")
@spec_argument
@settings_options
@click.option("--update", is_flag=True, help="Pin anew what is pinned already; review the difference.")
@click.option("--check", is_flag=True, help="Write nothing; exit 1 when the lock lacks something.")
def command(spec: Path | None, settings: Settings, update: bool, check: bool) -> None:
    """Resolve every remote source to digests, and library versions, into SPEC.lock.json."""
    loaded = load(spec, "text", settings)
    facts = api.gather_facts(loaded)
    if check:
        missing = api.missing_pins(loaded.lock, api.lower_loaded(loaded, facts)[1])
        click.echo("\n".join(f"not locked: {name}" for name in missing) if missing else "the lock is complete")
        raise click.exceptions.Exit(1 if missing or loaded.lock is None else 0)
    try:
        lock = locking.update_lock(loaded, update=update, tell=lambda text: click.echo(text, err=True))
    except LcspecError as error:
        fail(error.diagnostics, loaded.sources, error.exit_code, "text")
    path = loaded.project.lock
    if loaded.lock is not None and lock.text() == loaded.lock.text():
        click.echo(f"{path} is up to date")
        return
    write_atomic(path, lock.text())
    click.echo(f"wrote {path}: {len(lock.sources)} sources, {len(lock.libraries)} libraries")
