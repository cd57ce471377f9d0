"""Diagnostics as JSON data: schema `schemas/diagnostics/v1.json`."""

from collections.abc import Iterable, Mapping
from typing import Any

from lcspec.diag.codes import TITLES
from lcspec.diag.model import Diagnostic, Fix, has_errors
from lcspec.ir.source import SourceFile, Span


def to_json(diagnostics: Iterable[Diagnostic], sources: Mapping[str, SourceFile]) -> dict[str, Any]:
    """`{"format_version", "ok", "diagnostics": [...]}`; positions are 1-based lines and columns."""
    listed = list(diagnostics)
    return {
        "format_version": 1,
        "ok": not has_errors(listed),
        "diagnostics": [_one(diagnostic, sources) for diagnostic in listed],
    }


def _one(diagnostic: Diagnostic, sources: Mapping[str, SourceFile]) -> dict[str, Any]:
    return {
        "code": diagnostic.code,
        "title": TITLES[diagnostic.code],
        "severity": diagnostic.severity,
        "message": diagnostic.message,
        "labels": [{"text": label.text, **_range(label.span, sources)} for label in diagnostic.labels],
        "notes": list(diagnostic.notes),
        "help": diagnostic.help,
        "fix": None if diagnostic.fix is None else _fix(diagnostic.fix, sources),
    }


def _fix(fix: Fix, sources: Mapping[str, SourceFile]) -> dict[str, Any]:
    edits = [{"text": edit.text, **_range(edit.span, sources)} for edit in fix.edits]
    return {"title": fix.title, "safe": fix.safe, "edits": edits}


def _range(span: Span, sources: Mapping[str, SourceFile]) -> dict[str, Any]:
    source = sources.get(span.file)
    if source is None:
        return {"file": span.file, "start": None, "end": None}
    start, end = source.position(span.start), source.position(span.end)
    return {"file": span.file, "start": start._asdict(), "end": end._asdict()}
