"""Random edits of a spec, seeded: what a tired author, a careless merge or a hostile pull request does to a file."""

import random
import re
from collections.abc import Callable
from typing import NamedTuple

from lcspec.compile.parse import parse
from lcspec.ir import document as doc
from lcspec.ir.document import walk
from lcspec.ir.source import SourceFile, Span


class Edited(NamedTuple):
    """The new text, the range of it that is new (empty where something was cut out), and the name of the edit."""

    text: str
    start: int
    end: int
    how: str


SIGNS = ":{}[],-#&*!|>'\"%@`?=~ \t\n\\/$.0aZé日\u200b\u202e\x00\ufeff😀"
VALUES = ["", "null", "true", "no", "-1", "0", "1e400", "9" * 40, "[]", "{}", "[1, [2]]", "{a: b}", '"x"', "'it''s'"]
VALUES += [
    "3 gb",
    "80%",
    "yes",
    "2020-01-01",
    ".nan",
    "0x1F",
    "!!str 1",
    "&a 1",
    "*a",
    "{{ x }}",
    "${x}",
    "a: b",
    "x" * 300,
]
VALUES += [
    "- 1",
    "|\n  text",
    ">-\n",
    "\n  deep: {er: 1}",
    "§",
    "lora",
    "reuters.train",
    "topics.accuracy",
    "1,2",
    "''",
]
Edit = Callable[[random.Random, str, doc.Node], tuple[str, int, int]]


def swap(text: str, start: int, end: int, new: str) -> tuple[str, int, int]:
    return text[:start] + new + text[end:], start, start + len(new)


def _insert_char(r: random.Random, text: str, root: doc.Node) -> tuple[str, int, int]:
    at = r.randrange(len(text))
    return swap(text, at, at, r.choice(SIGNS))


def _delete_char(r: random.Random, text: str, root: doc.Node) -> tuple[str, int, int]:
    at = r.randrange(len(text))
    return swap(text, at, at + 1, "")


def _replace_char(r: random.Random, text: str, root: doc.Node) -> tuple[str, int, int]:
    at = r.randrange(len(text))
    return swap(text, at, at + 1, r.choice(SIGNS))


def _swap_chars(r: random.Random, text: str, root: doc.Node) -> tuple[str, int, int]:
    at = r.randrange(len(text) - 1)
    return swap(text, at, at + 2, text[at + 1] + text[at])


def _token(r: random.Random, text: str, root: doc.Node) -> tuple[str, int, int]:
    words = list(re.finditer(r"[\w.-]+", text))
    one, other = r.choice(words), r.choice(words)
    return swap(text, one.start(), one.end(), r.choice(["", one.group() * 2, other.group(), one.group().upper(), "'"]))


def _line(r: random.Random, text: str, root: doc.Node) -> tuple[str, int, int]:
    lines = text.splitlines(keepends=True)
    at = r.randrange(len(lines) - 1)
    start = sum(map(len, lines[:at]))
    end = start + len(lines[at])
    this, after = lines[at], lines[at + 1]
    new = r.choice(
        ["", this * 2, "  " + this, " " + this, "\t" + this, this.lstrip(), this.rstrip("\n"), after, "# " + this]
    )
    return swap(text, start, end, new)


def _lines_swapped(r: random.Random, text: str, root: doc.Node) -> tuple[str, int, int]:
    lines = text.splitlines(keepends=True)
    at = r.randrange(len(lines) - 1)
    start = sum(map(len, lines[:at]))
    return swap(text, start, start + len(lines[at]) + len(lines[at + 1]), lines[at + 1] + lines[at])


def _key(r: random.Random, text: str, root: doc.Node) -> tuple[str, int, int]:
    entries = [entry for _, node in walk(root) if isinstance(node, doc.Mapping) for entry in node.entries]
    one, other = r.choice(entries), r.choice(entries)
    at = r.randrange(len(one.key))
    new = [one.key[:at] + one.key[at + 1 :], one.key + "s", one.key.replace("-", "_"), one.key.title(), other.key]
    return swap(text, one.key_span.start, one.key_span.end, r.choice([*new, "x-note", "1", '"k"', "<<", "kind"]))


def _value(r: random.Random, text: str, root: doc.Node) -> tuple[str, int, int]:
    spans = [node.span for path, node in walk(root) if path]
    span = r.choice(spans)
    return swap(text, span.start, span.end, r.choice(VALUES))


def _entry(r: random.Random, text: str, root: doc.Node) -> tuple[str, int, int]:
    """An entry cut out, or put in a second time."""
    entries = [entry for _, node in walk(root) if isinstance(node, doc.Mapping) for entry in node.entries]
    one = r.choice(entries)
    start, end = one.key_span.start, one.value.span.end
    return swap(text, start, end, r.choice(["", text[start:end] + ", " + text[start:end], text[start:end] + "\n"]))


def _subtree(r: random.Random, text: str, root: doc.Node) -> tuple[str, int, int]:
    """One value in the place of another."""
    spans = [node.span for path, node in walk(root) if path]
    one, other = r.choice(spans), r.choice(spans)
    return swap(text, one.start, one.end, text[other.start : other.end])


def _wrap(r: random.Random, text: str, root: doc.Node) -> tuple[str, int, int]:
    spans: list[Span] = [node.span for path, node in walk(root) if path]
    span = r.choice(spans)
    open_, close = r.choice(["[]", "{}", '""', "''", "()", ("{a: ", "}"), ("[[[[", "]]]]")])
    return swap(text, span.start, span.end, open_ + text[span.start : span.end] + close)


def _cut(r: random.Random, text: str, root: doc.Node) -> tuple[str, int, int]:
    """The end of the file is gone, or a piece from the middle."""
    start = r.randrange(len(text))
    return swap(text, start, r.choice([len(text), min(len(text), start + r.randrange(1, 200))]), "")


EDITS: dict[str, Edit] = {
    "insert a character": _insert_char,
    "delete a character": _delete_char,
    "replace a character": _replace_char,
    "swap two characters": _swap_chars,
    "change a word": _token,
    "change a line": _line,
    "swap two lines": _lines_swapped,
    "change a key": _key,
    "change a value": _value,
    "change an entry": _entry,
    "replace a subtree": _subtree,
    "wrap a value": _wrap,
    "cut": _cut,
}


def edited(text: str, seed: int) -> Edited:
    """The edit number `seed` of `text`; the kinds of edit take turns."""
    r = random.Random(seed)
    how = list(EDITS)[seed % len(EDITS)]
    root, _ = parse(SourceFile("spec.yaml", text))
    assert root is not None
    return Edited(*EDITS[how](r, text, root), how)
