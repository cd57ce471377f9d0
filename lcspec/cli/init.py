"""`lcspec init`: a first spec, from a data file or from an example."""

import sys
from pathlib import Path
from typing import Any, get_args

import click

from lcspec import assets
from lcspec.cli.common import fail
from lcspec.diag.model import LcspecError
from lcspec.ir.spec import Task
from lcspec.project import write_atomic

EXAMPLES = {"quickstart": ("quickstart.yaml",), "tales": ("tales.yaml", "data/tales-questions.jsonl")}
TASKS = get_args(Task)


@click.command("init")
@click.argument("path", type=click.Path(path_type=Path), required=False, metavar="[DATA_FILE]")
@click.option("--task", type=click.Choice(TASKS), help="What the answers are; guessed from the columns.")
@click.option("--input", "input_", metavar="COLUMN", help="The column that is read.")
@click.option("--target", metavar="COLUMN", help="The column with the right answer.")
@click.option("--model", metavar="MODEL", help="A folder, a .gguf file, or org/name of the hub.")
@click.option("--name", metavar="NAME", help="Name of the project.")
@click.option("-o", "--out", type=click.Path(path_type=Path, dir_okay=False), help="Where to write the spec.")
@click.option("--yes", is_flag=True, help="Take the guesses; ask nothing.")
@click.option("--example", type=click.Choice(sorted(EXAMPLES)), help="Write this example into the folder instead.")
def command(path: Path | None, example: str | None, yes: bool, **said: Any) -> None:
    """Write a first spec for the rows of DATA_FILE, and the JSON Schema for your editor. Nothing is overwritten.

    The file is looked into: columns, labels, lengths, repeated rows. What it cannot support is left out, with the
    reason. On a terminal you are asked; elsewhere options say it, and guesses fill the rest.
    """
    if example is not None:
        _example(example, path or Path())
        return
    asking = sys.stdin.isatty() and sys.stdout.isatty() and not yes
    if path is None:
        if not asking:
            raise click.UsageError(
                "name a file with rows, say `lcspec init data/rows.jsonl`; or `--example quickstart`"
            )
        path = Path(click.prompt("File with rows (.jsonl, .csv, .tsv, .json, .parquet)", type=str))
    try:
        _first(path, asking, **said)
    except LcspecError as error:
        fail(error.diagnostics, {}, error.exit_code, "text")


def _first(path: Path, asking: bool, **said: Any) -> None:
    from lcspec.firstspec.guess import guess
    from lcspec.firstspec.look import look
    from lcspec.firstspec.make import SCHEMA, make, schema_text
    from lcspec.firstspec.model import slug

    if said["name"] is not None and slug(said["name"]) != said["name"]:
        raise click.UsageError(f"a name is lower-case words joined by `-`, say `{slug(said['name'])}`")
    seen = look(path, trust_header=bool(said["input_"] and said["target"]))
    click.echo(f"{path}: {seen.rows:,} rows; columns: {', '.join(seen.columns)}", err=True)
    known = {"task": said["task"], "input": said["input_"], "target": said["target"]}
    roles = guess(seen, **known)
    if asking:
        roles = _asked(seen, roles, known)
        said["model"] = said["model"] or click.prompt("Model", default="smollm2", type=str)
        said["model"] = None if said["model"] == "smollm2" else said["model"]
        said["name"] = said["name"] or click.prompt("Name of the project", default=slug(path.name.split(".")[0]))
    made = make(seen, roles, path=said["out"], name=said["name"], model=said["model"])
    if made.path.exists():
        raise click.UsageError(f"{made.path} exists; nothing was written (`--out` names another file)")
    made.path.parent.mkdir(parents=True, exist_ok=True)
    write_atomic(made.path, made.text)
    wrote = [made.path]
    schema = made.path.parent / SCHEMA
    if not schema.exists():
        write_atomic(schema, schema_text())
        wrote.append(schema)
    click.echo(f"wrote {', '.join(map(str, wrote))}")
    for note in made.first.proposal.notes.values():
        click.echo(f"note: {note}", err=True)
    click.echo(f"next: lcspec check {made.path}, then lcspec plan {made.path}")


def _asked(seen: Any, roles: Any, known: dict[str, Any]) -> Any:
    """The roles after the questions; each has the guess as its default."""
    from lcspec.firstspec.guess import guess

    columns = click.Choice(list(seen.columns))
    if known["input"] is None:
        known["input"] = click.prompt("Column that is read", default=roles.input, type=columns)
    if known["target"] is None:
        known["target"] = click.prompt("Column with the right answer", default=roles.answer, type=columns)
    if known["task"] is None:
        again = guess(seen, **known)
        known["task"] = click.prompt("Task", default=again.task, type=click.Choice(TASKS))
    return guess(seen, **known)


def _example(example: str, folder: Path) -> None:
    names = [*EXAMPLES[example], f"{example}.lock.json"]
    if folder.is_file():
        raise click.UsageError(f"{folder} is a file; name a folder for the example")
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
