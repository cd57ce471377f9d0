"""Offsets in a text to lines and characters as the Language Server Protocol counts them, and back."""

import re
from bisect import bisect_right
from typing import Literal, NamedTuple

Encoding = Literal["utf-8", "utf-16", "utf-32"]
_LINE_END = re.compile(r"\r\n|\n|\r")  # and no other: Python's splitlines knows more


class Place(NamedTuple):
    """A 0-based line, and a character counted in code units of the encoding."""

    line: int
    character: int


class Lines:
    """The lines of one text."""

    def __init__(self, text: str, encoding: Encoding = "utf-16") -> None:
        self.text, self.encoding = text, encoding
        self.starts = [0, *(match.end() for match in _LINE_END.finditer(text))]

    def place(self, offset: int) -> Place:
        """Where the character at `offset` stands."""
        offset = max(0, min(offset, len(self.text)))
        line = bisect_right(self.starts, offset) - 1
        return Place(line, self._units(self.text[self.starts[line] : offset]))

    def offset(self, line: int, character: int) -> int:
        """The offset of a place; beyond the end of a line its end, beyond the last line the end of the text."""
        if line >= len(self.starts):
            return len(self.text)
        start = self.starts[max(0, line)]
        end = self.starts[line + 1] if line + 1 < len(self.starts) else len(self.text)
        while end > start and self.text[end - 1] in "\r\n":
            end -= 1
        units, at = 0, start
        while at < end and units < character:
            units += self._units(self.text[at])
            at += 1
        return at

    def _units(self, text: str) -> int:
        if self.encoding == "utf-32":
            return len(text)
        if self.encoding == "utf-8":
            return len(text.encode("utf-8", "surrogatepass"))
        return len(text) + sum(char > "\uffff" for char in text)
