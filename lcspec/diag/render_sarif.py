"""Diagnostics as SARIF 2.1.0: for code scanning and for editors that read it.

The rules are the codes with their pages; columns count Unicode code points, as everywhere in lcspec.
"""

import hashlib
from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote

from lcspec import __version__
from lcspec.diag.model import Diagnostic, Fix
from lcspec.diag.pages import page
from lcspec.ir.source import SourceFile, Span

SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
Json = dict[str, Any]


def to_sarif(diagnostics: Iterable[Diagnostic], sources: Mapping[str, SourceFile]) -> Json:
    """A log with one run; results stand in the order of the diagnostics."""
    listed = list(diagnostics)
    codes = sorted({diagnostic.code for diagnostic in listed})
    places: Counter[str] = Counter()
    results = [_result(diagnostic, sources, codes, places) for diagnostic in listed]
    driver = {
        "name": "lcspec",
        "version": __version__,
        "semanticVersion": __version__,
        "rules": list(map(_rule, codes)),
    }
    run: Json = {"tool": {"driver": driver}, "columnKind": "unicodeCodePoints", "results": results}
    return {"$schema": SCHEMA, "version": "2.1.0", "runs": [run]}


def _rule(code: str) -> Json:
    told = page(code)
    words = "".join(word[:1].upper() + word[1:] for word in told.title.replace("-", " ").replace("`", "").split())
    return {
        "id": code,
        "name": words,
        "shortDescription": {"text": told.title},
        "fullDescription": {"text": told.why or told.title},
        "help": {"text": told.markdown, "markdown": told.markdown},
        "defaultConfiguration": {"level": "error"},
    }


def _result(diagnostic: Diagnostic, sources: Mapping[str, SourceFile], codes: list[str], places: Counter[str]) -> Json:
    made: Json = {
        "ruleId": diagnostic.code,
        "ruleIndex": codes.index(diagnostic.code),
        "level": "error" if diagnostic.severity == "error" else "warning",
        "message": {"text": _message(diagnostic)},
    }
    if diagnostic.labels:
        primary, *others = diagnostic.labels
        made["locations"] = [_location(primary.span, sources)]
        if others:
            made["relatedLocations"] = [
                {"id": n, **_location(one.span, sources), **({"message": {"text": one.text}} if one.text else {})}
                for n, one in enumerate(others, 1)
            ]
        made["partialFingerprints"] = {"lcspec/v1": _fingerprint(diagnostic, sources, places)}
    if diagnostic.fix is not None and all(edit.span.file in sources for edit in diagnostic.fix.edits):
        made["fixes"] = [_fix(diagnostic.fix, sources)]
        made["properties"] = {"fixIsSafe": diagnostic.fix.safe}
    return made


def _message(diagnostic: Diagnostic) -> str:
    lines = [diagnostic.message, *(f"note: {note}" for note in diagnostic.notes)]
    return "\n".join(lines + ([f"help: {diagnostic.help}"] if diagnostic.help else []))


def _location(span: Span, sources: Mapping[str, SourceFile]) -> Json:
    place: Json = {"artifactLocation": {"uri": _uri(span.file)}}
    if (source := sources.get(span.file)) is not None:
        place["region"] = _region(span, source)
    return {"physicalLocation": place}


def _uri(file: str) -> str:
    path = Path(file)
    return path.as_uri() if path.is_absolute() else quote(path.as_posix())


def _region(span: Span, source: SourceFile) -> Json:
    start, end = source.position(span.start), source.position(max(span.start, span.end))
    return {
        "startLine": start.line,
        "startColumn": start.column,
        "endLine": end.line,
        "endColumn": end.column,
        "charOffset": span.start,
        "charLength": max(0, span.end - span.start),
    }


def _fix(fix: Fix, sources: Mapping[str, SourceFile]) -> Json:
    changes: dict[str, list[Json]] = {}
    for edit in fix.edits:
        replaced = {
            "deletedRegion": _region(edit.span, sources[edit.span.file]),
            "insertedContent": {"text": edit.text},
        }
        changes.setdefault(edit.span.file, []).append(replaced)
    listed = [{"artifactLocation": {"uri": _uri(file)}, "replacements": made} for file, made in changes.items()]
    return {"description": {"text": fix.title}, "artifactChanges": listed}


def _fingerprint(diagnostic: Diagnostic, sources: Mapping[str, SourceFile], places: Counter[str]) -> str:
    """Stays when lines are added above: code, file, and the text of the line; a count tells equal ones apart."""
    span = diagnostic.labels[0].span
    source = sources.get(span.file)
    line = "" if source is None else source.line(source.position(span.start).line).strip()
    made = hashlib.sha256("\0".join((diagnostic.code, span.file, line)).encode("utf-8", "replace")).hexdigest()[:32]
    places[made] += 1
    return f"{made}:{places[made]}"
