"""Faults of the characters of a text, found before YAML sees it: what YAML would report badly or not at all.

Each fault is blanked with as many spaces, so that offsets stay and the rest of the text can still be read.
"""

import re

from lcspec.diag.model import Diagnostic, Edit, Fix, Label
from lcspec.ir.source import SourceFile, Span

MAX_CHARACTERS = 4_000_000
_MANY = 20  # strange characters told one by one

_CONTROL = "\x00-\x08\x0b\x0c\x0e-\x1f\x7f\x80-\x84\x86-\x9f\ud800-\udfff\ufffe\uffff"
_BIDI = "\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069"
_INVISIBLE = "\u00ad\u180e\u200b-\u200d\u2060-\u2064"
_STRANGE = re.compile(f"[{_CONTROL}{_BIDI}{_INVISIBLE}\ufeff]")
_IS_CONTROL, _IS_BIDI = re.compile(f"[{_CONTROL}]"), re.compile(f"[{_BIDI}]")
_JOINERS = "\u200c\u200d"
_MARKER = re.compile(r"^(?:<{7}|\|{7}|={7}|>{7})(?=[ \r\n]|\Z)[^\n]*", re.MULTILINE)


def prescan(source: SourceFile) -> tuple[str, list[Diagnostic]]:
    """The text to parse, as long as that of `source`, and the faults of its characters; empty when it is too large."""
    text, found = source.text, list[Diagnostic]()
    if len(text) > MAX_CHARACTERS:
        message = f"the file has {len(text):,} characters; at most {MAX_CHARACTERS:,} are read"
        return "", [fault(source.path, "LC0007", 0, 1, message, "split data out of the spec into files")]
    if _STRANGE.search(text, 1 if text.startswith("\ufeff") else 0):
        text = _without_strange(source, text, found)
    if "\n=======" in text or "\n>>>>>>>" in text or text.startswith(("<<<<<<<", "=======", ">>>>>>>")):
        text = _without_conflicts(source, text, found)
    return text, found


def fault(file: str, code: str, start: int, end: int, message: str, help: str, fix: Fix | None = None) -> Diagnostic:
    """An error at [start, end) of `file`."""
    return Diagnostic(code, message, (Label(Span(file, start, end), ""),), help=help, fix=fix)


def blank(text: str, start: int, end: int) -> str:
    """`text` with [start, end) replaced by spaces; line breaks stay."""
    return text[:start] + re.sub(r"[^\r\n]", " ", text[start:end]) + text[end:]


# --- characters ------------------------------------------------------------------------------------------------------


def _without_strange(source: SourceFile, text: str, found: list[Diagnostic]) -> str:
    chars, told = list(text), 0
    for match in _STRANGE.finditer(text, 1 if text.startswith("\ufeff") else 0):
        at, char = match.start(), match.group()
        if char in _JOINERS and _joins(text, at):
            continue
        chars[at] = "_" if text[at + 1 : at + 2].isalnum() else " "  # a space before a key would indent it
        told += 1
        if told <= _MANY:
            found.append(_strange(source.path, at, char))
    return "".join(chars)


def _joins(text: str, at: int) -> bool:
    """Whether the joiner at `at` does its work, between letters of a script or parts of an emoji."""
    around = text[at - 1 : at] + text[at + 1 : at + 2]
    return len(around) == 2 and not around.isascii() and not any(map(str.isspace, around))


def _strange(file: str, at: int, char: str) -> Diagnostic:
    name = f"U+{ord(char):04X}"
    fix = Fix(f"delete {name}", (Edit(Span(file, at, at + 1), ""),), safe=not _IS_BIDI.match(char))
    if char == "\ufeff":
        message = "a byte order mark inside the file: two files were joined"
        return fault(file, "LC0015", at, at + 1, message, "delete it", fix)
    if _IS_CONTROL.match(char):
        message = f"the control character {name} cannot stand in a spec"
        return fault(file, "LC0016", at, at + 1, message, "delete it, or write it as `\\x..` in double quotes", fix)
    what = "turns the direction of the text" if _IS_BIDI.match(char) else "is invisible"
    message = f"the character {name} {what}: the text may read differently from what it says"
    help = f"delete it, or write it as `\\u{ord(char):04x}` in double quotes"
    return fault(file, "LC0009", at, at + 1, message, help, fix)


# --- merge conflicts -------------------------------------------------------------------------------------------------


def _without_conflicts(source: SourceFile, text: str, found: list[Diagnostic]) -> str:
    """One fault for each conflict; its first side stays, so that the rest of the file can be read."""
    open_at: re.Match[str] | None = None
    middle: re.Match[str] | None = None
    for match in _MARKER.finditer(text):
        mark = match.group()[0]
        if mark == "<" or (open_at is None and mark in "=|>"):
            if open_at is not None or mark != "<":
                found.append(_conflict(source.path, match, None, None))
                text = blank(text, match.start(), match.end())
                continue
            open_at, middle = match, None
        elif mark in "|=":
            middle = middle or match
        elif open_at is not None:
            found.append(_conflict(source.path, open_at, middle, match))
            text = blank(text, open_at.start(), open_at.end())
            text = blank(text, (middle or match).start(), match.end())
            open_at = None
    if open_at is not None:
        found.append(_conflict(source.path, open_at, middle, None))
        text = blank(text, open_at.start(), open_at.end())
        text = blank(text, middle.start(), middle.end()) if middle else text
    return text


def _conflict(file: str, first: re.Match[str], middle: re.Match[str] | None, last: re.Match[str] | None) -> Diagnostic:
    labels = [Label(Span(file, first.start(), len(first.group().rstrip()) + first.start()), "")]
    for match, text in ((middle, "the other side starts here"), (last, "and ends here")):
        if match is not None:
            labels.append(Label(Span(file, match.start(), match.start() + 7), text))
    help = "keep one of the two sides and delete the markers"
    return Diagnostic("LC0002", "the file has an unresolved merge conflict", tuple(labels), help=help)
