"""`lcspec check`: diagnostics of a spec, and their repairs."""

from pathlib import Path

import click

from lcspec import api
from lcspec.cli.common import MACHINE, fail, find_spec, format_option, settings_options, show, spec_argument
from lcspec.compile.compose import Settings
from lcspec.diag.model import LcspecError


@click.command("check")
@spec_argument
@settings_options
@click.option("--fix", "mend", is_flag=True, help="Apply the safe fixes, which keep what the spec says, and write.")
@click.option("--unsafe-fixes", "unsafe", is_flag=True, help="Apply the fixes that guess, too: look at what they did.")
@click.option("--diff", is_flag=True, help="Show what --fix would change, and write nothing.")
@format_option("text", "json", "github", "sarif")
def command(spec: Path | None, settings: Settings, mend: bool, unsafe: bool, diff: bool, form: str) -> None:
    """Check a spec: syntax, names, types, and the rules a reviewer would raise."""
    if unsafe and not (mend or diff):
        raise click.UsageError("--unsafe-fixes says what --fix or --diff may do; add one of them")
    if diff and form in MACHINE:
        raise click.UsageError("--diff prints a text; leave out --format")
    try:
        path = find_spec(spec)
        if mend or diff:
            loaded = _mended(path, settings, unsafe=unsafe, write=not diff)
        else:
            loaded = api.load(path, settings)
    except LcspecError as error:
        fail(error.diagnostics, {}, error.exit_code, form)
    if loaded.diagnostics or form in MACHINE:
        show(loaded.diagnostics, loaded.sources, form, err=diff)
    elif not diff:
        click.echo(f"{loaded.source.path}: no problems")
    raise click.exceptions.Exit(0 if loaded.ok else 1)


def _mended(path: Path, settings: Settings, *, unsafe: bool, write: bool) -> api.Loaded:
    """The spec after its fixes, written or shown; what was done goes to stderr."""
    from lcspec.cli.diffs import print_diff
    from lcspec.fixing import repaired
    from lcspec.project import rewrite

    made = repaired(path, settings, unsafe=unsafe)
    for file, text in made.after.items():
        if write:
            rewrite(Path(file), text)
        else:
            print_diff(file, made.before[file], text)
    for one in made.applied:
        click.echo(f"{'fixed' if write else 'would fix'} {one.file}:{one.line} {one.code}: {one.title}", err=True)
    if made.after and not write:
        raise click.exceptions.Exit(1)
    return made.loaded
