"""A parsed YAML document: nodes with the span of each key and each value, and no meaning yet."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from lcspec.ir.source import Span

Path = tuple[str | int, ...]
FEW = 16  # entries that are as quickly looked through


@dataclass(frozen=True, slots=True)
class Scalar:
    """A leaf: `value` after the YAML 1.2 core schema, `text` as written.

    `variable` is what it was filled from, `filled` where that variable has its value.
    """

    span: Span
    value: str | int | float | bool | None
    text: str
    variable: str | None = None
    filled: Span | None = None


@dataclass(frozen=True, slots=True)
class Entry:
    """One `key: value` of a mapping."""

    key: str
    key_span: Span
    value: "Node"


@dataclass(frozen=True, slots=True)
class Mapping:
    """A mapping in the order of the text; keys are unique."""

    span: Span
    entries: tuple[Entry, ...]
    _by_key: dict[str, Entry] = field(default_factory=dict, init=False, repr=False, compare=False)

    def get(self, key: str) -> Entry | None:
        """The entry called `key`, or None. Of a long mapping an index is made when it is first asked."""
        if len(self.entries) <= FEW:
            return next((entry for entry in self.entries if entry.key == key), None)
        if not self._by_key:
            self._by_key.update((entry.key, entry) for entry in reversed(self.entries))
        return self._by_key.get(key)


@dataclass(frozen=True, slots=True)
class Sequence:
    """A list."""

    span: Span
    items: tuple["Node", ...]


Node = Scalar | Mapping | Sequence


def to_data(node: Node) -> Any:
    """The plain Python value of a node: dicts, lists and scalars."""
    if isinstance(node, Mapping):
        return {entry.key: to_data(entry.value) for entry in node.entries}
    if isinstance(node, Sequence):
        return [to_data(item) for item in node.items]
    return node.value


def locate(root: Node, path: Path, *, key: bool = False) -> Span:
    """The span at `path`: of the value, or of its key with `key=True`; of the nearest parent where it is absent."""
    node, span = root, root.span
    for depth, part in enumerate(path):
        last = depth == len(path) - 1
        if isinstance(node, Mapping) and isinstance(part, str) and (entry := node.get(part)):
            node, span = entry.value, entry.key_span if (last and key) else entry.value.span
            if not last:
                span = entry.key_span
        elif isinstance(node, Sequence) and isinstance(part, int) and part < len(node.items):
            node = node.items[part]
            span = node.span
        elif isinstance(node, Scalar) and part == 0:  # a name that stands for a list of one
            return node.span
        else:
            break
    return span


def find(root: Node, path: Path) -> Node | None:
    """The node at `path`, or None."""
    node: Node | None = root
    for part in path:
        if isinstance(node, Mapping) and isinstance(part, str):
            entry = node.get(part)
            node = entry.value if entry else None
        elif isinstance(node, Sequence) and isinstance(part, int):
            node = node.items[part] if part < len(node.items) else None
        elif not (isinstance(node, Scalar) and part == 0):
            return None
    return node


def walk(node: Node, path: Path = ()) -> Iterator[tuple[Path, Node]]:
    """Every node below `node` with its path, parents first."""
    yield path, node
    if isinstance(node, Mapping):
        for entry in node.entries:
            yield from walk(entry.value, (*path, entry.key))
    elif isinstance(node, Sequence):
        for index, item in enumerate(node.items):
            yield from walk(item, (*path, index))
