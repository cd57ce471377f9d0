"""`lcspec show`: the resolved spec, with the origin of each value."""

from pathlib import Path
from typing import Any

import click

from lcspec.cli.common import emit_json, fail, format_option, load, settings_options
from lcspec.compile.compose import Settings
from lcspec.diag.model import LcspecError


@click.command("show")
@click.argument("words", nargs=-1, metavar="[SPEC] [SECTION.PATH | prompt NAME]")
@settings_options
@format_option()
@click.option("--origin", "origins", is_flag=True, help="Say where each value comes from.")
@click.option("--row", type=click.IntRange(1), default=None, help="With `prompt`: which row, counted from 1.")
@click.option("--data", metavar="DATA[.SPLIT]", help="With `prompt`: whose rows; default: the first suite's.")
@click.option("--model", metavar="NAME", help="With `prompt`: whose tokenizer; default: the first model.")
def command(words: tuple[str, ...], settings: Settings, form: str, origins: bool, **asked: Any) -> None:
    """Print a spec with nothing left to look up: bases, variables and matrices done, defaults filled, kinds named.

    The text is itself a spec with the same plan. SECTION.PATH picks a part, say `tuning.lora.rank`.

    `show prompt NAME` prints what a model is given for a row: text, token ids, special tokens, and where the loss is.
    """
    spec, rest = split_words(words)
    if rest and rest[0] == "prompt" and len(rest) <= 3:
        _prompt(spec, rest[1:], settings, form, origins, asked)
        return
    if given := [f"--{name}" for name, value in asked.items() if value is not None]:
        raise click.UsageError(f"{', '.join(given)}: only with `show prompt NAME`")
    if len(rest) > 1:
        raise click.UsageError(f"one path at a time: {', '.join(rest)}")
    _resolved(spec, rest[0] if rest else None, settings, form, origins)


def _resolved(spec: Path | None, path: str | None, settings: Settings, form: str, origins: bool) -> None:
    from lcspec import showing

    loaded = load(spec, form, settings)
    try:
        tree, parts = showing.part(showing.resolved(loaded), path)
    except LcspecError as error:
        fail(error.diagnostics, loaded.sources, error.exit_code, form)
    if form == "json":
        emit_json(showing.to_json(tree, parts, loaded))
    else:
        click.echo(showing.to_yaml(tree, loaded.sources, origins=origins), nl=False)


def _prompt(
    spec: Path | None, rest: tuple[str, ...], settings: Settings, form: str, origins: bool, asked: dict[str, Any]
) -> None:
    if not rest or (len(rest) == 2 and spec is not None):
        raise click.UsageError("name one prompt: `lcspec show prompt NAME`")
    if origins:
        raise click.UsageError("--origin: not with `show prompt NAME`")
    if len(rest) == 2:  # `show prompt NAME SPEC`
        spec = Path(rest[1])
    from lcspec.promptview.gather import Gathering, Wanted
    from lcspec.promptview.told import to_json, to_text
    from lcspec.promptview.view import view

    loaded = load(spec, form, settings)
    wanted = Wanted(rest[0], asked["row"] or 1, asked["data"], asked["model"])
    try:
        shown = view(Gathering(loaded), wanted)
    except LcspecError as error:
        fail(error.diagnostics, loaded.sources, error.exit_code, form)
    if form == "json":
        emit_json(to_json(shown))
    else:
        click.echo(to_text(shown), nl=False)


def split_words(words: tuple[str, ...]) -> tuple[Path | None, tuple[str, ...]]:
    """The spec, if the first word is a file or looks like one, and the other words."""
    if words and (words[0].endswith((".yaml", ".yml")) or Path(words[0]).is_file()):
        return Path(words[0]), words[1:]
    return None, words
