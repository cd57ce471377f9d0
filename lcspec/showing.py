"""`lcspec show` as functions: the resolved spec as YAML or JSON, with the origin of each value."""

from collections.abc import Mapping
from typing import Any

from lcspec.api import Loaded
from lcspec.compile.show import resolve
from lcspec.diag.model import Diagnostic, LcspecError
from lcspec.diag.suggest import did_you_mean
from lcspec.ir.document import Path
from lcspec.ir.resolved import Leaf, Origin, Tree, below, leaves
from lcspec.ir.source import SourceFile, Span
from lcspec.yamlout import lines_of, scalar

WIDTH = 72  # values up to here have their origins in one column


def resolved(loaded: Loaded) -> dict[str, Tree]:
    """The tree of a spec without errors.

    Raises:
        LcspecError: the spec has errors.
    """
    if loaded.spec is None or loaded.root is None or not loaded.ok:
        raise LcspecError(loaded.diagnostics)
    files = {source.path for source in loaded.settings.variables}

    def classify(span: Span) -> str:
        if span.file.startswith("--set "):
            return "set"
        if span.file in files:
            return "var-file"
        return "spec" if span.file == loaded.source.path else "base"

    return resolve(loaded.root, loaded.spec, classify)


def part(tree: Tree, path: str | None) -> tuple[Tree, Path]:
    """The tree at a dotted path.

    Raises:
        LcspecError: LC0120, there is nothing at the path.
    """
    if not path:
        return tree, ()
    found = below(tree, path)
    if found is not None:
        return found
    pieces = path.split(".")
    tried = [(".".join(pieces[:n]), below(tree, ".".join(pieces[:n]))) for n in range(len(pieces) - 1, 0, -1)]
    taken, at = next(((text, inner[0]) for text, inner in tried if inner), ("", tree))
    where = f"`{taken}`" if taken else "the spec"
    wrong = path.removeprefix(taken).lstrip(".").split(".")[0]
    if isinstance(at, Leaf):
        help = f"{where} is a plain value"
    elif isinstance(at, list):
        help = f"{where} has {len(at)} items; count from 0, as in `{taken}.0`"
    else:
        help = did_you_mean(wrong, at, f"keys of {where}")
    raise LcspecError([Diagnostic("LC0120", f"{where} has no `{wrong}`", help=help)], 2)


# --- text ------------------------------------------------------------------------------------------------------------


def to_yaml(tree: Tree, sources: Mapping[str, SourceFile], *, origins: bool) -> str:
    """YAML in block style; with `origins`, each value's origin as a comment on its line."""
    if isinstance(tree, Leaf):
        tail = f"  # {describe(tree.origin, sources)}" if origins else ""
        return f"{tree.value if isinstance(tree.value, str) else scalar_of(tree)}{tail}\n"
    rows = _block(tree, "")
    width = min(WIDTH, max((len(line) for line, origin in rows if origin), default=0))
    lines = []
    for line, origin in rows:
        lines.append(f"{line:<{width}}  # {describe(origin, sources)}" if origins and origin else line)
    return "\n".join(lines) + "\n"


def scalar_of(leaf: Leaf) -> str:
    """The value of a leaf on one line."""
    return scalar(leaf.value) if not isinstance(leaf.value, dict | list) else "{}" if leaf.value == {} else "[]"


def _block(tree: Tree, indent: str) -> list[tuple[str, Origin | None]]:
    """(line, origin) pairs of a collection."""
    rows: list[tuple[str, Origin | None]] = []
    pairs: list[tuple[str, Tree]] = (
        [(f"{scalar(key)}:", inner) for key, inner in tree.items()]
        if isinstance(tree, dict)
        else [("-", item) for item in tree]
        if isinstance(tree, list)
        else []
    )
    for index, (head, inner) in enumerate(pairs):
        if not indent and index and not isinstance(inner, Leaf):
            rows.append(("", None))
        if isinstance(inner, Leaf):
            rows += _leaf(head, inner, indent)
        elif isinstance(inner, list) and all(isinstance(item, Leaf) for item in inner) and _one_place(inner):
            texts = ", ".join(scalar_of(item) for item in inner)
            rows.append((f"{indent}{head} [{texts}]", inner[0].origin))
        elif head == "-":
            nested = _block(inner, f"{indent}  ")
            rows += [(f"{indent}- {nested[0][0].lstrip()}", nested[0][1]), *nested[1:]]
        else:
            rows += [(f"{indent}{head}", None), *_block(inner, f"{indent}  ")]
    return rows


def _one_place(items: list[Any]) -> bool:
    """Whether a list of plain values comes from one line and fits on one."""
    files = {(leaf.origin.kind, leaf.origin.span.file if leaf.origin.span else "") for leaf in items}
    return len(files) == 1 and sum(len(scalar_of(leaf)) + 2 for leaf in items) < 100


def _leaf(head: str, leaf: Leaf, indent: str) -> list[tuple[str, Origin | None]]:
    lines = lines_of(leaf.value) if isinstance(leaf.value, str) else None
    if lines is None:
        return [(f"{indent}{head} {scalar_of(leaf)}", leaf.origin)]
    inner = f"{indent}  "
    return [(f"{indent}{head} |-", leaf.origin), *((f"{inner}{line}" if line else "", None) for line in lines)]


def describe(origin: Origin, sources: Mapping[str, SourceFile]) -> str:
    """`quickstart.yaml:12`, `default`, `--set`, `spec.yaml:5 ${rank} = prod.yaml:1`."""
    if origin.span is None:
        return "default"
    said = _place(origin.span, sources)
    if origin.variable is None or origin.used is None:
        return said
    return f"{_place(origin.used, sources)} ${{{origin.variable}}} = {said}"


def _place(span: Span, sources: Mapping[str, SourceFile]) -> str:
    if span.file.startswith("--set "):
        return span.file
    source = sources.get(span.file)
    return f"{span.file}:{source.position(span.start).line}" if source else span.file


# --- json ------------------------------------------------------------------------------------------------------------


def to_json(tree: Tree, path: Path, loaded: Loaded) -> dict[str, Any]:
    """The leaves with path, value and origin: schema `schemas/show/v1.json`."""
    listed = [
        {"path": list(at), "value": leaf.value, "origin": _origin(leaf.origin, loaded.sources)}
        for at, leaf in leaves(tree, path)
    ]
    return {"format_version": 1, "spec": loaded.source.path, "values": listed}


def _origin(origin: Origin, sources: Mapping[str, SourceFile]) -> dict[str, Any]:
    file, line, column = _at(origin.span, sources)
    told: dict[str, Any] = {"kind": origin.kind, "file": file, "line": line, "column": column, "variable": None}
    if origin.variable is not None:
        used = dict(zip(("file", "line", "column"), _at(origin.used, sources), strict=True))
        told["variable"] = {"name": origin.variable, "used": used}
    return told


def _at(span: Span | None, sources: Mapping[str, SourceFile]) -> tuple[str | None, int | None, int | None]:
    source = sources.get(span.file) if span else None
    if span is None or source is None or span.file.startswith("--set "):
        return (span.file if span else None), None, None
    place = source.position(span.start)
    return span.file, place.line, place.column
