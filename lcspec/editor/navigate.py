"""From a name to where it is defined and used; renames; the outline of a spec."""

import re
from dataclasses import dataclass
from typing import NamedTuple

from lcspec.compile.matrices import MATRIX
from lcspec.compile.references import Definition, Use, at, default_kind, kind_of
from lcspec.editor.documents import Documents
from lcspec.ir import document as doc
from lcspec.ir.document import Node, Scalar
from lcspec.ir.source import Span
from lcspec.kinds.api import SECTIONS

NAME = re.compile(r"[a-z][a-z0-9]*([._-][a-z0-9]+)*\Z")


class Named(NamedTuple):
    """A name under the cursor: of which family, and where it stands."""

    family: str
    name: str
    span: Span


class Change(NamedTuple):
    """Replace the text of `span` by `text`."""

    span: Span
    text: str


class Refused(Exception):
    """A rename that cannot be; the message says why."""


@dataclass(frozen=True)
class Symbol:
    """A section, an entry, a gate or a rung, for an outline."""

    name: str
    detail: str
    sort: str  # section, entry, gate, rung, value
    span: Span
    name_span: Span
    children: tuple["Symbol", ...] = ()


def named_at(documents: Documents, offset: int) -> Named | None:
    """The name at `offset` of the open text: of a definition or of a use."""
    here = documents.main.source.path
    for one in documents.definitions():
        if one.key_span.file == here and one.key_span.start <= offset <= one.key_span.end:
            return Named(one.family, one.name, _inner(documents, one.key_span, one.name))
    for use in documents.uses():
        span = use_span(documents, use)
        if span is not None and span.file == here and span.start <= offset <= span.end:
            return Named(use.family, use.name, span)
    return None


def use_span(documents: Documents, use: Use) -> Span | None:
    """Where the name of a use stands, without quotes and without what follows its dot; None in filled-in values."""
    return _inner(documents, use.node.span, use.name) if use.node.variable is None else None


def _inner(documents: Documents, span: Span, name: str) -> Span:
    source = documents.source(span.file)
    text = source.text[span.start : span.end] if source else ""
    place = text.find(name)
    return Span(span.file, span.start + place, span.start + place + len(name)) if place >= 0 else span


def definition_spans(documents: Documents, named: Named) -> list[Span]:
    """Where the names of the entries stand, the nearest text first; what a matrix makes leads to its entry."""
    found = documents.find(named.family, named.name)
    stem = named.name.partition(".")[0]
    if not found and stem != named.name:
        found = [one for one in documents.find(named.family, stem) if _multiplied(one)]
    return [_inner(documents, one.key_span, one.name) for one in found]


def reference_spans(documents: Documents, named: Named) -> list[Span]:
    """Every use of the name."""
    spans = [use_span(documents, use) for use in documents.uses() if (use.family, use.name) == named[:2]]
    return [span for span in spans if span is not None]


def _multiplied(definition: Definition) -> bool:
    return isinstance(definition.node, doc.Mapping) and definition.node.get(MATRIX) is not None


# --- rename ----------------------------------------------------------------------------------------------------------


def rename(documents: Documents, named: Named, to: str) -> list[Change]:
    """The edits that call an entry `to`, in every text that names it.

    Raises:
        Refused: it is no name, or taken, or the entry is not one of the spec's.
    """
    found = documents.find(named.family, named.name)
    if not found:
        raise Refused(f"`{named.name}` is no entry of this spec")
    if not NAME.match(to):
        raise Refused(f"`{to}` is not a name: lower-case letters, digits, `-`, `.`")
    if "." in to and named.family in ("data", "suite"):
        raise Refused(f"`{to}` has a dot, and `{named.family}.…` is how parts of it are named")
    if to == named.name:
        return []
    if documents.find(named.family, to):
        raise Refused(f"there is an entry `{to}` already")
    changes = []
    multiplied = any(map(_multiplied, found))
    for one in found:
        changes.append(Change(_inner(documents, one.key_span, one.name), to))
        changes += _kept_kind(documents, one, to)
    for use in documents.uses():
        span = use_span(documents, use)
        if use.family != named.family or span is None:
            continue
        if use.name == named.name or (multiplied and use.name.startswith(f"{named.name}.")):
            changes.append(Change(Span(span.file, span.start, span.start + len(named.name)), to))
    return sorted(set(changes))


def _kept_kind(documents: Documents, entry: Definition, to: str) -> list[Change]:
    """An entry whose kind is meant by its name says it after the rename, or it would be of another kind."""
    kind = documents.kind(entry.family, entry.name)
    if kind is None or not isinstance(entry.node, doc.Mapping) or entry.node.get("kind") is not None:
        return []
    if default_kind(entry.family, to) == kind or kind_of(entry) is None:
        return []
    source = documents.source(entry.node.span.file)
    if source is None or not entry.node.entries:
        return []
    start = entry.node.span.start
    if source.text[start] == "{":
        return [Change(Span(entry.node.span.file, start + 1, start + 1), f"kind: {kind}, ")]
    line_start = source.text.rfind("\n", 0, start) + 1
    indent = " " * (start - line_start)
    return [Change(Span(entry.node.span.file, start, start), f"kind: {kind}\n{indent}")]


# --- outline ---------------------------------------------------------------------------------------------------------


def symbols(documents: Documents) -> list[Symbol]:
    """The outline of the open text."""
    root = documents.main.root
    if not isinstance(root, doc.Mapping):
        return []
    return [_symbol(documents, entry, (entry.key,)) for entry in root.entries]


def _symbol(documents: Documents, entry: doc.Entry, path: tuple[str, ...]) -> Symbol:
    whole = Span(entry.key_span.file, entry.key_span.start, max(entry.value.span.end, entry.key_span.end))
    family = SECTIONS.get(path)
    inner: list[Symbol] = []
    if isinstance(entry.value, doc.Mapping) and (family or path in (("evaluation",), ("deployment",), _GATES)):
        inner = [_symbol(documents, one, (*path, one.key)) for one in entry.value.entries]
    elif path == ("ladder",) and isinstance(entry.value, doc.Sequence):
        inner = [_rung(item, number) for number, item in enumerate(entry.value.items, 1)]
    owner = SECTIONS.get(path[:-1])
    detail = (documents.kind(owner, path[-1]) or "") if owner else _gate(entry.value) if path[:-1] == _GATES else ""
    if not detail and isinstance(entry.value, Scalar):
        detail = entry.value.text
    sort = "entry" if owner else "gate" if path[:-1] == _GATES else "section" if len(path) == 1 or inner else "value"
    return Symbol(entry.key, detail, sort, whole, entry.key_span, tuple(inner))


_GATES = ("evaluation", "gates")


def _gate(node: Node) -> str:
    metric = at(node, ("metric",))
    return metric.text if isinstance(metric, Scalar) else ""


def _rung(node: Node, number: int) -> Symbol:
    axes = ", ".join(entry.key for entry in node.entries) if isinstance(node, doc.Mapping) else ""
    first = Span(node.span.file, node.span.start, node.span.start + (1 if node.span.end > node.span.start else 0))
    return Symbol(f"rung {number}", axes, "rung", node.span, first)


# --- files -----------------------------------------------------------------------------------------------------------


def file_at(documents: Documents, offset: int) -> tuple[str, Span] | None:
    """The file that is named at `offset`, relative to the spec: a base, data or weights without a source."""
    root = documents.main.root
    bases = at(root, ("extends",))
    nodes: list[Node] = list(bases.items) if isinstance(bases, doc.Sequence) else [bases] if bases else []
    for one in documents.definitions():
        if isinstance(one.node, doc.Mapping) and one.node.get("from") is None and one.family in ("data", "model"):
            for key in ("path", "files"):
                nodes += _scalars(at(one.node, (key,)))
    here = documents.main.source.path
    for node in nodes:
        inside = node.span.file == here and node.span.start <= offset <= node.span.end
        if inside and isinstance(node, Scalar) and isinstance(node.value, str):
            return node.value, node.span
    return None


def _scalars(node: Node | None) -> list[Node]:
    if isinstance(node, doc.Mapping):
        return [entry.value for entry in node.entries]
    if isinstance(node, doc.Sequence):
        return list(node.items)
    return [node] if node is not None else []
