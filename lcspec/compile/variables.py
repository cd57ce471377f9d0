"""`${name}` filled from `variables:` and from files of variables. Every fault of every place is told."""

import re
from collections.abc import Iterable
from dataclasses import replace

from lcspec.compile.overlay import Fault, Faults, fault, without
from lcspec.diag.suggest import did_you_mean
from lcspec.ir.document import Entry, Mapping, Node, Scalar, Sequence

VARIABLES = "variables"
_REFERENCE = re.compile(r"\$(\$\{|\{\s*([A-Za-z][A-Za-z0-9_-]*)\s*\})")


def substituted(root: Mapping, files: Iterable[Node], faults: Faults) -> Mapping:
    """The document with its references filled; values of `files` go over those that the spec declares."""
    declared = root.get(VARIABLES)
    values: dict[str, Node] = {}
    if declared is not None and not isinstance(declared.value, Mapping):
        faults.found += _no_mapping(declared.value).found
        return without(root, VARIABLES)  # whether its references have values is not known
    if declared is not None:
        values = {entry.key: entry.value for entry in _entries(declared.value)}
    for file in files:
        with faults.kept():
            for entry in _entries(file):
                with faults.kept():
                    _replace(values, entry)
    if declared is None:
        return root
    made = _Filling(values, faults).filled(without(root, VARIABLES))
    assert isinstance(made, Mapping)  # noqa: S101 - a mapping stays one
    return made


def _replace(values: dict[str, Node], entry: Entry) -> None:
    if entry.key not in values:
        help = did_you_mean(entry.key, values, "variables of the spec")
        raise fault("LC0110", entry.key_span, f"the spec has no variable `{entry.key}`", help)
    values[entry.key] = entry.value


def _entries(node: Node) -> tuple[Entry, ...]:
    if not isinstance(node, Mapping):
        raise _no_mapping(node)
    return node.entries


def _no_mapping(node: Node) -> Fault:
    return fault("LC0110", node.span, "variables are a mapping of names to values", "say `{rank: 8}`")


class _Filling:
    def __init__(self, values: dict[str, Node], faults: Faults) -> None:
        self.values, self.faults = values, faults

    def filled(self, node: Node) -> Node:
        """`node` with its references filled, as it stands where one of them cannot be."""
        if isinstance(node, Mapping):
            return Mapping(node.span, tuple(replace(e, value=self.filled(e.value)) for e in node.entries))
        if isinstance(node, Sequence):
            return Sequence(node.span, tuple(self.filled(item) for item in node.items))
        if isinstance(node.value, str) and "${" in node.value:
            with self.faults.kept():
                return self._text(node, node.value)
        return node

    def _text(self, node: Scalar, said: str) -> Node:
        """A value that is nothing but a variable takes its type, a text takes its text."""
        whole = _REFERENCE.fullmatch(said)
        if whole and whole.group(2):
            value = self._value(whole.group(2), node)
            if isinstance(value, Scalar):
                return Scalar(node.span, value.value, value.text, whole.group(2), value.span)
            return value
        made = _REFERENCE.sub(lambda match: self._part(match, node), said)
        names = [match.group(2) for match in _REFERENCE.finditer(said) if match.group(2)]
        return Scalar(node.span, made, made, ", ".join(names), self.values[names[0]].span if names else None)

    def _part(self, match: re.Match[str], node: Scalar) -> str:
        if match.group(2) is None:
            return "${"
        value = self._value(match.group(2), node)
        if not isinstance(value, Scalar):
            message = f"the variable `{match.group(2)}` is not a plain value and cannot stand inside a text"
            raise fault("LC0110", node.span, message, "let it be the whole value")
        return value.text

    def _value(self, name: str, node: Node) -> Node:
        if name not in self.values:
            help = did_you_mean(name, self.values, "variables") + "; `$${` writes a plain `${`"
            raise fault("LC0110", node.span, f"there is no variable `{name}`", help)
        return self.values[name]
