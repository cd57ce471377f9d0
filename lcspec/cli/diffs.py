"""Unified diffs of files that a command would write, or has written."""

import difflib
import sys

import click

_COLORS = {"+": "green", "-": "red", "@": "cyan"}


def print_diff(name: str, before: str, after: str) -> None:
    """Prints the difference of two texts of the file `name` on stdout; nothing when they are equal."""
    lines = difflib.unified_diff(_lines(before), _lines(after), name, name)
    for line in lines:
        text = line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n"
        color = _COLORS.get(line[:1]) if sys.stdout.isatty() and not line.startswith(("+++", "---")) else None
        click.secho(text, fg=color, nl=False)


def _lines(text: str) -> list[str]:
    """The lines of `text` as an editor counts them: only line feeds end one."""
    parts = text.split("\n")
    return [f"{part}\n" for part in parts[:-1]] + ([parts[-1]] if parts[-1] else [])
