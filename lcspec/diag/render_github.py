"""Diagnostics as GitHub workflow commands: each becomes an annotation on the lines of the pull request."""

from collections.abc import Iterable, Mapping

from lcspec.diag.codes import TITLES
from lcspec.diag.model import Diagnostic
from lcspec.ir.source import SourceFile

_DATA = {"%": "%25", "\r": "%0D", "\n": "%0A"}
_PROPERTY = {**_DATA, ":": "%3A", ",": "%2C"}


def to_github(diagnostics: Iterable[Diagnostic], sources: Mapping[str, SourceFile]) -> str:
    """One `::error …::` or `::warning …::` a line; notes and help follow the message."""
    return "".join(f"{_one(diagnostic, sources)}\n" for diagnostic in diagnostics)


def _one(diagnostic: Diagnostic, sources: Mapping[str, SourceFile]) -> str:
    properties = {**_place(diagnostic, sources), "title": f"{diagnostic.code} {TITLES[diagnostic.code]}"}
    said = ",".join(f"{name}={_escaped(str(value), _PROPERTY)}" for name, value in properties.items())
    lines = [diagnostic.message, *diagnostic.notes, *([f"help: {diagnostic.help}"] if diagnostic.help else [])]
    level = "error" if diagnostic.severity == "error" else "warning"
    return f"::{level} {said}::{_escaped(chr(10).join(lines), _DATA)}"


def _place(diagnostic: Diagnostic, sources: Mapping[str, SourceFile]) -> dict[str, str | int]:
    if not diagnostic.labels:
        return {}
    span = diagnostic.labels[0].span
    made: dict[str, str | int] = {"file": span.file.replace("\\", "/")}
    if (source := sources.get(span.file)) is None:
        return made
    start, end = source.position(span.start), source.position(max(span.start, span.end - 1))
    made |= {"line": start.line, "endLine": end.line}
    if start.line == end.line:  # columns are refused for an annotation over several lines
        made |= {"col": start.column, "endColumn": end.column + 1}
    return made


def _escaped(text: str, table: Mapping[str, str]) -> str:
    return "".join(table.get(char, char) for char in text)
