"""The one table of where a document defines names and where it uses them: fields of models say what they `refer` to.

Checks, the editor's definitions, references and renames, and completion all read it, so a kind that marks a field
(`option(…, refers="data.split")`) has them all. It reads documents, not specs: broken ones too.
"""

import types
from collections.abc import Iterator
from functools import cache
from typing import Annotated, Any, NamedTuple, Union, get_args, get_origin

from lcspec.ir import document as doc
from lcspec.ir.document import Node, Path, Scalar
from lcspec.ir.source import Span
from lcspec.ir.spec import GateSpec, Rung
from lcspec.ir.strict import Strict
from lcspec.kinds import registry
from lcspec.kinds.api import SECTIONS

SPLITS = ("train", "validation", "test")
SERVING = ("latency-p50", "latency-p95")  # what is measured at the service
GATES: Path = ("evaluation", "gates")
SELECT_BY: Path = ("evaluation", "select-by")
WORDS = {  # family to what an entry of it is called
    "data": "data",
    "model": "model",
    "prompt": "prompt",
    "tuning": "tuning recipe",
    "suite": "suite",
    "metric": "metric",
    "augment": "augmentation",
    "optimize": "optimised form",
    "deploy": "target",
    "allow": "capability",
}
EACH = "*"  # in a pattern: every entry of a mapping, every item of a list


class Use(NamedTuple):
    """A value that names an entry.

    `refers` is a family, or a family and the part after the dot: `data.split`, `suite.metric`.
    """

    path: Path
    refers: str
    node: Scalar

    @property
    def family(self) -> str:
        """The family of the entry that is named."""
        return self.refers.partition(".")[0]

    @property
    def name(self) -> str:
        """The name of the entry."""
        text = str(self.node.value)
        return text.partition(".")[0] if "." in self.refers else text

    @property
    def part(self) -> str:
        """What stands after the name and its dot: a split, a metric."""
        return str(self.node.value).partition(".")[2] if "." in self.refers else ""


class Definition(NamedTuple):
    """An entry of a section: where its name stands, and what it says."""

    family: str
    name: str
    path: Path
    key_span: Span
    node: Node


def uses(root: Node) -> Iterator[Use]:
    """Every use of a name in a document, section by section."""
    for entry in definitions(root):
        kind = kind_of(entry)
        if kind is None:
            continue
        for pattern, refers in patterns(registry.load(entry.family, kind).body):
            yield from _matches(entry.node, entry.path, pattern, refers)
    gates = at(root, GATES)
    for gate in gates.entries if isinstance(gates, doc.Mapping) else ():
        for pattern, refers in patterns(GateSpec):
            yield from _matches(gate.value, (*GATES, gate.key), pattern, refers)
    chosen = at(root, SELECT_BY)
    if chosen is not None:
        yield from _matches(chosen, SELECT_BY, (), "suite.metric")
    ladder = at(root, ("ladder",))
    for index, rung in enumerate(ladder.items if isinstance(ladder, doc.Sequence) else ()):
        for pattern, refers in patterns(Rung):
            yield from _matches(rung, ("ladder", index), pattern, refers)


def definitions(root: Node) -> Iterator[Definition]:
    """Every entry that has a name."""
    for path, family in SECTIONS.items():
        section = at(root, path)
        for entry in section.entries if isinstance(section, doc.Mapping) else ():
            if not entry.key.startswith("x-"):
                yield Definition(family, entry.key, (*path, entry.key), entry.key_span, entry.value)


def kind_of(entry: Definition) -> str | None:
    """The kind of an entry, said or meant; None when there is no such kind."""
    said = entry.node.get("kind") if isinstance(entry.node, doc.Mapping) else None
    name = default_kind(entry.family, entry.name)
    if said is not None:
        name = str(said.value.value) if isinstance(said.value, Scalar) else ""
    return name if name in registry.names(entry.family) else None


def default_kind(family: str, name: str) -> str:
    """The kind of an entry without `kind`: its own name when a kind has it, else the family's only or plain kind.

    What comes of a matrix (`lora.rank-8`) keeps the kind of the entry that had it.
    """
    for own in (name, name.partition(".")[0]):
        if own in registry.names(family):
            return own
    return {"prompt": "template", "suite": "rows"}.get(family, name)


@cache
def patterns(model: type[Strict]) -> tuple[tuple[tuple[str, ...], str], ...]:
    """(keys below an entry, what is referred to) for each field of `model` that names entries."""
    found: list[tuple[tuple[str, ...], str]] = []
    for info in model.model_fields.values():
        refers = info.json_schema_extra.get("x-refers")
        if refers:
            found.append(((info.alias,), str(refers)))
        found += [((info.alias, *steps, *inner), to) for steps, one in models_in(info.annotation) for inner, to in one]
    return tuple(found)


def models_in(annotation: Any) -> Iterator[tuple[tuple[str, ...], tuple[tuple[tuple[str, ...], str], ...]]]:
    """The patterns of the models in a type, each after the steps to it: none, or `*` for items and values."""
    if isinstance(annotation, type) and issubclass(annotation, Strict):
        yield (), patterns(annotation)
        return
    collection = get_origin(annotation) not in (None, Union, types.UnionType, Annotated)
    for part in get_args(annotation):
        for steps, inner in models_in(part):
            yield ((EACH, *steps) if collection else steps), inner


def at(root: Node | None, path: Path) -> Node | None:
    """The node at a path of keys; None where there is none."""
    node = root
    for part in path:
        if isinstance(node, doc.Mapping) and isinstance(part, str):
            entry = node.get(part)
            node = entry.value if entry else None
        elif isinstance(node, doc.Sequence) and isinstance(part, int):
            node = node.items[part] if part < len(node.items) else None
        else:
            return None
    return node


def _matches(node: Node, path: Path, pattern: tuple[str, ...], refers: str) -> Iterator[Use]:
    """The texts that `pattern` leads to; a list of names counts item by item."""
    if not pattern:
        if isinstance(node, Scalar) and isinstance(node.value, str):
            yield Use(path, refers, node)
        elif isinstance(node, doc.Sequence):
            for index, item in enumerate(node.items):
                yield from _matches(item, (*path, index), (), refers)
        return
    first, *rest = pattern
    if first == EACH and isinstance(node, doc.Sequence):
        for index, item in enumerate(node.items):
            yield from _matches(item, (*path, index), tuple(rest), refers)
    elif isinstance(node, doc.Mapping):
        for entry in node.entries:
            if first in (EACH, entry.key):
                yield from _matches(entry.value, (*path, entry.key), tuple(rest), refers)
