"""One document laid over another, and where the faults of composing are collected. Nodes keep their spans."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace

from lcspec.diag.model import Diagnostic, Label, LcspecError
from lcspec.ir.document import Mapping, Node, Scalar
from lcspec.ir.source import Span


class Fault(Exception):
    """What ends one part of composing; the other parts go on."""

    def __init__(self, *found: Diagnostic) -> None:
        self.found = list(found)


@dataclass
class Faults:
    """The faults of all parts, in the order in which they were met."""

    found: list[Diagnostic] = field(default_factory=list)

    @contextmanager
    def kept(self) -> Iterator[None]:
        """Runs one part: a fault that ends it is kept, and nothing is raised."""
        try:
            yield
        except Fault as fault:
            self.found += fault.found
        except LcspecError as error:
            self.found += error.diagnostics


def fault(code: str, span: Span, message: str, help: str) -> Fault:
    """A fault at a place."""
    return Fault(Diagnostic(code, message, (Label(span, ""),), help=help))


def merge(below: Node, above: Node) -> Node:
    """`above` laid over `below`: mappings key by key, all else replaced.

    A null takes a key out. An entry of another `kind` replaces the one below whole: its fields mean other things.
    """
    if not isinstance(below, Mapping) or not isinstance(above, Mapping):
        return above
    if _kind(above) is not None and _kind(above) != _kind(below):
        return above
    entries = {entry.key: entry for entry in below.entries}
    for entry in above.entries:
        known = entries.get(entry.key)
        if known is not None and isinstance(entry.value, Scalar) and entry.value.value is None:
            del entries[entry.key]
        else:
            entries[entry.key] = entry if known is None else replace(entry, value=merge(known.value, entry.value))
    return Mapping(above.span, tuple(entries.values()))


def _kind(node: Mapping) -> object:
    said = node.get("kind")
    return said.value.value if said is not None and isinstance(said.value, Scalar) else None


def without(node: Mapping, key: str) -> Mapping:
    """`node` without one of its keys."""
    return Mapping(node.span, tuple(entry for entry in node.entries if entry.key != key))


def with_value(node: Mapping, key: str, value: Node) -> Mapping:
    """`node` with another value under a key that it has."""
    return Mapping(node.span, tuple(replace(e, value=value) if e.key == key else e for e in node.entries))
