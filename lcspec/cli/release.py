"""`lcspec release`: list, show, promote and roll back releases."""

from pathlib import Path
from typing import Any

import click

from lcspec.api import spec_name
from lcspec.cli.common import emit_json, fail, find_spec, format_option
from lcspec.diag.model import Diagnostic, LcspecError
from lcspec.project import Project
from lcspec.run.release import Releases


@click.group("release")
def command() -> None:
    """List, show, promote and roll back releases."""


def _spec_option(function: Any) -> Any:
    return click.option(
        "--spec", type=click.Path(path_type=Path), default=None, help="The spec; default: the only one."
    )(function)


@command.command("list")
@_spec_option
@format_option()
def list_(spec: Path | None, form: str) -> None:
    """All releases, oldest first; the promoted one is marked."""
    known = _releases(spec, form)
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
def show(number: int | None, spec: Path | None, form: str) -> None:
    """One release: its parts, digests and verdicts. Without NUMBER the promoted or newest one."""
    manifest = _manifest(spec, number, form)
    if form == "json":
        emit_json(manifest)
        return
    click.echo(f"{manifest['name']} {manifest['number']}: {manifest['candidate']}, {manifest['created']}")
    for part, digest in sorted(manifest["parts"].items()):
        click.echo(f"  {part:<14} sha256:{digest}")
    for verdict in manifest["verdicts"]:
        click.echo(f"  gate {verdict['gate']} on {verdict['split']}: {verdict['outcome']} — {verdict['why']}")
    click.echo(f"  looks at test so far: {manifest['looks']}")


@command.command("promote")
@click.argument("number", type=int, required=False)
@_spec_option
def promote(number: int | None, spec: Path | None) -> None:
    """Make a release the champion: `serve` serves it, gates can compare against it."""
    known = _releases(spec, "text")
    newest = next((manifest["number"] for manifest in reversed(known.all())), None)
    manifest = _manifest(spec, number or newest, "text")
    known.promote(manifest["number"])
    click.echo(f"promoted release {manifest['number']}")


@command.command("rollback")
@_spec_option
def rollback(spec: Path | None) -> None:
    """Return to the champion before the present one."""
    number = _releases(spec, "text").rollback()
    if number is None:
        fail([Diagnostic("LC1105", "there is no earlier champion", help="see `lcspec release list`")], {}, 2, "text")
    click.echo(f"promoted release {number} again")


def _releases(spec: Path | None, form: str) -> Releases:
    project = Project(find_spec(spec))
    try:
        return Releases(project.store, spec_name(project))
    except LcspecError as error:
        fail(error.diagnostics, {}, error.exit_code, form)


def _manifest(spec: Path | None, number: int | None, form: str) -> dict[str, Any]:
    manifest = _releases(spec, form).find(number)
    if manifest is None:
        message = f"there is no release {number}" if number else "there is no release yet"
        fail([Diagnostic("LC1105", message, help="`lcspec apply` makes one when the gates pass")], {}, 2, form)
    return manifest
