"""The comments of a text: what stands outside of all keys and values behind a `#`."""

import re
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass

from lcspec.ir.document import Mapping, Node, Scalar, Sequence

_COMMENT = re.compile(r"(?:(?<=\s)|^)#[^\n]*", re.MULTILINE)
BLOCK = re.compile(r"[|>][-+1-9]*")


@dataclass(slots=True)
class Comment:
    """One comment: where it stands, whether it has its line for itself, and whether a blank line precedes that."""

    offset: int
    line: int
    column: int
    text: str
    own_line: bool
    blank_before: bool
    used: bool = False


class Lines:
    """Lines and columns (from 0) of a text."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.starts = [0, *(match.end() for match in re.finditer("\n", text))]

    def line(self, offset: int) -> int:
        """The line of the character at `offset`."""
        return bisect_right(self.starts, offset) - 1

    def column(self, offset: int) -> int:
        """Its column."""
        return offset - self.starts[self.line(offset)]

    def of(self, line: int) -> str:
        """The text of a line, without its end."""
        if not 0 <= line < len(self.starts):
            return ""
        end = self.starts[line + 1] - 1 if line + 1 < len(self.starts) else len(self.text)
        return self.text[self.starts[line] : end]

    def blank_before(self, offset: int) -> bool:
        """Whether the line above that of `offset` is blank."""
        line = self.line(offset)
        return line > 0 and not self.of(line - 1).strip()


def find_comments(text: str, root: Node) -> list[Comment]:
    """The comments of `text` in its order."""
    lines, found, end = Lines(text), list[Comment](), 0
    for start, stop in [*_occupied(root, text), (len(text), len(text))]:
        for match in _COMMENT.finditer(text, end, max(start, end)):
            found.append(_comment(lines, match))
        end = max(end, stop)
    return found


def _comment(lines: Lines, match: re.Match[str]) -> Comment:
    offset, words = match.start(), match.group().rstrip()
    if re.match(r"#[^\s#!:]", words):
        words = f"# {words[1:]}"
    line, column = lines.line(offset), lines.column(offset)
    own = not lines.of(line)[:column].strip()
    return Comment(offset, line, column, words, own, lines.blank_before(offset))


def _occupied(node: Node, text: str) -> Iterator[tuple[int, int]]:
    """The ranges of all keys and scalars, in the order of the text."""
    if isinstance(node, Mapping):
        for entry in node.entries:
            yield entry.key_span.start, entry.key_span.end
            yield from _occupied(entry.value, text)
    elif isinstance(node, Sequence):
        for item in node.items:
            yield from _occupied(item, text)
    elif node.span.end > node.span.start:
        if is_block(node, text):  # a comment may stand behind its head
            head = BLOCK.match(text, node.span.start)
            end = text.find("\n", node.span.start)
            yield node.span.start, head.end() if head else node.span.start + 1
            yield (end if end >= 0 else len(text)), node.span.end
        else:
            yield node.span.start, node.span.end


def is_block(node: Scalar, text: str) -> bool:
    """Whether the scalar is written with `|` or `>`."""
    return text[node.span.start : node.span.start + 1] in ("|", ">") and node.span.end > node.span.start
