"""`lcspec check`: diagnostics of a spec, and nothing else."""

from pathlib import Path

import click

from lcspec import api
from lcspec.cli.common import MACHINE, fail, find_spec, format_option, settings_options, show, spec_argument
from lcspec.compile.compose import Settings
from lcspec.diag.model import LcspecError


@click.command("check")
@spec_argument
@settings_options
@format_option("text", "json", "github", "sarif")
def command(spec: Path | None, settings: Settings, form: str) -> None:
    """Check a spec: syntax, names, types, and the rules a reviewer would raise."""
    try:
        loaded = api.load(find_spec(spec), settings)
    except LcspecError as error:
        fail(error.diagnostics, {}, error.exit_code, form)
    if loaded.diagnostics or form in MACHINE:
        show(loaded.diagnostics, loaded.sources, form)
    else:
        click.echo(f"{loaded.source.path}: no problems")
    raise click.exceptions.Exit(0 if loaded.ok else 1)
