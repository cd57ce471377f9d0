"""Completion: sections, keys of the kind at hand, kinds, values, and the names that may stand here."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from lcspec.compile.references import SERVING, SPLITS, at
from lcspec.editor.cursor import Cursor, cursor_at
from lcspec.editor.documents import Documents
from lcspec.editor.place import Place, place_at
from lcspec.fielddoc import choices, markdown
from lcspec.ir import document as doc
from lcspec.ir.document import Path, Scalar, to_data
from lcspec.kinds import registry

Sort = Literal["key", "kind", "name", "value", "variable"]
_TEMPLATE = re.compile(r"\{\{-?\s*([A-Za-z_0-9]*)\Z")


@dataclass(frozen=True)
class Item:
    """One proposal: `text` replaces what lies between `start` and the cursor."""

    label: str
    text: str
    sort: Sort
    detail: str
    doc: str
    start: int


def complete(documents: Documents, offset: int) -> list[Item]:
    """What may be written at `offset`, in the order of the language."""
    text = documents.main.source.text
    inside = _TEMPLATE.search(text[:offset])
    cursor = cursor_at(text, offset)
    if inside is not None and cursor.path[:1] == ("prompts",):
        return [
            Item(name, name, "variable", "column", "", offset - len(inside.group(1)))
            for name in _columns(documents)
            if name.startswith(inside.group(1))
        ]
    if cursor.role == "text":
        return []
    return [item for item in _proposed(documents, cursor) if _fits(item.label, cursor.prefix)]


def _fits(label: str, prefix: str) -> bool:
    """Whether the letters typed so far stand in the label in their order; editors rank."""
    letters = iter(label.lower())
    return all(char in letters for char in prefix.lower())


def _proposed(documents: Documents, cursor: Cursor) -> Iterator[Item]:
    def kind_of(path: Path) -> str | None:
        return cursor.kinds.get(path) or entry_kind(documents, path)

    place = place_at(cursor.path, kind_of)
    if cursor.role == "key" or (cursor.role == "item" and (place.fields or place.docs)):
        yield from _keys(documents, cursor, place)
    else:
        yield from _values(documents, cursor, place)


def _keys(documents: Documents, cursor: Cursor, place: Place) -> Iterator[Item]:
    there = at(documents.main.root, cursor.path)
    written = {entry.key for entry in there.entries} if isinstance(there, doc.Mapping) else set()
    written = (written | set(cursor.keys)) - {cursor.prefix}
    if place.entries:
        for name in registry.names(place.entries):
            if name not in written and place.entries in ("augment", "tuning", "optimize", "deploy"):
                summary = registry.load(place.entries, name).summary
                yield Item(
                    name, f"{name}: ", "kind", summary, f"An entry named after its kind: {summary}.", cursor.start
                )
        return
    for key, text in place.docs.items():
        if key not in written:
            yield Item(key, f"{key}: ", "key", "", text, cursor.start)
    for key, info in sorted(place.fields.items(), key=lambda pair: not pair[1].is_required()):
        if key not in written:
            detail = "required" if info.is_required() else ""
            yield Item(key, f"{key}: ", "key", detail, markdown(key, info), cursor.start)


def _values(documents: Documents, cursor: Cursor, place: Place) -> Iterator[Item]:
    if place.kind_value:
        for name in registry.names(place.kind_value):
            kind = registry.load(place.kind_value, name)
            about = (registry.module(place.kind_value, name).__doc__ or "").strip()
            yield Item(name, name, "kind", kind.summary, about, cursor.start)
    if place.refers:
        for name, detail in names_for(documents, place.refers):
            yield Item(name, name, "name", detail, "", cursor.start)
    if place.option is not None:
        for value in choices(place.option.annotation):
            text = str(value).lower() if isinstance(value, bool) else str(value)
            yield Item(text, text, "value", "", str(place.option.description), cursor.start)
    if cursor.path == ("lcspec",):
        yield Item("1", "1", "value", "version of the language", "", cursor.start)


def names_for(documents: Documents, refers: str) -> list[tuple[str, str]]:
    """(name, detail) of everything that a value which `refers` may name."""
    family, _, part = refers.partition(".")
    if family == "metric":
        own = [
            (name, f"metric, {documents.kind('metric', name) or 'unknown kind'}") for name in documents.names("metric")
        ]
        return [*own, *((name, registry.load("metric", name).summary) for name in registry.names("metric"))]
    names = documents.names(family)
    if part == "split":
        details = {name: f"data, {documents.kind('data', name) or 'unknown kind'}" for name in names}
        listed = [(f"{name}.{split}", details[name]) for name in names for split in SPLITS]
        return [*listed, *details.items()]
    if part == "metric":
        measured = [
            (f"{name}.{metric}", "measured by the suite") for name in names for metric in _metrics(documents, name)
        ]
        return [*measured, *((f"serving.{name}", "measured at the service") for name in SERVING)]
    return [(name, f"{family}, {documents.kind(family, name) or 'unknown kind'}") for name in names]


def _metrics(documents: Documents, suite: str) -> list[str]:
    for entry in documents.find("suite", suite):
        said = at(entry.node, ("metrics",))
        if isinstance(said, doc.Sequence):
            return [str(item.value) for item in said.items if isinstance(item, Scalar)]
        kind = entry_kind(documents, entry.path)
        if said is None and kind in registry.names("suite"):
            fallen = registry.load("suite", str(kind)).body.model_fields["metrics"].default
            return list(fallen) if isinstance(fallen, tuple) else []
    return []


def _columns(documents: Documents) -> list[str]:
    """The columns that data entries name, and what retrieval fills."""
    found: list[str] = []
    for name in documents.names("data"):
        for entry in documents.find("data", name):
            said = at(entry.node, ("columns",))
            columns = to_data(said) if isinstance(said, doc.Mapping) else {}
            found += [str(value) for value in columns.values() if isinstance(value, str)]
    found += ["context"] if documents.names("augment") else []
    return list(dict.fromkeys(found))


def entry_kind(documents: Documents, path: Path) -> str | None:
    """The kind of the entry (or source) at a path: as written there, else as its name means."""
    node = at(documents.main.root, path)
    said = node.get("kind") if isinstance(node, doc.Mapping) else None
    if said is not None and isinstance(said.value, Scalar) and isinstance(said.value.value, str):
        return said.value.value
    if path[-1] == "from":
        return None
    from lcspec.kinds.api import SECTIONS

    family = next((family for section, family in SECTIONS.items() if section == path[:-1]), None)
    return documents.kind(family, str(path[-1])) if family else None
