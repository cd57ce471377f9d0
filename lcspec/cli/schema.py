"""`lcspec schema`: the JSON Schema of the language and of what lcspec writes."""

from pathlib import Path

import click

from lcspec.canon import pretty
from lcspec.project import write_atomic

NAMES = (
    "spec",
    "comparison",
    "diagnostics",
    "diff",
    "event",
    "gc",
    "import",
    "lock",
    "plan",
    "prompt",
    "record",
    "release",
    "runs",
    "show",
    "status",
    "verify",
    "why",
)


@click.command("schema")
@click.argument("name", type=click.Choice(NAMES), default="spec")
@click.option("--write", type=click.Path(path_type=Path, file_okay=False), help="Write all schemas below this folder.")
def command(name: str, write: Path | None) -> None:
    """Print the JSON Schema NAME (default: spec), with the kinds that are installed here."""
    from lcspec.schema import BUILDERS

    if write is None:
        click.echo(pretty(BUILDERS[name]()), nl=False)
        return
    for artefact, build in BUILDERS.items():
        write_atomic(write / artefact / "v1.json", pretty(build()))
    click.echo(f"wrote {len(BUILDERS)} schemas below {write}")
