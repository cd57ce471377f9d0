"""A spec with nothing left to look up: every value with the place that it comes from."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

from lcspec.ir.document import Path
from lcspec.ir.source import Span

From = Literal["spec", "base", "variable", "var-file", "set", "default"]


class Origin(NamedTuple):
    """Where a value was said: `span` is None for defaults; `used` is where a variable's value was put in."""

    kind: From
    span: Span | None = None
    variable: str | None = None
    used: Span | None = None


@dataclass(frozen=True, slots=True)
class Leaf:
    """A value: a plain scalar, or an empty collection."""

    value: Any
    origin: Origin


Tree = Leaf | dict[str, Any] | list[Any]  # the values of the collections are trees


def plain(tree: Tree) -> Any:
    """The values alone."""
    if isinstance(tree, Leaf):
        return tree.value
    if isinstance(tree, dict):
        return {key: plain(value) for key, value in tree.items()}
    return [plain(item) for item in tree]


def leaves(tree: Tree, path: Path = ()) -> Iterator[tuple[Path, Leaf]]:
    """Every leaf with its path, in order."""
    if isinstance(tree, Leaf):
        yield path, tree
        return
    pairs = tree.items() if isinstance(tree, dict) else enumerate(tree)
    for part, inner in pairs:
        yield from leaves(inner, (*path, part))


def below(tree: Tree, path: str) -> tuple[Tree, Path] | None:
    """The tree at a dotted path and the path in parts; None when there is nothing there.

    Names may hold dots (`tuning.lora.rank-8`), so the longest key that fits is taken; `ladder.0` counts from 0.
    """
    at: Tree = tree
    taken: Path = ()
    parts = [part for part in path.replace("[", ".").replace("]", "").split(".") if part]
    while parts:
        if isinstance(at, list) and parts[0].isdecimal() and int(parts[0]) < len(at):
            at, taken, parts = at[int(parts[0])], (*taken, int(parts[0])), parts[1:]
            continue
        fitting = [n for n in range(len(parts), 0, -1) if isinstance(at, dict) and ".".join(parts[:n]) in at]
        if not fitting or not isinstance(at, dict):
            return None
        key = ".".join(parts[: fitting[0]])
        at, taken, parts = at[key], (*taken, key), parts[fitting[0] :]
    return at, taken
