"""`lcspec fmt`: one form for specs."""

import sys
from collections.abc import Iterator
from pathlib import Path

import click

from lcspec.cli.common import is_spec, show
from lcspec.diag.model import LcspecError
from lcspec.ir.source import SourceFile

STDIN = Path("-")


@click.command("fmt")
@click.argument("files", nargs=-1, type=click.Path(path_type=Path, allow_dash=True))
@click.option("--check", "only_check", is_flag=True, help="Write nothing; exit with 1 if a file is not in form.")
@click.option("--diff", is_flag=True, help="Write nothing; show what would change, and exit with 1 if anything would.")
def command(files: tuple[Path, ...], only_check: bool, diff: bool) -> None:
    """Bring specs into form: FILES, all specs in folders, `-` for standard input; without any, the specs here.

    Indentation, spacing, quotes and blank lines; comments and the order of keys stay. Prints the files that changed.
    """
    looking = only_check or diff
    outcomes = [_one(path, diff=diff, looking=looking) for path in _found(files)]
    raise click.exceptions.Exit(1 if "broken" in outcomes or (looking and "changed" in outcomes) else 0)


def _one(path: Path, *, diff: bool, looking: bool) -> str:
    """Formats one file: `same`, `changed` or `broken`."""
    from lcspec.cli.diffs import print_diff
    from lcspec.fmt import formatted
    from lcspec.project import decode, read_source, rewrite

    sources: dict[str, SourceFile] = {}
    try:
        source = decode(Path("<stdin>"), sys.stdin.buffer.read()) if path == STDIN else read_source(path)
        sources[source.path] = source
        text = formatted(source.path, source.text)
        if path == STDIN and not looking:
            sys.stdout.write(text)
        elif text != source.text:
            if diff:
                print_diff(source.path, source.text, text)
            else:
                click.echo(source.path)
            if not looking:
                rewrite(path, text)
        return "same" if text == source.text else "changed"
    except LcspecError as error:
        show(error.diagnostics, sources, "text", err=True)
        return "broken"


def _found(files: tuple[Path, ...]) -> Iterator[Path]:
    """The files that are meant, each once, in order."""
    listed: dict[Path, None] = {}
    for path in files:
        if path != STDIN and path.is_dir():
            inside = (found for found in sorted(path.rglob("*.y*ml")) if is_spec(found))
            listed |= dict.fromkeys(found for found in inside if not _hidden(found.relative_to(path)))
        else:
            listed[path] = None
    if not files:
        here = (found for folder in (Path(), Path("specs")) for found in sorted(folder.glob("*.y*ml")))
        listed = dict.fromkeys(found for found in here if is_spec(found))
        if not listed:
            raise click.UsageError("there is no spec here; name files or folders")
    yield from listed


def _hidden(path: Path) -> bool:
    return any(part.startswith(".") or part in ("build", "node_modules") for part in path.parts)
