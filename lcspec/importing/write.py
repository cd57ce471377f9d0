"""A `Document` to YAML text: sections in blocks, small values in one line, comments at the end of their line."""

from typing import Any

from lcspec.importing.build import Document, Path
from lcspec.yamlout import flow, lines_of, scalar

WIDTH = 100
BLOCKS = 3  # levels that are written as blocks


def write(document: Document) -> str:
    """The text of the spec."""
    lines = [f"# {_printed(line)}" for line in document.head]
    for key, value in document.data.items():
        if isinstance(value, dict | list) and lines[-1:] != [""]:
            lines.append("")
        lines += _entry(document, (key,), value, 0)
    return "\n".join(lines) + "\n"


def _entry(document: Document, path: Path, value: Any, depth: int) -> list[str]:
    pad = "  " * depth
    key, comment = scalar(path[-1]), document.comments.get(path, "")
    note = f"  # {_printed(comment)}" if comment else ""
    if isinstance(value, dict) and value and _block(document, path, value, depth):
        inner = [line for name, one in value.items() for line in _entry(document, (*path, name), one, depth + 1)]
        return [f"{pad}{key}:{note}", *inner]
    if isinstance(value, list) and value and all(isinstance(one, dict) for one in value):
        return [f"{pad}{key}:{note}", *(f"{pad}  - {flow(one)}" for one in value)]
    if isinstance(value, str) and (text := lines_of(value)) is not None:
        return [f"{pad}{key}: |-{note}", *(f"{pad}  {line}" if line else "" for line in text)]
    return [f"{pad}{key}: {flow(value)}{note}"]


def _printed(comment: str) -> str:
    """A comment on one line: names in it come from files."""
    return "".join(char if char.isprintable() else " " for char in comment)


def _block(document: Document, path: Path, value: dict[str, Any], depth: int) -> bool:
    if depth < 1 or any(len(other) > len(path) and other[: len(path)] == path for other in document.comments):
        return True
    long = len(flow(value)) + 2 * depth + len(path[-1]) > WIDTH
    nested = any(isinstance(one, dict) for one in value.values()) and depth < BLOCKS
    texts = any(isinstance(one, str) and "\n" in one for one in value.values())
    return long or nested or texts
