"""`lcspec import`: a spec from a training file of axolotl or LLaMA-Factory."""

import sys
from pathlib import Path

import click

from lcspec.cli.common import emit_json, fail, format_option
from lcspec.diag.model import LcspecError
from lcspec.project import read_source, write_atomic

PATH = click.Path(path_type=Path, dir_okay=False)


@click.command("import")
@click.argument("file", type=PATH)
@click.option(
    "-o", "--output", type=click.Path(path_type=Path, dir_okay=False), help="Where the spec goes; else stdout."
)
@click.option("--from", "tool", type=click.Choice(["axolotl", "llama-factory"]), help="The tool; guessed by default.")
@click.option(
    "--dataset-info", type=click.Path(path_type=Path, dir_okay=False, exists=True), help="LLaMA-Factory's list."
)
@click.option("--strict", is_flag=True, help="Exit 1 when something was lost or differs.")
@click.option("--force", is_flag=True, help="Overwrite the spec.")
@format_option()
def command(
    file: Path, output: Path | None, tool: str | None, dataset_info: Path | None, strict: bool, force: bool, form: str
) -> None:
    """Turn a training YAML of axolotl or LLaMA-Factory into a spec, and list what it could not carry over."""
    from lcspec.importing.api import convert
    from lcspec.importing.build import lost
    from lcspec.importing.place import Place
    from lcspec.importing.report import to_json, to_text

    if output is not None and output.exists() and not force:
        raise click.UsageError(f"{output} exists; --force overwrites it")
    if output is not None and not output.parent.is_dir():
        raise click.UsageError(f"there is no folder {output.parent}")
    if dataset_info is not None and not dataset_info.is_file():
        raise click.UsageError(f"there is no file {dataset_info}")
    sources = {}
    try:
        source = read_source(file)
        sources[source.path] = source
        made = convert(source, Place(file, output.parent if output else Path(), dataset_info), tool)
    except LcspecError as error:
        fail(error.diagnostics, sources, error.exit_code, form)
    if output is not None:
        write_atomic(output, made.text)
    if form == "json":
        report = to_json(
            made.items, tool=made.tool, file=str(file), spec=str(output) if output else None, name=made.name
        )
        emit_json({**report, "text": made.text})
    else:
        if output is None:
            click.echo(made.text, nl=False)
        click.echo(to_text(made.items), err=output is None, nl=False)
        if output is not None:
            click.echo(f"wrote {output}; next: lcspec check {output}")
    if strict and lost(made.items):
        sys.stdout.flush()
        raise click.exceptions.Exit(1)
