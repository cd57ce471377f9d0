"""Several texts to one document: what a spec extends, what a matrix multiplies, variables, and values set from outside.

The order is fixed: the bases, in turn, each under the next; the spec itself; `--set`; then variables (`--var-file` over
`variables:`) fill `${name}`; last, matrices become entries. Nodes keep the spans of the text they come from. Each part
tells all its faults; where a base is missing the rest is not judged, for it may depend on what is not there.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import PurePosixPath

from lcspec.compile.matrices import expanded
from lcspec.compile.overlay import Fault, Faults, fault, merge, without
from lcspec.compile.parse import parse
from lcspec.compile.variables import substituted
from lcspec.diag.model import Diagnostic, LcspecError
from lcspec.ir.document import Entry, Mapping, Node, Scalar, Sequence
from lcspec.ir.source import SourceFile, Span

EXTENDS = "extends"
DEEPEST = 16  # bases below each other
_INDEX = re.compile(r"(.*?)((?:\[[0-9]+\])+)\Z")

Read = Callable[[str], SourceFile]  # the text of a file named relative to the spec; raises LcspecError


@dataclass(frozen=True, slots=True)
class Settings:
    """What is said outside the spec: `path=value` texts, and files of variables."""

    sets: tuple[str, ...] = ()
    variables: tuple[SourceFile, ...] = ()


def compose(
    root: Node, source: SourceFile, settings: Settings, read: Read
) -> tuple[Node | None, list[Diagnostic], tuple[SourceFile, ...]]:
    """The document that `source` (parsed: `root`) stands for, or None with all faults; and every text that went in.

    It has no `extends`, `variables` or `matrix` any more.
    """
    if not isinstance(root, Mapping):
        return root, [], ()
    faults = Faults()
    work = _Composing(read, faults)
    whole = work.extended(root, (PurePosixPath(source.path).name,))
    if not faults.found:
        for text in settings.sets:
            with faults.kept():
                whole = work.set(whole, text)
        whole = substituted(whole, work.readable(settings.variables), faults)
        whole = expanded(whole, faults)
    return None if faults.found else whole, faults.found, tuple(work.sources)


@dataclass
class _Composing:
    read: Read
    faults: Faults
    sources: list[SourceFile] = field(default_factory=list)

    def parsed(self, source: SourceFile) -> Node:
        self.sources.append(source)
        root, found = parse(source)
        if root is None:
            raise Fault(*found)
        return root

    def readable(self, files: tuple[SourceFile, ...]) -> list[Node]:
        """The files that can be read; the others are faults."""
        made = []
        for source in files:
            with self.faults.kept():
                made.append(self.parsed(source))
        return made

    # --- extends ---------------------------------------------------------------------------------------------------

    def extended(self, root: Mapping, above: tuple[str, ...]) -> Mapping:
        said = root.get(EXTENDS)
        if said is None:
            return root
        merged: Node = Mapping(root.span, ())
        for node in said.value.items if isinstance(said.value, Sequence) else (said.value,):
            with self.faults.kept():
                merged = merge(merged, self._base(node, above))
        whole = merge(merged, root)
        assert isinstance(whole, Mapping)  # noqa: S101 - both sides are mappings
        return without(whole, EXTENDS)

    def _base(self, node: Node, above: tuple[str, ...]) -> Mapping:
        name = node.value if isinstance(node, Scalar) else None
        if not isinstance(name, str) or not name:
            raise fault("LC0109", node.span, "`extends` names a file, or a list of files", "say `base.yaml`")
        if name in above:
            circle = " → ".join([*above[above.index(name) :], name])
            raise fault("LC0109", node.span, f"files extend each other: {circle}", "break the circle")
        if len(above) > DEEPEST:
            raise fault("LC0109", node.span, f"more than {DEEPEST} bases below each other", "flatten them")
        try:
            source = self.read(name)
        except LcspecError as error:
            why = "; ".join(found.message for found in error.diagnostics)
            help = "name it relative to the spec's folder"
            raise fault("LC0109", node.span, f"the base cannot be read: {why}", help) from None
        base = self.parsed(source)
        if not isinstance(base, Mapping):
            raise fault("LC0109", node.span, f"`{name}` is not a mapping of sections", "extend a spec")
        return self.extended(base, (*above, name))

    # --- --set -----------------------------------------------------------------------------------------------------

    def set(self, root: Mapping, text: str) -> Mapping:
        path, equals, value = text.partition("=")
        if not equals or not path.strip():
            source = SourceFile(f"--set {text}", text or " ")
            self.sources.append(source)
            help = "say `--set tuning.lora.rank=16`"
            raise fault("LC0112", Span(source.path, 0, len(text)), "a setting is `path=value`", help)
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
                raise fault("LC0112", value.span, message, "count from 0, as in `ladder[0].prompts`")
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


def _parts(path: str) -> list[str]:
    """`ladder[0].prompts` as its parts; the index of a list is a part of its own."""
    parts: list[str] = []
    for part in path.split("."):
        match = _INDEX.match(part)
        parts += [match.group(1), *re.findall(r"[0-9]+", match.group(2))] if match else [part]
    return [part for part in parts if part]
