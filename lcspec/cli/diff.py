"""`lcspec diff BASE`: what a change of the spec means."""

import sys
from pathlib import Path

import click

from lcspec import api, reviewing
from lcspec.cli.common import (
    BEHIND,
    behind_of,
    color_option,
    emit_json,
    fail,
    find_spec,
    format_option,
    load,
    settings_options,
    show,
    spec_argument,
    store_option,
    wants_color,
)
from lcspec.compile.compose import Settings
from lcspec.diag.model import LcspecError


@click.command("diff")
@click.argument("base")
@spec_argument
@settings_options
@format_option("text", "json", "markdown", "github", "sarif")
@color_option
@store_option(BEHIND)
@click.option("--exit-code", is_flag=True, help="Exit 10 when the two do not say the same.")
def command(
    base: str, spec: Path | None, settings: Settings, form: str, color: str, store: str | None, exit_code: bool
) -> None:
    """Say what changed from BASE to the spec as it is now, what reruns, and what got riskier.

    BASE is a revision of git (`main`, `HEAD~1`) or a file. Formatting, comments, the order of keys and what `moved:`
    renames are no difference. `github` and `sarif` tell the risks alone, at their lines.
    """
    head = load(find_spec(spec), form, settings)
    try:
        with reviewing.base_of(base, Path(head.source.path), settings) as before:
            if not before.ok:
                fail(before.diagnostics, before.sources, 1, form)
            facts = api.gather_facts(head, behind_of(head.project, store)) if head.ok else None
            made = reviewing.review(before, head, base, facts)
            sources = {**before.sources, **head.sources}
    except LcspecError as error:
        fail(error.diagnostics, {}, error.exit_code, form)
    risks = reviewing.risks(made)
    if form == "json":
        emit_json(reviewing.to_json(made, sources))
    elif form == "markdown":
        from lcspec.cli.diffview.markdown import review_markdown

        click.echo(review_markdown(made, risks, sources), nl=False)
    elif form == "text":
        from lcspec.cli.diffview.text import review_lines
        from lcspec.cli.planview.style import painter

        painted = wants_color(sys.stdout, color)
        click.echo("\n".join(review_lines(made, sources, painter(painted))), color=painted)
        if risks:
            click.echo()
            show(risks, sources, "text")
    else:
        show(risks, sources, form)
    raise click.exceptions.Exit(10 if exit_code and not made.empty else 0)
