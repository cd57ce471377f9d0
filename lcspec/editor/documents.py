"""The open spec and the files it extends, each with its tree; of a broken text, the tree without the lines at fault."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from lcspec.compile.parse import parse
from lcspec.compile.references import Definition, Use, at, default_kind, definitions, uses
from lcspec.diag.model import LcspecError
from lcspec.ir import document as doc
from lcspec.ir.document import Node, Scalar
from lcspec.ir.source import SourceFile
from lcspec.kinds import registry

MOST_REPAIRS, MOST_BASES = 12, 16
Read = Callable[[str], SourceFile]  # the text of a base, named relative to the spec; raises LcspecError


@dataclass(frozen=True)
class Document:
    """One text; `root` is None when nothing of it can be read, `whole` whether all of it could."""

    source: SourceFile
    root: Node | None
    whole: bool


@dataclass(frozen=True)
class Documents:
    """The open text first, then what it extends, the nearest first."""

    main: Document
    bases: tuple[Document, ...] = ()

    @property
    def all(self) -> tuple[Document, ...]:
        """Every text."""
        return (self.main, *self.bases)

    def definitions(self) -> Iterator[Definition]:
        """Every entry of every text."""
        for document in self.all:
            if document.root is not None:
                yield from definitions(document.root)

    def uses(self) -> Iterator[Use]:
        """Every use of a name in every text."""
        for document in self.all:
            if document.root is not None:
                yield from uses(document.root)

    def find(self, family: str, name: str) -> list[Definition]:
        """The entries with a name: more than one where the spec lies over its base, or a name is doubled."""
        return [one for one in self.definitions() if (one.family, one.name) == (family, name)]

    def kind(self, family: str, name: str) -> str | None:
        """The kind of an entry: as said in the nearest text that says it, else as meant by its name."""
        said = [one.node.get("kind") for one in self.find(family, name) if isinstance(one.node, doc.Mapping)]
        texts = [str(entry.value.value) for entry in said if entry is not None and isinstance(entry.value, Scalar)]
        kind = texts[0] if texts else default_kind(family, name)
        return kind if kind in registry.names(family) else None

    def names(self, family: str) -> list[str]:
        """The names of all entries of a family, each once."""
        return list(dict.fromkeys(one.name for one in self.definitions() if one.family == family))

    def source(self, path: str) -> SourceFile | None:
        """The text that is called `path`."""
        return next((document.source for document in self.all if document.source.path == path), None)


def open_documents(source: SourceFile, read: Read, *, cursor: int | None = None) -> Documents:
    """The documents around `source`; the line of `cursor` is the first to be left out where the text is broken."""
    main = _document(source, cursor)
    found: list[Document] = []
    waiting = _extended(main)
    while waiting and len(found) < MOST_BASES:
        name = waiting.pop(0)
        try:
            base = _document(read(name), None)
        except LcspecError:
            continue
        if all(base.source.path != known.source.path for known in (main, *found)):
            found.append(base)
            waiting = [*_extended(base), *waiting]
    return Documents(main, tuple(found))


def _extended(document: Document) -> list[str]:
    """The bases that a text names, the topmost first."""
    node = at(document.root, ("extends",))
    items = node.items if isinstance(node, doc.Sequence) else (node,) if node is not None else ()
    return [str(item.value) for item in reversed(items) if isinstance(item, Scalar) and item.value]


def _document(source: SourceFile, cursor: int | None) -> Document:
    root, _ = parse(source)
    if root is not None:
        return Document(source, root, True)
    return Document(source, recovered(source, cursor), False)


def recovered(source: SourceFile, cursor: int | None = None) -> Node | None:
    """The tree of a broken text without the lines at fault; offsets stay. None when no repair helps."""
    text = source.text
    if cursor is not None:
        text = _blanked(text, cursor)
    for _ in range(MOST_REPAIRS):
        root, found = parse(SourceFile(source.path, text))
        if root is not None:
            return root
        places = [label.span.start for fault in found for label in fault.labels[:1]]
        if not places or not text.strip():
            return None
        best = _without(source.path, text, places[0])
        if best is not None:
            return best
        for place in places:
            text = _blanked(text, place)
    return None


def _without(path: str, text: str, place: int) -> Node | None:
    """The tree without one line at or just above the fault, or without a bracket that is never closed."""
    above = text.rfind("\n", 0, place)
    tried = [place, *([above - 1] if above > 0 else []), *_unclosed(text)]
    for where in tried:
        root, _ = parse(SourceFile(path, _blanked(text, where)))
        if root is not None:
            return root
    return None


def _unclosed(text: str) -> list[int]:
    """The first offsets of lines that open more brackets than they close."""
    offsets, start = [], 0
    for line in text.split("\n"):
        code = line.split(" #")[0]
        if sum(code.count(char) for char in "{[") > sum(code.count(char) for char in "}]"):
            offsets.append(start)
        start += len(line) + 1
    return offsets[:5]


def _blanked(text: str, place: int) -> str:
    """The text with spaces for the line of `place`; for the nearest line above that says something, if it is blank."""
    start = text.rfind("\n", 0, place) + 1
    end = text.find("\n", start)
    end = len(text) if end < 0 else end
    while not text[start:end].strip() and start > 0:
        end = start - 1
        start = text.rfind("\n", 0, end) + 1
    return text[:start] + " " * (end - start) + text[end:]
