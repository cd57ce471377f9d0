"""`lcspec show`: the resolved spec, with the origin of each value."""

from pathlib import Path

import click

from lcspec.cli.common import emit_json, fail, format_option, load, settings_options
from lcspec.compile.compose import Settings
from lcspec.diag.model import LcspecError


@click.command("show")
@click.argument("words", nargs=-1, metavar="[SPEC] [SECTION.PATH]")
@settings_options
@format_option()
@click.option("--origin", "origins", is_flag=True, help="Say where each value comes from.")
def command(words: tuple[str, ...], settings: Settings, form: str, origins: bool) -> None:
    """Print a spec with nothing left to look up: bases, variables and matrices done, defaults filled, kinds named.

    The text is itself a spec with the same plan. SECTION.PATH picks a part, say `tuning.lora.rank`.
    """
    from lcspec import showing

    spec, rest = split_words(words)
    if len(rest) > 1:
        raise click.UsageError(f"one path at a time: {', '.join(rest)}")
    loaded = load(spec, form, settings)
    try:
        tree, path = showing.part(showing.resolved(loaded), rest[0] if rest else None)
    except LcspecError as error:
        fail(error.diagnostics, loaded.sources, error.exit_code, form)
    if form == "json":
        emit_json(showing.to_json(tree, path, loaded))
    else:
        click.echo(showing.to_yaml(tree, loaded.sources, origins=origins), nl=False)


def split_words(words: tuple[str, ...]) -> tuple[Path | None, tuple[str, ...]]:
    """The spec, if the first word is a file or looks like one, and the other words."""
    if words and (words[0].endswith((".yaml", ".yml")) or Path(words[0]).is_file()):
        return Path(words[0]), words[1:]
    return None, words
