"""Diagnostics as text: title, place, the lines with carets, notes and help. Colour by ANSI codes, without rich."""

from collections.abc import Iterable, Mapping

from lcspec.diag.codes import TITLES
from lcspec.diag.model import Diagnostic, Label
from lcspec.ir.source import SourceFile

_RED, _YELLOW, _BLUE, _BOLD, _OFF = "\x1b[31m", "\x1b[33m", "\x1b[34m", "\x1b[1m", "\x1b[0m"


def render(diagnostics: Iterable[Diagnostic], sources: Mapping[str, SourceFile], *, color: bool = False) -> str:
    """All diagnostics, separated by blank lines and closed by a count."""
    listed = list(diagnostics)
    blocks = [_one(diagnostic, sources, color) for diagnostic in listed]
    errors = sum(d.severity == "error" for d in listed)
    warnings = len(listed) - errors
    counts = [_count(errors, "error")] if errors else []
    counts += [_count(warnings, "warning")] if warnings else []
    return "\n".join([*blocks, ", ".join(counts) + "\n"]) if listed else ""


def _count(number: int, word: str) -> str:
    return f"{number} {word}{'' if number == 1 else 's'}"


def _paint(text: str, style: str, color: bool) -> str:
    return f"{style}{text}{_OFF}" if color else text


def _one(diagnostic: Diagnostic, sources: Mapping[str, SourceFile], color: bool) -> str:
    style = (_RED if diagnostic.severity == "error" else _YELLOW) + _BOLD
    head = _paint(f"{diagnostic.severity}[{diagnostic.code}]", style, color)
    lines = [f"{head}: {_paint(TITLES[diagnostic.code], _BOLD, color)}"]
    shown = [label for label in diagnostic.labels if label.span.file in sources]
    width = max((len(str(sources[s.span.file].position(s.span.start).line)) for s in shown), default=1)
    gutter = _paint(" " * (width + 1) + "|", _BLUE, color)
    if shown:
        place = sources[shown[0].span.file].position(shown[0].span.start)
        arrow = _paint("-->", _BLUE, color)
        lines += [f"{' ' * width}{arrow} {shown[0].span.file}:{place.line}:{place.column}", gutter]
        primary = shown[0]._replace(text=shown[0].text or diagnostic.message)
        lines += _snippet(primary, sources[primary.span.file], "^", width, color, style)
        for label in shown[1:]:
            lines += [gutter, *_snippet(label, sources[label.span.file], "-", width, color, _BLUE)]
    if not shown or shown[0].text:
        lines.append(f"{' ' * (width + 1)}{_paint('=', _BLUE, color)} {diagnostic.message}")
    facts = [("note", note) for note in diagnostic.notes]
    facts += [("help", diagnostic.help)] if diagnostic.help else []
    facts += [("more", f"lcspec explain {diagnostic.code}")]
    lines += [f"{' ' * (width + 1)}{_paint('=', _BLUE, color)} {word}: {text}" for word, text in facts]
    return "\n".join(lines) + "\n"


def _snippet(label: Label, source: SourceFile, mark: str, width: int, color: bool, style: str) -> list[str]:
    place = source.position(label.span.start)
    text = source.line(place.line).replace("\t", " ")
    length = max(1, min(label.span.end - label.span.start, len(text) - place.column + 1))
    number = _paint(f"{place.line:>{width}} |", _BLUE, color)
    gutter = _paint(" " * (width + 1) + "|", _BLUE, color)
    carets = _paint(f"{mark * length} {label.text}".rstrip(), style, color)
    return [f"{number} {text}", f"{gutter} {' ' * (place.column - 1)}{carets}"]
