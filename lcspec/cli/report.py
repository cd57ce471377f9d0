"""`lcspec report`: what the last apply found."""

import shutil
from pathlib import Path

import click

from lcspec.cli.common import (
    BEHIND,
    behind_of,
    fail,
    format_option,
    load,
    settings_options,
    spec_argument,
    store_option,
)
from lcspec.compile.compose import Settings
from lcspec.diag.model import Diagnostic, LcspecError


@click.command("report")
@spec_argument
@settings_options
@format_option("text", "markdown", "html", "json")
@store_option(BEHIND)
@click.option("-o", "--out", type=click.Path(path_type=Path, dir_okay=False), help="Write the report here.")
def command(spec: Path | None, settings: Settings, form: str, store: str | None, out: Path | None) -> None:
    """Make the report anew from the records: Markdown on stdout, or a self-contained HTML file with -o."""
    from lcspec.reporting import build_report

    loaded = load(spec, "text", settings)
    try:
        built = build_report(loaded, behind_of(loaded.project, store))
    except LcspecError as error:
        fail(error.diagnostics, {}, error.exit_code, "text")
    if built is None:
        fail([Diagnostic("LC1105", "nothing has run yet", help="run `lcspec apply`")], {}, 2, "text")
    from lcspec.report import html, markdown

    if form == "json":
        import json
        from dataclasses import asdict

        text = json.dumps({"format_version": 1, **asdict(built)}, indent=2, ensure_ascii=False, default=str) + "\n"
    else:
        as_html = form == "html" or (form == "text" and out is not None and out.suffix == ".html")
        text = html.render(built) if as_html else markdown.render(built)
    if out is None:
        click.echo(text, nl=False)
        return
    out.parent.mkdir(parents=True, exist_ok=True)
    staging = out.with_name(f".{out.name}.tmp")
    staging.write_text(text, encoding="utf-8")
    shutil.move(staging, out)
    click.echo(f"wrote {out}", err=True)
