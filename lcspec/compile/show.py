"""`Spec` and its document to `Tree`: extends, variables and matrices done, defaults filled, kinds named."""

from collections.abc import Callable, Mapping
from typing import Any, get_args

from lcspec.compile.bind import TOP
from lcspec.compile.ladders import effective_ladder, generators, select_by
from lcspec.ir import document as doc
from lcspec.ir.document import Node, Scalar
from lcspec.ir.resolved import Leaf, Origin, Tree
from lcspec.ir.source import Span
from lcspec.ir.spec import Bound, GateSpec, Spec
from lcspec.ir.strict import Strict
from lcspec.kinds.api import SECTIONS
from lcspec.units import Quantity

DEFAULT = Origin("default")
_SUFFIXES = ("", " B", " s", " USD")  # how a number in base units reads back
Classify = Callable[[Span], str]


def resolve(root: Node, spec: Spec, classify: Classify) -> dict[str, Tree]:
    """Every section as it stands after composing and binding.

    Args:
        root: the composed document of `spec`.
        spec: what it was bound to.
        classify: the kind of text that a span lies in (see `Origin.kind`).
    """
    return _Resolving(root, spec, classify).whole()


class _Resolving:
    def __init__(self, root: Node, spec: Spec, classify: Classify) -> None:
        assert isinstance(root, doc.Mapping)  # noqa: S101 - bound specs are mappings
        self.root, self.spec, self.classify = root, spec, classify

    def whole(self) -> dict[str, Tree]:
        made: dict[str, Tree] = {}
        for section in (*TOP, *(entry.key for entry in self.root.entries if entry.key not in TOP)):
            tree = self.section(section)
            if tree is not None:
                made[section] = tree
        return made

    def section(self, name: str) -> Tree | None:
        said = self.root.get(name)
        if name == "scope" and said:
            return self.model(self.spec.scope, said.value)
        if name == "ladder":
            return self.ladder(said.value if said else None)
        if name == "evaluation":
            return self.evaluation(said.value if said else None)
        if (name,) in SECTIONS:
            return self.family((name,)) or None
        if name == "deployment":
            inner = {path[1]: self.family(path) for path in SECTIONS if path[0] == name}
            return {key: tree for key, tree in inner.items() if tree} or None
        return self.raw(said.value) if said else None

    def evaluation(self, node: Node | None) -> Tree | None:
        made: dict[str, Tree] = {"suites": self.family(("evaluation", "suites"))}
        gates = self.at(("evaluation", "gates"))
        if isinstance(gates, doc.Mapping):
            made["gates"] = {
                entry.key: self.model(self.gate(entry.key), entry.value)
                for entry in gates.entries
                if entry.key in self.spec.gates
            }
        said = node.get("select-by") if isinstance(node, doc.Mapping) else None
        suite, metric = select_by(self.spec)
        if said or suite:
            made["select-by"] = self.raw(said.value) if said else Leaf(f"{suite}.{metric}", DEFAULT)
        return {key: tree for key, tree in made.items() if tree} or None

    def gate(self, name: str) -> GateSpec:
        return self.spec.gates[name]

    def ladder(self, node: Node | None) -> Tree:
        """Each rung with what it varies; the first one names its models and prompts, which later rungs inherit."""
        items = node.items if isinstance(node, doc.Sequence) else ()
        rungs: list[Tree] = []
        for index, rung in enumerate(effective_ladder(self.spec)):
            said = items[index] if index < len(items) else None
            filled = {"models": generators(self.spec), "prompts": tuple(self.spec.entries("prompt"))}
            made: dict[str, Tree] = {}
            for axis in type(rung).model_fields:
                entry = said.get(axis) if isinstance(said, doc.Mapping) else None
                names = getattr(rung, axis) or (filled.get(axis, ()) if index == 0 else ())
                if entry is not None and getattr(rung, axis):
                    made[axis] = self.raw(entry.value)
                elif names:
                    made[axis] = _default(names)
            rungs.append(made or Leaf({}, DEFAULT))
        return rungs or Leaf([], DEFAULT)

    # --- entries -----------------------------------------------------------------------------------------------------

    def family(self, path: tuple[str, ...]) -> dict[str, Tree]:
        section = self.at(path)
        entries = self.spec.entries(SECTIONS[path])
        made: dict[str, Tree] = {}
        for entry in section.entries if isinstance(section, doc.Mapping) else ():
            if entry.key in entries:
                made[entry.key] = self.entry(entries[entry.key], entry.value)
            else:
                made[entry.key] = self.raw(entry.value)  # `x-` notes
        return made

    def entry(self, bound: Bound, node: Node) -> Tree:
        kind = node.get("kind") if isinstance(node, doc.Mapping) else None
        made: dict[str, Tree] = {"kind": self.raw(kind.value) if kind else Leaf(bound.kind, DEFAULT)}
        if bound.family == "prompt" and getattr(bound.body, "extends", None):
            return made | self.extended(bound, node)
        return made | self.model(bound.body, node, leave_out=("kind",))

    def extended(self, bound: Bound, node: Node) -> dict[str, Tree]:
        """A prompt with what it takes from those that it extends; keys are replaced whole, as the kind does."""
        chain: list[tuple[Any, Node]] = [(bound.body, node)]
        prompts = self.spec.entries("prompt")
        while base := getattr(chain[-1][0], "extends", None):
            below = self.at(("prompts", base))
            chain.append((prompts[base].body, below if below is not None else chain[-1][1]))
        made: dict[str, Tree] = {}
        for body, said in chain:  # the nearest first
            written = said.entries if isinstance(said, doc.Mapping) else ()
            for entry in written:
                if entry.key not in made and entry.key not in ("kind", "extends"):
                    made[entry.key] = self.value(_field(body, entry.key), entry.value)
        made = {key: tree for key, tree in made.items() if not (isinstance(tree, Leaf) and tree.value is None)}
        return made | {key: tree for key, tree in self.defaults(chain[-1][0], made).items() if key != "extends"}

    # --- values ------------------------------------------------------------------------------------------------------

    def model(self, value: Strict, node: Node, leave_out: tuple[str, ...] = ()) -> dict[str, Tree]:
        """What the node says in its order, then the defaults of what it does not say; unset options are left out."""
        entries = node.entries if isinstance(node, doc.Mapping) else ()
        made = {e.key: self.value(_field(value, e.key), e.value) for e in entries if e.key not in leave_out}
        made = {key: tree for key, tree in made.items() if not (isinstance(tree, Leaf) and tree.value is None)}
        return made | self.defaults(value, made)

    def defaults(self, value: Strict, said: Mapping[str, Tree]) -> dict[str, Tree]:
        return _defaults(type(value), said)

    def value(self, value: Any, node: Node) -> Tree:
        if isinstance(value, Bound):
            return self.entry(value, node)
        if isinstance(value, Strict) and isinstance(node, doc.Mapping):
            return self.model(value, node) or Leaf({}, self.origin(node))
        if isinstance(value, tuple) and isinstance(node, doc.Sequence) and len(value) == len(node.items) > 0:
            return [self.value(one, item) for one, item in zip(value, node.items, strict=True)]
        return self.raw(node)

    def raw(self, node: Node) -> Tree:
        """A node as it was written."""
        if isinstance(node, doc.Mapping) and node.entries:
            return {entry.key: self.raw(entry.value) for entry in node.entries}
        if isinstance(node, doc.Sequence) and node.items:
            return [self.raw(item) for item in node.items]
        if isinstance(node, Scalar):
            return Leaf(node.value, self.origin(node))
        return Leaf({} if isinstance(node, doc.Mapping) else [], self.origin(node))

    def origin(self, node: Node) -> Origin:
        if isinstance(node, Scalar) and node.variable:
            said = node.filled or node.span
            kind = "variable" if self.classify(said) in ("spec", "base") else self.classify(said)
            return Origin(kind, said, node.variable, node.span)  # type: ignore[arg-type]
        return Origin(self.classify(node.span), node.span)  # type: ignore[arg-type]

    def at(self, path: tuple[str, ...]) -> Node | None:
        node: Node | None = self.root
        for part in path:
            entry = node.get(part) if isinstance(node, doc.Mapping) else None
            node = entry.value if entry else None
        return node


def _field(value: Strict, key: str) -> Any:
    """The value of the field with the YAML key `key`; None for notes (`x-`)."""
    for name, info in type(value).model_fields.items():
        if (info.alias or name) == key:
            return getattr(value, name)
    return None


def _defaults(model: type[Strict], said: Mapping[str, Tree]) -> dict[str, Tree]:
    """The defaults of what is not said."""
    made = {}
    for name, info in model.model_fields.items():
        key = info.alias or name
        if key not in said and not info.is_required() and info.default is not None:
            mark = _quantity(info.annotation)
            made[key] = _default(_readable(mark, info.default) if mark else info.default)
    return made


def _default(value: Any) -> Tree:
    if isinstance(value, Strict):
        return _defaults(type(value), {}) or Leaf({}, DEFAULT)
    if isinstance(value, Mapping) and value:
        return {str(key): _default(item) for key, item in value.items()}
    if isinstance(value, tuple | list) and value:
        return [_default(item) for item in value]
    return Leaf([] if isinstance(value, tuple) else value, DEFAULT)


def _quantity(annotation: Any) -> Quantity | None:
    """How a quantity is read, where the type is one (`Duration`, `Bytes | None`)."""
    marks = (*getattr(annotation, "__metadata__", ()), *map(_quantity, get_args(annotation)))
    return next((mark for mark in marks if isinstance(mark, Quantity)), None)


def _readable(mark: Quantity, value: Any) -> Any:
    """A default in base units in a form that reads back as the same value."""
    for suffix in _SUFFIXES:
        text = f"{value}{suffix}" if suffix else value
        try:
            if mark.parse(text) == value:
                return text
        except ValueError:
            continue
    return value
