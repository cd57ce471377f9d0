"""Several texts to one document: what a spec extends, what a matrix multiplies, variables, and values set from outside.

The order is fixed: the bases, in turn, each under the next; the spec itself; `--set`; then variables (`--var-file` over
`variables:`) fill `${name}`; last, matrices become entries. Nodes keep the spans of the text they come from.
"""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from itertools import product
from pathlib import PurePosixPath

from lcspec.compile.parse import parse
from lcspec.diag.model import Diagnostic, Label, LcspecError
from lcspec.diag.suggest import did_you_mean
from lcspec.ir.document import Entry, Mapping, Node, Scalar, Sequence
from lcspec.ir.source import SourceFile, Span

EXTENDS, VARIABLES, MATRIX = "extends", "variables", "matrix"
DEEPEST, LARGEST = 16, 1000  # bases below each other; entries of one matrix
MATRICES = {("models",), ("prompts",), ("tuning",), ("augmentation",), ("deployment", "optimize")}
_REFERENCE = re.compile(r"\$(\$\{|\{\s*([A-Za-z][A-Za-z0-9_-]*)\s*\})")
_INDEX = re.compile(r"(.*?)((?:\[[0-9]+\])+)\Z")

Read = Callable[[str], SourceFile]  # the text of a file named relative to the spec; raises LcspecError


@dataclass(frozen=True, slots=True)
class Settings:
    """What is said outside the spec: `path=value` texts, and files of variables."""

    sets: tuple[str, ...] = ()
    variables: tuple[SourceFile, ...] = ()


class _Fault(Exception):
    def __init__(self, *found: Diagnostic) -> None:
        self.found = list(found)


def compose(
    root: Node, source: SourceFile, settings: Settings, read: Read
) -> tuple[Node | None, list[Diagnostic], tuple[SourceFile, ...]]:
    """The document that `source` (parsed: `root`) stands for, or None with the faults; and every text that went in.

    It has no `extends`, `variables` or `matrix` any more.
    """
    if not isinstance(root, Mapping):
        return root, [], ()
    work = _Composing(read)
    try:
        whole = work.extended(root, source.path, (PurePosixPath(source.path).name,))
        for text in settings.sets:
            whole = work.set(whole, text)
        whole = work.substituted(whole, settings.variables)
        whole = _expanded(whole)
    except _Fault as fault:
        return None, fault.found, tuple(work.sources)
    except LcspecError as error:
        return None, list(error.diagnostics), tuple(work.sources)
    return whole, [], tuple(work.sources)


@dataclass
class _Composing:
    read: Read
    sources: list[SourceFile] = field(default_factory=list)

    def parsed(self, source: SourceFile) -> Node:
        self.sources.append(source)
        root, found = parse(source)
        if root is None:
            raise _Fault(*found)
        return root

    # --- extends ---------------------------------------------------------------------------------------------------

    def extended(self, root: Mapping, path: str, above: tuple[str, ...]) -> Mapping:
        said = root.get(EXTENDS)
        if said is None:
            return root
        merged: Node = Mapping(root.span, ())
        for node in said.value.items if isinstance(said.value, Sequence) else (said.value,):
            name = node.value if isinstance(node, Scalar) else None
            if not isinstance(name, str) or not name:
                raise _fault("LC0109", node.span, "`extends` names a file, or a list of files", "say `base.yaml`")
            if name in above:
                circle = " → ".join([*above[above.index(name) :], name])
                raise _fault("LC0109", node.span, f"files extend each other: {circle}", "break the circle")
            if len(above) > DEEPEST:
                raise _fault("LC0109", node.span, f"more than {DEEPEST} bases below each other", "flatten them")
            try:
                source = self.read(name)
            except LcspecError as error:
                why = "; ".join(found.message for found in error.diagnostics)
                help = "name it relative to the spec's folder"
                raise _fault("LC0109", node.span, f"the base cannot be read: {why}", help) from None
            base = self.parsed(source)
            if not isinstance(base, Mapping):
                raise _fault("LC0109", node.span, f"`{name}` is not a mapping of sections", "extend a spec")
            merged = merge(merged, self.extended(base, name, (*above, name)))
        whole = merge(merged, root)
        assert isinstance(whole, Mapping)  # noqa: S101 - both sides are mappings
        return _without(whole, EXTENDS)

    # --- --set -----------------------------------------------------------------------------------------------------

    def set(self, root: Mapping, text: str) -> Mapping:
        path, equals, value = text.partition("=")
        if not equals or not path.strip():
            source = SourceFile(f"--set {text}", text or " ")
            self.sources.append(source)
            help = "say `--set tuning.lora.rank=16`"
            raise _fault("LC0112", Span(source.path, 0, len(text)), "a setting is `path=value`", help)
        source = SourceFile(f"--set {path.strip()}", value or "null")
        if value.strip() in ("", "null", "~"):  # a document of its own may not be empty, a value may
            self.sources.append(source)
            node: Node = Scalar(Span(source.path, 0, len(source.text)), None, value)
        else:
            node = self.parsed(source)
        made = self._put(root, _parts(path.strip()), node, source)
        assert isinstance(made, Mapping)  # noqa: S101 - the root stays a mapping
        return made

    def _put(self, node: Node, parts: list[str], value: Node, source: SourceFile) -> Node:
        if not parts:
            return value
        if isinstance(node, Sequence):
            if not parts[0].isdecimal() or int(parts[0]) > len(node.items):
                message = f"`{parts[0]}` is no place in a list of {len(node.items)}"
                raise _fault("LC0112", value.span, message, "count from 0, as in `ladder[0].prompts`")
            index = int(parts[0])
            old = node.items[index] if index < len(node.items) else Mapping(value.span, ())
            items = [*node.items[:index], self._put(old, parts[1:], value, source), *node.items[index + 1 :]]
            return Sequence(node.span, tuple(items))
        if not isinstance(node, Mapping):
            node = Mapping(value.span, ())
        # A name may hold dots (`lora.r-8`): the longest key that is there is meant.
        for length in range(len(parts), 0, -1):
            key = ".".join(parts[:length])
            if entry := node.get(key):
                inner = self._put(entry.value, parts[length:], value, source)
                entries = tuple(replace(e, value=inner) if e.key == key else e for e in node.entries)
                return Mapping(node.span, entries)
        inner = self._put(Mapping(value.span, ()), parts[1:], value, source)
        return Mapping(node.span, (*node.entries, Entry(parts[0], value.span, inner)))

    # --- variables -------------------------------------------------------------------------------------------------

    def substituted(self, root: Mapping, files: Iterable[SourceFile]) -> Mapping:
        declared = root.get(VARIABLES)
        values: dict[str, Node] = {}
        if declared is not None:
            values = {entry.key: entry.value for entry in self._variables(declared.value)}
        for source in files:
            for entry in self._variables(self.parsed(source)):
                if entry.key not in values:
                    help = did_you_mean(entry.key, values, "variables of the spec")
                    raise _fault("LC0110", entry.key_span, f"the spec has no variable `{entry.key}`", help)
                values[entry.key] = entry.value
        if declared is None:
            return root
        made = _filled(_without(root, VARIABLES), values)
        assert isinstance(made, Mapping)  # noqa: S101 - a mapping stays one
        return made

    def _variables(self, node: Node) -> tuple[Entry, ...]:
        if not isinstance(node, Mapping):
            raise _fault("LC0110", node.span, "variables are a mapping of names to values", "say `{rank: 8}`")
        return node.entries


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


def _without(node: Mapping, key: str) -> Mapping:
    return Mapping(node.span, tuple(entry for entry in node.entries if entry.key != key))


def _filled(node: Node, values: dict[str, Node]) -> Node:
    """`node` with `${name}` filled: a value that is nothing else takes the variable's type, a text takes its text."""
    if isinstance(node, Mapping):
        return Mapping(node.span, tuple(replace(e, value=_filled(e.value, values)) for e in node.entries))
    if isinstance(node, Sequence):
        return Sequence(node.span, tuple(_filled(item, values) for item in node.items))
    if not isinstance(node.value, str) or "${" not in node.value:
        return node
    whole = _REFERENCE.fullmatch(node.value)
    if whole and whole.group(2):
        value = _value(whole.group(2), node, values)
        if isinstance(value, Scalar):
            return Scalar(node.span, value.value, value.text, whole.group(2), value.span)
        return value

    def text(match: re.Match[str]) -> str:
        if match.group(2) is None:
            return "${"
        value = _value(match.group(2), node, values)
        if not isinstance(value, Scalar):
            message = f"the variable `{match.group(2)}` is not a plain value and cannot stand inside a text"
            raise _fault("LC0110", node.span, message, "let it be the whole value")
        return value.text

    made = _REFERENCE.sub(text, node.value)
    names = [match.group(2) for match in _REFERENCE.finditer(node.value) if match.group(2)]
    return Scalar(node.span, made, made, ", ".join(names), values[names[0]].span if names else None)


def _value(name: str, node: Node, values: dict[str, Node]) -> Node:
    if name not in values:
        help = did_you_mean(name, values, "variables") + "; `$${` writes a plain `${`"
        raise _fault("LC0110", node.span, f"there is no variable `{name}`", help)
    return values[name]


# --- matrices --------------------------------------------------------------------------------------------------------


def _expanded(root: Mapping) -> Mapping:
    """The document with each entry that has a `matrix` multiplied, and ladders naming all that come of it."""
    many: dict[tuple[str, str], list[str]] = {}
    made = root
    for entry in root.entries:
        if entry.key == "deployment" and isinstance(entry.value, Mapping):
            inner = [replace(e, value=_section(e, ("deployment", e.key), many)) for e in entry.value.entries]
            made = _with(made, entry.key, Mapping(entry.value.span, tuple(inner)))
        elif isinstance(entry.value, Mapping):
            made = _with(made, entry.key, _section(entry, (entry.key,), many))
    ladder = made.get("ladder")
    if many and ladder is not None and isinstance(ladder.value, Sequence):
        rungs = tuple(_rung(rung, many) for rung in ladder.value.items)
        made = _with(made, "ladder", Sequence(ladder.value.span, rungs))
    return made


def _with(node: Mapping, key: str, value: Node) -> Mapping:
    return Mapping(node.span, tuple(replace(e, value=value) if e.key == key else e for e in node.entries))


def _section(section: Entry, path: tuple[str, ...], many: dict[tuple[str, str], list[str]]) -> Node:
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
            raise _fault(
                "LC0111", said.key_span, f"an entry of `{'.'.join(path)}` has no matrix", f"it stands in {places}"
            )
        assert isinstance(entry.value, Mapping)  # noqa: S101 - it has a matrix
        expanded = _multiplied(entry, entry.value, said)
        many[(path[-1], entry.key)] = [made.key for made in expanded]
        entries += expanded
    return Mapping(node.span, tuple(entries))


def _multiplied(entry: Entry, body: Mapping, said: Entry) -> list[Entry]:
    help = "say `matrix: {rank: [4, 8]}`"
    if not isinstance(said.value, Mapping) or not said.value.entries:
        raise _fault("LC0111", said.value.span, "a matrix maps keys of the entry to lists of values", help)
    axes: list[list[tuple[str, Entry]]] = []
    for axis in said.value.entries:
        if not isinstance(axis.value, Sequence) or not axis.value.items:
            raise _fault("LC0111", axis.value.span, f"`{axis.key}` of a matrix is a list of values", help)
        slugs = [_slug(item, index) for index, item in enumerate(axis.value.items)]
        if len(set(slugs)) < len(slugs):
            raise _fault(
                "LC0111", axis.value.span, f"two values of `{axis.key}` would give one name", "tell them apart"
            )
        pairs = zip(slugs, axis.value.items, strict=True)
        axes.append([(f"{axis.key}-{slug}", Entry(axis.key, axis.key_span, item)) for slug, item in pairs])
    count = 1
    for values in axes:
        count *= len(values)
    if count > LARGEST:
        raise _fault(
            "LC0111", said.value.span, f"{count:,} entries; at most {LARGEST:,} come of one matrix", "cut an axis"
        )
    rest = _without(body, MATRIX)
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


# --- small things ----------------------------------------------------------------------------------------------------


def _parts(path: str) -> list[str]:
    """`ladder[0].prompts` as its parts; the index of a list is a part of its own."""
    parts: list[str] = []
    for part in path.split("."):
        match = _INDEX.match(part)
        parts += [match.group(1), *re.findall(r"[0-9]+", match.group(2))] if match else [part]
    return [part for part in parts if part]


def _fault(code: str, span: Span, message: str, help: str) -> _Fault:
    return _Fault(Diagnostic(code, message, (Label(span, ""),), help=help))
