"""Scalars as they are written: on one line where that is possible, with the quotes that they had."""

import json

from lcspec.fmt.comments import BLOCK
from lcspec.ir.document import Scalar
from lcspec.ir.source import Span


def on_one_line(span: Span, value: str, text: str) -> str:
    """A key or value that is no block scalar, on one line."""
    said = text[span.start : span.end]
    if "\n" in said:
        return quoted(value) if said[:1] in "\"'" or "\n" in value else value
    if said[:1] == "'" and value.isprintable() and '"' not in value and "\\" not in value:
        return f'"{value}"'
    return said


def quoted(value: str) -> str:
    """`value` in double quotes, with escapes for all that is not printable."""
    made = json.dumps(value, ensure_ascii=False)
    return "".join(char if char.isprintable() else f"\\U{ord(char):08x}" for char in made)


def kept_lines(span: Span, text: str) -> list[str]:
    """A scalar over several lines that is too long for one: its lines, without their indentation."""
    first, *rest = text[span.start : span.end].split("\n")
    return [_end(first), *(_end(line.lstrip(" \t")) for line in rest)]


def _end(line: str) -> str:
    """Blanks at the end of a line are folded away, but for one behind a backslash."""
    cut = line.rstrip(" \t")
    return line[: len(cut) + 1] if cut.endswith("\\") and len(cut) < len(line) else cut


def block(node: Scalar, text: str) -> tuple[str, list[str], bool]:
    """Head and lines (without indentation) of a block scalar, and whether blank lines at its end are part of it."""
    head = BLOCK.match(text, node.span.start)
    mark = head.group() if head else "|"
    lines = text[text.find("\n", node.span.start) + 1 :].removesuffix("\n").split("\n")
    if "\n" not in text[node.span.start :]:
        lines = []
    told = next((line for line in node.text.split("\n") if line.strip(" ")), "")
    first = next((line for line in lines if line.strip(" ")), "")
    if not node.text.strip(" \n"):
        first = ""
    spaces = len(told) - len(told.lstrip(" "))
    indent = len(first) - len(first.lstrip(" ")) - spaces
    body = []
    for line in lines:
        if line.strip(" ") and (not first or len(line) - len(line.lstrip(" ")) < indent):
            break
        body.append(line[indent:] if line.strip(" ") or len(line) > indent else "")
    keep = "+" in mark and node.text.endswith("\n")
    while body and not body[-1].strip(" ") and not keep:
        body.pop()
    chomp = "+" if keep else "-" if not node.text.endswith("\n") else ""
    return mark[0] + ("2" if spaces else "") + chomp, body, keep
