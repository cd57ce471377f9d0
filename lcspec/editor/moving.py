"""The `moved:` entry that a rename needs, so that results, histories and evidence follow the new name."""

import re
from collections.abc import Iterable

from lcspec.editor.documents import Document
from lcspec.editor.navigate import Change, Named
from lcspec.ir import document as doc
from lcspec.ir.document import Scalar
from lcspec.ir.source import Span
from lcspec.kinds.api import SECTIONS

MOVED = "moved"
_SECTION = {family: ".".join(path) for path, family in SECTIONS.items()}


def has_results(steps: Iterable[str], name: str) -> bool:
    """Whether one of the finished steps (their ids) is of an entry called `name`."""
    whole = re.compile(rf"(?:^|[:/.|]){re.escape(name)}(?:$|[:/.|])")
    return any(whole.search(step) for step in steps)


def moved(document: Document, named: Named, to: str) -> Change | None:
    """The edit of the open text that notes the rename; None for what keeps no results.

    A rename back takes the note of the rename forth out again.
    """
    section, root = _SECTION.get(named.family), document.root
    if section is None or not isinstance(root, doc.Mapping):
        return None
    file, text = document.source.path, document.source.text
    note = f"{{from: {section}.{named.name}, to: {section}.{to}}}"
    there = root.get(MOVED)
    if there is None:
        start = "" if text.endswith("\n") or not text else "\n"
        return Change(Span(file, len(text), len(text)), f"{start}{MOVED}:\n  - {note}\n")
    if not isinstance(there.value, doc.Sequence) or there.key_span.file != file:
        return None
    items, listed = there.value.items, there.value.span
    back = next((item for item in items if _says(item, f"{section}.{to}", f"{section}.{named.name}")), None)
    if back is not None:
        return _taken_out(text, there if len(items) == 1 else None, back)
    if text[listed.start : listed.start + 1] == "[":
        return Change(Span(file, listed.end - 1, listed.end - 1), f", {note}" if items else note)
    last = items[-1].span.end
    end = text.find("\n", last)
    indent = " " * (listed.start - text.rfind("\n", 0, listed.start) - 1)
    if end < 0:
        return Change(Span(file, len(text), len(text)), f"\n{indent}- {note}\n")
    return Change(Span(file, end + 1, end + 1), f"{indent}- {note}\n")


def _says(item: doc.Node, before: str, after: str) -> bool:
    if not isinstance(item, doc.Mapping):
        return False
    said = {entry.key: entry.value.text for entry in item.entries if isinstance(entry.value, Scalar)}
    return (said.get("from"), said.get("to")) == (before, after)


def _taken_out(text: str, whole: doc.Entry | None, item: doc.Node) -> Change | None:
    """The lines of one note, or of the section when it was the only one; None within a flow list of several."""
    first = whole.key_span.start if whole is not None else item.span.start
    start = text.rfind("\n", 0, first) + 1
    if whole is None and not re.fullmatch(r"\s*-\s+", text[start : item.span.start]):
        return None
    closing = whole.value.span.end if whole is not None else item.span.end
    end = text.find("\n", closing)
    return Change(Span(item.span.file, start, len(text) if end < 0 else end + 1), "")
