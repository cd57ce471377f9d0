"""`lcspec graph`: the plan as a picture."""

from pathlib import Path

import click

from lcspec import api
from lcspec.cli.common import load, settings_options, spec_argument
from lcspec.compile.compose import Settings


@click.command("graph")
@spec_argument
@settings_options
@click.option("--format", "form", type=click.Choice(("mermaid", "dot", "svg")), default="mermaid", help="Language.")
@click.option("--candidates/--steps", default=True, help="One box per entry and candidate (default), or every step.")
def command(spec: Path | None, settings: Settings, form: str, candidates: bool) -> None:
    """Draw the plan: what feeds what, grouped by the parts of the lifecycle, coloured by what would happen.

    Dashed lines lead from a choice to what runs only when it comes out so. `--format svg > graph.svg` needs no other
    program; Mermaid is what GitHub and GitLab draw in Markdown.
    """
    from lcspec.graphs.model import view_of_candidates, view_of_steps

    loaded = load(spec, "text", settings)
    plan, chooser = api.make_plan(loaded)
    view = view_of_candidates(plan, chooser) if candidates else view_of_steps(plan, chooser)
    if form == "svg":
        from lcspec.graphs.svg import to_svg

        text = to_svg(view, plan.spec_name)
    elif form == "dot":
        from lcspec.graphs.dot import to_dot

        text = to_dot(view, plan.spec_name)
    else:
        from lcspec.graphs.mermaid import to_mermaid

        text = to_mermaid(view)
    click.echo(text, nl=False)
