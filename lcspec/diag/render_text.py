"""Diagnostics as text: title, place, the lines with their marks, notes and help. Colour by ANSI codes, without rich."""

from collections.abc import Iterable, Mapping

from lcspec.diag.codes import TITLES
from lcspec.diag.model import Diagnostic, Fix, Label
from lcspec.diag.snippet import Row, place, rows
from lcspec.ir.source import SourceFile

_RED, _YELLOW, _BLUE, _BOLD, _OFF = "\x1b[31m", "\x1b[33m", "\x1b[34m", "\x1b[1m", "\x1b[0m"


def render(diagnostics: Iterable[Diagnostic], sources: Mapping[str, SourceFile], *, color: bool = False) -> str:
    """All diagnostics, separated by blank lines and closed by a count."""
    listed = list(diagnostics)
    blocks = [_one(diagnostic, sources, color) for diagnostic in listed]
    return "\n".join([*blocks, summary(listed) + "\n"]) if listed else ""


def summary(listed: list[Diagnostic]) -> str:
    """`2 errors, 1 warning`, and how many of them `check --fix` can repair."""
    errors = sum(d.severity == "error" for d in listed)
    counts = [_count(n, word) for n, word in ((errors, "error"), (len(listed) - errors, "warning")) if n]
    fixes = [d.fix for d in listed if d.fix is not None]
    safe = sum(fix.safe for fix in fixes)
    told = [f"{safe} fixable with `lcspec check --fix`"] if safe else []
    told += [f"{len(fixes) - safe} {'more ' * bool(safe)}with `--unsafe-fixes`"] if len(fixes) > safe else []
    return ", ".join(counts) + (f" ({', '.join(told)})" if told else "")


def _count(number: int, word: str) -> str:
    return f"{number} {word}{'' if number == 1 else 's'}"


def _paint(text: str, style: str, color: bool) -> str:
    return f"{style}{text}{_OFF}" if color and text else text


def _one(diagnostic: Diagnostic, sources: Mapping[str, SourceFile], color: bool) -> str:
    style = (_RED if diagnostic.severity == "error" else _YELLOW) + _BOLD
    head = _paint(f"{diagnostic.severity}[{diagnostic.code}]", style, color)
    lines = [f"{head}: {_paint(TITLES[diagnostic.code], _BOLD, color)}"]
    shown = [label for label in diagnostic.labels if label.span.file in sources]
    if shown and not shown[0].text:
        shown[0] = shown[0]._replace(text=diagnostic.message)
        told = True
    else:
        told = False
    made = _snippets(shown, sources)
    width = max((len(str(row.number)) for _, _, drawn in made for row in drawn if row.number), default=1)
    for index, (file, at, drawn) in enumerate(made):
        arrow = _paint("-->" if index == 0 else ":::", _BLUE, color)
        lines += [f"{' ' * width}{arrow} {file}:{at}", _gutter(None, width, color)]
        lines += [_row(row, width, style, color) for row in drawn]
        if index < len(made) - 1:
            lines.append(_gutter(None, width, color))
    if not told:
        lines.append(f"{' ' * (width + 1)}{_paint('=', _BLUE, color)} {diagnostic.message}")
    facts = [("note", note) for note in diagnostic.notes]
    facts += [("help", diagnostic.help)] if diagnostic.help else []
    facts += [("fix", _offer(diagnostic.fix))] if diagnostic.fix else []
    facts += [("more", f"lcspec explain {diagnostic.code}")]
    lines += [f"{' ' * (width + 1)}{_paint('=', _BLUE, color)} {word}: {text}" for word, text in facts]
    return "\n".join(lines) + "\n"


def _offer(fix: Fix) -> str:
    return f"{fix.title} (`lcspec check --fix{'' if fix.safe else ' --unsafe-fixes'}`)"


def _snippets(shown: list[Label], sources: Mapping[str, SourceFile]) -> list[tuple[str, str, list[Row]]]:
    """(file, `line:column`, rows) for each file of the labels, that of the primary one first."""
    made = []
    for file in dict.fromkeys(label.span.file for label in shown):
        source = sources[file]
        marks = [place(one, source, primary=n == 0) for n, one in enumerate(shown) if one.span.file == file]
        at = source.position(next(one.span.start for one in shown if one.span.file == file))
        made.append((file, f"{at.line}:{at.column}", list(rows(marks, source))))
    return made


def _gutter(number: int | None, width: int, color: bool) -> str:
    return _paint(f"{'' if number is None else number:>{width}} |", _BLUE, color)


def _row(row: Row, width: int, style: str, color: bool) -> str:
    if row.kind == "gap":
        return _paint("." * max(3, width), _BLUE, color)
    text = row.text if row.kind == "line" else _paint(row.text, style if row.kind == "primary" else _BLUE, color)
    return f"{_gutter(row.number, width, color)} {text}".rstrip()
