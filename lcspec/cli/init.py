"""`lcspec init`: a first spec."""

from pathlib import Path

import click

from lcspec import assets
from lcspec.project import write_atomic

EXAMPLES = {"quickstart": ("quickstart.yaml",), "tales": ("tales.yaml", "data/tales-questions.jsonl")}


@click.command("init")
@click.option("--example", type=click.Choice(sorted(EXAMPLES)), required=True, help="Which example to write.")
@click.argument("folder", type=click.Path(path_type=Path, file_okay=False), default=Path())
def command(example: str, folder: Path) -> None:
    """Write an example spec with its lock and the JSON Schema for your editor. Nothing is overwritten."""
    names = [*EXAMPLES[example], f"{example}.lock.json"]
    files = {folder / name: assets.path(f"specs/{name}").read_text(encoding="utf-8") for name in names}
    schema = assets.path("schemas/spec/v1.json").read_text(encoding="utf-8")
    files[folder / ".lcspec-schema.json"] = schema
    spec = folder / f"{example}.yaml"
    files[spec] = files[spec].replace("../schemas/spec/v1.json", ".lcspec-schema.json")
    taken = [path for path in files if path.exists() and path.read_text(encoding="utf-8") != files[path]]
    if taken:
        raise click.UsageError(f"{', '.join(map(str, taken))} exists and differs; nothing was written")
    for path, text in files.items():
        write_atomic(path, text)
    click.echo(f"wrote {', '.join(str(path) for path in files)}\nnext: lcspec plan {spec}")
