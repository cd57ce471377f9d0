"""Where a cursor stands in YAML that is being written: read from the text before it, broken or not."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Literal

from lcspec.ir.document import Path

_KEY = re.compile(r"""("(?:[^"\\]|\\.)*"|'[^']*'|[^\s\-?:,\[\]{}#&*!|>'"%@`][^#\n]*?|-[^\s#][^#\n]*?)\s*:(?=\s|\Z)""")
_BLOCK = re.compile(r"[|>][-+0-9]*\s*(#.*)?\Z")
Role = Literal["key", "value", "item", "text"]


@dataclass(frozen=True)
class Cursor:
    """A place to write at.

    Attributes:
        path: of the mapping whose key is written, or of the value itself.
        role: a key, a value, an item of a list (a value, or the first key of one), or text that means nothing here.
        prefix: what stands between the start of the word and the cursor.
        start: the offset of that word.
        keys: keys of the mapping that stand before the cursor.
        kinds: what `kind:` says in the open mappings, by their paths.
    """

    path: Path
    role: Role
    prefix: str
    start: int
    keys: tuple[str, ...] = ()
    kinds: Mapping[Path, str] = field(default_factory=dict)


@dataclass
class _Frame:
    """An open collection. `at` is the key or index that is being written; None where a key is due."""

    indent: int  # -1 in flow style
    at: str | int | None
    keys: list[str] = field(default_factory=list)
    kind: str | None = None

    @property
    def listed(self) -> bool:
        return isinstance(self.at, int)


def cursor_at(text: str, offset: int) -> Cursor:
    """The cursor at `offset`."""
    return _Reader(text[:offset]).read()


class _Reader:
    def __init__(self, text: str) -> None:
        self.text = text
        self.frames: list[_Frame] = []
        self.block: int | None = None  # the indent of the key of a block scalar that is open

    def read(self) -> Cursor:
        start = 0
        lines = self.text.split("\n")
        for line in lines[:-1]:
            self.line(line, start, last=False)
            start += len(line) + 1
        found = self.line(lines[-1], start, last=True) or Cursor((), "text", "", len(self.text))
        path = self.path()
        kinds = {path[:depth]: frame.kind for depth, frame in enumerate(self.frames) if frame.kind is not None}
        return replace(found, kinds=kinds)

    def line(self, line: str, start: int, *, last: bool) -> Cursor | None:
        stripped = line.lstrip(" ")
        indent = len(line) - len(stripped)
        if self.flowing():
            return self.flow(line, start, last)
        if self.block is not None:
            if not stripped.strip() or indent > self.block:
                return Cursor(self.path(), "text", "", start + len(line)) if last and indent > self.block else None
            self.block = None
        if stripped.startswith("#") or (not stripped.strip() and not last):
            return Cursor(self.path(), "text", "", start + len(line)) if last else None
        return self.content(stripped, indent, start, last)

    def content(self, rest: str, indent: int, start: int, last: bool) -> Cursor | None:
        """One line of block style: dashes, then a key with its value, or a value."""
        dashed = False
        while rest.startswith("- ") or rest.rstrip() == "-":
            self.leave(indent, dash=True)
            top = self.frames[-1] if self.frames else None
            if top is not None and top.listed and top.indent == indent:
                top.at = int(top.at or 0) + 1
            else:
                self.frames.append(_Frame(indent, 0))
            step = len(rest) - len(rest[1:].lstrip(" ")) if rest[1:].strip() else len(rest)
            indent, rest, dashed = indent + max(step, 2), rest[step:], True
        match = _KEY.match(rest)
        if match is None:
            if not dashed:
                self.leave(indent)
            return self.unfinished(rest, indent, start, dashed) if last else self.value(rest, start, last)
        self.leave(indent)
        key = match.group(1).strip("\"'")
        top = self.frames[-1] if self.frames else None
        if top is None or top.listed or top.indent != indent:
            top = _Frame(indent, None)
            self.frames.append(top)
        top.at = key
        top.keys.append(key)
        return self.value(rest[match.end() :], start, last)

    def leave(self, indent: int, *, dash: bool = False) -> None:
        """Closes the collections that a line at `indent` is no part of."""
        while self.frames:
            top = self.frames[-1]
            deeper = top.indent > indent or (top.indent == indent and top.listed and not dash)
            if not deeper:
                break
            self.frames.pop()

    def value(self, rest: str, start: int, last: bool) -> Cursor | None:
        """What stands behind a key or a dash."""
        stripped = rest.lstrip(" ")
        if stripped[:1] in ("{", "["):
            return self.flow(stripped, start, last)
        if _BLOCK.match(stripped):
            self.block = max((frame.indent for frame in self.frames if not frame.listed), default=0)
        if not last:
            if self.frames and self.frames[-1].at == "kind":
                self.frames[-1].kind = stripped.split(" #")[0].strip("\"' ")
            return None
        if " #" in rest or (rest and not rest[0].isspace()):
            return Cursor(self.path(), "text", "", len(self.text))
        word = stripped.lstrip("\"'")
        return Cursor(self.path(), "value" if rest else "text", word, len(self.text) - len(word))

    def unfinished(self, rest: str, indent: int, start: int, dashed: bool) -> Cursor:
        """The last line, without a colon yet."""
        if rest[:1] in ("{", "["):
            return self.flow(rest, start, True) or Cursor((), "text", "", len(self.text))
        word = rest.strip("\"' ")
        here = len(self.text) - len(rest.lstrip("\"'"))
        if dashed:
            return Cursor(self.path(), "item", word, here)
        top = self.frames[-1] if self.frames else None
        if top is not None and not top.listed and top.indent == indent:
            return Cursor(self.path()[:-1], "key", word, here, tuple(top.keys))
        return Cursor(self.path(), "key", word, here)

    # --- flow style --------------------------------------------------------------------------------------------------

    def flowing(self) -> bool:
        return bool(self.frames) and self.frames[-1].indent < 0

    def flow(self, line: str, start: int, last: bool) -> Cursor | None:
        """Characters of flow style, up to the end of the line or of the outermost bracket."""
        word, quote, at = "", "", 0
        while at < len(line):
            char = line[at]
            at += 1
            if quote:
                quote = "" if char == quote else quote
                word += char
            elif char in "\"'" and not word.strip():
                quote, word = char, word + char
            elif char == "#" and (not word or word[-1] == " "):
                word = ""
                break
            elif char in "{[":
                self.frames.append(_Frame(-1, None if char == "{" else 0))
                word = ""
            elif char in "}]":
                if not self.flowing():
                    return None
                self.frames.pop()
                word = ""
                if not self.flowing():
                    return Cursor(self.path(), "text", "", len(self.text)) if last else None
            elif char == ",":
                top = self.frames[-1]
                top.kind = word.strip("\"' ") if top.at == "kind" else top.kind
                top.at = int(top.at or 0) + 1 if top.listed else None
                word = ""
            elif char == ":" and not self.frames[-1].listed and line[at : at + 1] in ("", " "):
                key = word.strip(" \"'")
                self.frames[-1].at = key
                self.frames[-1].keys.append(key)
                word = ""
            else:
                word += char
        return self.inside(word) if last else None

    def inside(self, word: str) -> Cursor:
        top = self.frames[-1]
        shown = word.strip().lstrip("\"'")
        start = len(self.text) - len(word.lstrip().lstrip("\"'"))
        if top.listed:
            return Cursor(self.path(), "item", shown, start)
        if top.at is None:
            return Cursor(self.path()[:-1], "key", shown, start, tuple(top.keys))
        return Cursor(self.path(), "value", shown, start)

    def path(self) -> Path:
        return tuple("" if frame.at is None else frame.at for frame in self.frames)
