"""An entry with a `matrix` becomes one for each combination, and the ladder names all that come of it."""

import re
from dataclasses import replace
from itertools import product

from lcspec.compile.overlay import Faults, fault, merge, with_value, without
from lcspec.ir.document import Entry, Mapping, Node, Scalar, Sequence

MATRIX = "matrix"
LARGEST = 1000  # entries of one matrix
MATRICES = {("models",), ("prompts",), ("tuning",), ("augmentation",), ("deployment", "optimize")}


def expanded(root: Mapping, faults: Faults) -> Mapping:
    """The document with each entry that has a `matrix` multiplied, and ladders naming all that come of it."""
    many: dict[tuple[str, str], list[str]] = {}
    made = root
    for entry in root.entries:
        if entry.key == "deployment" and isinstance(entry.value, Mapping):
            inner = [replace(e, value=_section(e, ("deployment", e.key), many, faults)) for e in entry.value.entries]
            made = with_value(made, entry.key, Mapping(entry.value.span, tuple(inner)))
        elif isinstance(entry.value, Mapping):
            made = with_value(made, entry.key, _section(entry, (entry.key,), many, faults))
    ladder = made.get("ladder")
    if many and ladder is not None and isinstance(ladder.value, Sequence):
        rungs = tuple(_rung(rung, many) for rung in ladder.value.items)
        made = with_value(made, "ladder", Sequence(ladder.value.span, rungs))
    return made


def _section(section: Entry, path: tuple[str, ...], many: dict[tuple[str, str], list[str]], faults: Faults) -> Node:
    node = section.value
    if not isinstance(node, Mapping):
        return node
    entries: list[Entry] = []
    for entry in node.entries:
        said = entry.value.get(MATRIX) if isinstance(entry.value, Mapping) else None
        if said is None or path == ("scope",):
            entries.append(entry)
            continue
        if path not in MATRICES:
            places = ", ".join(f"`{'.'.join(place)}`" for place in sorted(MATRICES))
            message, help = f"an entry of `{'.'.join(path)}` has no matrix", f"it stands in {places}"
            faults.found += fault("LC0111", said.key_span, message, help).found
            continue
        assert isinstance(entry.value, Mapping)  # noqa: S101 - it has a matrix
        with faults.kept():
            multiplied = _multiplied(entry, entry.value, said)
            many[(path[-1], entry.key)] = [made.key for made in multiplied]
            entries += multiplied
    return Mapping(node.span, tuple(entries))


def _multiplied(entry: Entry, body: Mapping, said: Entry) -> list[Entry]:
    help = "say `matrix: {rank: [4, 8]}`"
    if not isinstance(said.value, Mapping) or not said.value.entries:
        raise fault("LC0111", said.value.span, "a matrix maps keys of the entry to lists of values", help)
    axes: list[list[tuple[str, Entry]]] = []
    for axis in said.value.entries:
        if not isinstance(axis.value, Sequence) or not axis.value.items:
            raise fault("LC0111", axis.value.span, f"`{axis.key}` of a matrix is a list of values", help)
        slugs = [_slug(item, index) for index, item in enumerate(axis.value.items)]
        if len(set(slugs)) < len(slugs):
            raise fault("LC0111", axis.value.span, f"two values of `{axis.key}` would give one name", "tell them apart")
        pairs = zip(slugs, axis.value.items, strict=True)
        axes.append([(f"{axis.key}-{slug}", Entry(axis.key, axis.key_span, item)) for slug, item in pairs])
    count = 1
    for values in axes:
        count *= len(values)
    if count > LARGEST:
        raise fault(
            "LC0111", said.value.span, f"{count:,} entries; at most {LARGEST:,} come of one matrix", "cut an axis"
        )
    rest = without(body, MATRIX)
    made = []
    for combination in product(*axes):
        name = ".".join([entry.key, *(name for name, _ in combination)])
        chosen = Mapping(body.span, tuple(value for _, value in combination))
        inner = merge(rest, chosen)
        assert isinstance(inner, Mapping)  # noqa: S101 - both sides are mappings
        made.append(Entry(name, entry.key_span, Mapping(body.span, inner.entries)))
    return made


def _slug(node: Node, index: int) -> str:
    if not isinstance(node, Scalar):
        return str(index)
    return re.sub(r"[^a-z0-9]+", "-", node.text.lower()).strip("-") or str(index)


def _rung(rung: Node, many: dict[tuple[str, str], list[str]]) -> Node:
    """A rung with the name of a matrix replaced by the names that came of it."""
    if not isinstance(rung, Mapping):
        return rung
    entries = []
    for entry in rung.entries:
        items = entry.value.items if isinstance(entry.value, Sequence) else (entry.value,)
        names = [many.get((entry.key, str(item.value))) if isinstance(item, Scalar) else None for item in items]
        if any(names):
            listed: list[Node] = []
            for item, found in zip(items, names, strict=True):
                listed += [Scalar(item.span, name, name) for name in found] if found else [item]
            entry = replace(entry, value=Sequence(entry.value.span, tuple(listed)))
        entries.append(entry)
    return Mapping(rung.span, tuple(entries))
