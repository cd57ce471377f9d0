"""`lcspec release`: list, show, promote and roll back releases."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click

from lcspec import api
from lcspec.api import spec_name
from lcspec.cli.common import BEHIND, behind_of, emit_json, fail, find_spec, format_option, store_option
from lcspec.diag.model import Diagnostic, LcspecError
from lcspec.project import Project
from lcspec.run.release import Releases


@click.group("release")
def command() -> None:
    """List, show, promote and roll back releases."""


def _spec_option(function: Any) -> Any:
    help = "The spec; default: the only one."
    with_spec = click.option("--spec", type=click.Path(path_type=Path), default=None, help=help)(function)
    return store_option(BEHIND)(with_spec)


@command.command("list")
@_spec_option
@format_option()
def list_(spec: Path | None, store: str | None, form: str) -> None:
    """All releases, oldest first; the promoted one is marked."""
    with _faults(form):
        known = _releases(spec, store)
        listed, champion = known.all(), known.promoted()
    if form == "json":
        emit_json({"format_version": 1, "promoted": champion, "releases": listed})
        return
    for manifest in listed:
        mark = "*" if manifest["number"] == champion else " "
        click.echo(
            f"{mark} {manifest['number']:>3}  {manifest['created']}  {manifest['name']}  {manifest['candidate']}"
        )
    if not listed:
        click.echo("no release yet; `lcspec apply` makes one when the gates pass")


@command.command("show")
@click.argument("number", type=int, required=False)
@_spec_option
@format_option()
def show(number: int | None, spec: Path | None, store: str | None, form: str) -> None:
    """One release: its parts, digests and verdicts. Without NUMBER the promoted or newest one."""
    with _faults(form):
        manifest = _found(_releases(spec, store), number)
    if form == "json":
        emit_json(manifest)
        return
    click.echo(f"{manifest['name']} {manifest['number']}: {manifest['candidate']}, {manifest['created']}")
    for part, digest in sorted(manifest["parts"].items()):
        click.echo(f"  {part:<14} blake3:{digest}")
    for verdict in manifest["verdicts"]:
        click.echo(f"  gate {verdict['gate']} on {verdict['split']}: {verdict['outcome']} — {verdict['why']}")
    click.echo(f"  looks at test so far: {manifest['looks']}")


@command.command("promote")
@click.argument("number", type=int, required=False)
@_spec_option
def promote(number: int | None, spec: Path | None, store: str | None) -> None:
    """Make a release the champion: `serve` serves it, gates can compare against it."""
    with _faults("text"):
        known = _releases(spec, store)
        newest = next((manifest["number"] for manifest in reversed(known.all())), None)
        manifest = _found(known, number or newest)
        known.promote(manifest["number"])
    click.echo(f"promoted release {manifest['number']}")


@command.command("rollback")
@_spec_option
def rollback(spec: Path | None, store: str | None) -> None:
    """Return to the champion before the present one."""
    with _faults("text"):
        number = _releases(spec, store).rollback()
        if number is None:
            help = "see `lcspec release list`"
            raise LcspecError([Diagnostic("LC1105", "there is no earlier champion", help=help)], 2)
    click.echo(f"promoted release {number} again")


@contextmanager
def _faults(form: str) -> Iterator[None]:
    try:
        yield
    except LcspecError as error:
        fail(error.diagnostics, {}, error.exit_code, form)


def _releases(spec: Path | None, store: str | None) -> Releases:
    project = Project(find_spec(spec))
    return api.releases(project, spec_name(project), behind_of(project, store))


def _found(known: Releases, number: int | None) -> dict[str, Any]:
    manifest = known.find(number)
    if manifest is None:
        message = f"there is no release {number}" if number else "there is no release yet"
        raise LcspecError([Diagnostic("LC1105", message, help="`lcspec apply` makes one when the gates pass")], 2)
    return manifest
