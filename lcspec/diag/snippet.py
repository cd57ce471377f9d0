"""The lines of one file with the labels of a diagnostic below them: what `render_text` prints between title and notes.

A label on one line is marked below it, a label over several lines by a bar at the left. Columns are those of a
terminal: wide characters take two, a tab goes to the next multiple of four. Long lines are clipped around the labels.
"""

import unicodedata
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from lcspec.diag.model import Label
from lcspec.ir.source import SourceFile

WIDTH = 120  # columns of a line before it is clipped
_TAB = 4
_JOINERS = "\u200c\u200d"
_GAP = 1  # lines between two labelled ones that are shown rather than left out


class Mark(NamedTuple):
    """A label on its lines: columns are offsets into the text of the first and the last line."""

    first: int
    start: int
    last: int
    end: int
    text: str
    primary: bool


class Row(NamedTuple):
    """One printed row: the line number for a line of the text, None for a row of marks; `primary` gives the colour."""

    number: int | None
    text: str
    kind: str  # line, gap, primary, secondary


def place(label: Label, source: SourceFile, *, primary: bool) -> Mark:
    """Where `label` stands; a span without length is shown as one column."""
    start = source.position(min(label.span.start, len(source.text)))
    end = source.position(max(min(label.span.end, len(source.text)), label.span.start))
    if end.column == 1 and end.line > start.line:  # the line break belongs to the line before
        end = end._replace(line=end.line - 1, column=len(source.line(end.line - 1)) + 1)
    return Mark(start.line, start.column - 1, end.line, end.column - 1, label.text, primary)


def rows(marks: Iterable[Mark], source: SourceFile) -> Iterator[Row]:
    """The rows of one file, in its order; lines between labels are left out."""
    listed = sorted(marks, key=lambda mark: (mark.first, mark.start))
    shown = sorted({line for mark in listed for line in _lines(mark)})
    bars = [mark for mark in listed if mark.last > mark.first]
    before = None
    for number in shown:
        if before is not None and number - before == _GAP + 1:
            yield _line(number - 1, source.line(number - 1), bars)
        elif before is not None and number - before > 1:
            yield Row(None, "", "gap")
        before = number
        here = [mark for mark in listed if mark.first == mark.last == number]
        text, shift = _clipped(source.line(number), here)
        yield _line(number, text, bars)
        yield from _below(source.line(number), shift, here, _bar(bars, number).replace("/", "|"))
        for mark in bars:
            if mark.last == number:
                end = max(1, min(width(source.line(number)[: mark.end]), WIDTH))
                under = "_" * (end - 1) + ("^" if mark.primary else "-")
                yield Row(None, f"{_bar(bars, number, ending=mark)}{under} {mark.text}".rstrip(), _kind(mark))


def _lines(mark: Mark) -> set[int]:
    if mark.last - mark.first > 5:
        return {mark.first, mark.first + 1, mark.last - 1, mark.last}
    return set(range(mark.first, mark.last + 1))


def _kind(mark: Mark) -> str:
    return "primary" if mark.primary else "secondary"


# --- columns ---------------------------------------------------------------------------------------------------------


def _cells(char: str, column: int) -> int:
    if char == "\t":
        return _TAB - column % _TAB
    if char in _JOINERS or unicodedata.category(char) in ("Mn", "Me"):
        return 0
    return 2 if unicodedata.east_asian_width(char) in "WF" else 1


def width(text: str) -> int:
    """The columns that `text` takes in a terminal, from its start."""
    if text.isascii() and "\t" not in text:
        return len(text)
    column = 0
    for char in text:
        column += _cells(char, column)
    return column


def visible(text: str) -> str:
    """`text` as a terminal shows it and nothing else: tabs expanded, control and direction characters made visible."""
    if text.isascii() and text.isprintable():
        return text
    made, column = [], 0
    for char in text:
        cells = _cells(char, column)
        if char == "\t":
            made.append(" " * cells)
        elif char not in _JOINERS and unicodedata.category(char) in ("Cc", "Cf", "Cs"):
            made.append("\ufffd")
        else:
            made.append(char)
        column += cells
    return "".join(made)


def _clipped(text: str, marks: list[Mark]) -> tuple[str, int]:
    """`text` cut to WIDTH around its marks, and how many characters were cut at the left."""
    if width(text) <= WIDTH or not marks:
        return (text, 0) if width(text) <= WIDTH else (text[: WIDTH - 1] + "…", 0)
    start, end = min(mark.start for mark in marks), max(mark.end for mark in marks)
    left = max(0, min(start - WIDTH // 4, end - WIDTH // 2)) if end > WIDTH * 3 // 4 else 0
    left = min(left, max(0, start - 1))
    cut = text[left : left + WIDTH]
    return ("…" if left else "") + cut[1 if left else 0 :] + ("…" if left + WIDTH < len(text) else ""), left


# --- marks -----------------------------------------------------------------------------------------------------------


def _bar(bars: list[Mark], number: int, *, ending: Mark | None = None) -> str:
    """The margin at the left of a line: one column for each label over several lines."""
    made = ""
    for mark in bars:
        if mark is ending:
            made += "|_"
        elif ending is not None and made.endswith("_"):
            made += "__"
        elif mark.first == number and ending is None:
            made += "/ "
        elif mark.first < number <= mark.last and (ending is None or mark.last > number):
            made += "| "
        else:
            made += "  "
    return made


def _line(number: int, text: str, bars: list[Mark]) -> Row:
    return Row(number, (_bar(bars, number) + visible(text)).rstrip(), "line")


def _below(text: str, shift: int, marks: list[Mark], room: str) -> Iterator[Row]:
    """The rows below one line: all underlines, the words of the last label behind them, the other words below."""
    if not marks:
        return
    spots = []
    for mark in marks:
        column = width(text[shift : mark.start])
        cells = max(1, width(text[shift : max(mark.end, mark.start)]) - column)
        spots.append((column, min(cells, max(1, WIDTH - column)), mark))
    under = ""
    for column, cells, mark in spots:
        under = under.ljust(column)[:column] + ("^" if mark.primary else "-") * cells + under[column + cells :]
    last = spots[-1]
    overlap = any(column + cells > last[0] for column, cells, _ in spots[:-1])
    alone = len(spots) == 1 or not overlap
    kind = "primary" if any(mark.primary for mark in marks) else "secondary"
    yield Row(None, f"{room}{under} {last[2].text if alone else ''}".rstrip(), kind)
    hanging = spots[:-1] if alone else spots
    for index in range(len(hanging) - 1, -1, -1):
        column, _, mark = hanging[index]
        if mark.text:
            lead = ""
            for left, _, _ in hanging[:index]:
                lead = lead.ljust(left) + "|"
            yield Row(None, f"{room}{lead.ljust(column)}{mark.text}".rstrip(), _kind(mark))
