"""What two resolved specs say differently: entries that came or went as a whole, values one by one."""

from collections.abc import Iterator, Mapping
from typing import Any

from lcspec.compile.moves import Named, named
from lcspec.ir.document import Path
from lcspec.ir.resolved import Leaf, Tree, leaves, plain
from lcspec.ir.source import Span
from lcspec.ir.spec import Move
from lcspec.kinds.api import SECTIONS
from lcspec.lock import Lock
from lcspec.review.model import ADDED, CHANGED, MOVED, REMOVED, Change

QUIET = ("lcspec", "moved")  # what says nothing about the system itself
_PATHS = {family: path for path, family in SECTIONS.items()}


def changes(base: Mapping[str, Tree], head: Mapping[str, Tree], moved: tuple[Move, ...]) -> tuple[Change, ...]:
    """The changes from `base` to `head`; an entry that `moved` renames is held against its former self."""
    found: list[Change] = []
    before = dict(base)
    for move in moved:
        old, new = named(move.from_), named(move.to)
        if old is not None and new is not None and _taken(before, old, new, head):
            found.append(Change(MOVED, (*_PATHS[new.family], new.name), old.name, new.name))
    for section in (*base, *(name for name in head if name not in base)):
        if section in QUIET or section.startswith("x-"):
            continue
        found += _between(before.get(section), head.get(section), (section,))
    return tuple(found)


def _taken(before: dict[str, Tree], old: Named, new: Named, head: Mapping[str, Tree]) -> bool:
    """Renames the entry in `before`; False when the move was made earlier, or is none."""
    *folders, _ = path = (*_PATHS[old.family], old.name)
    at: Any = before
    for part in folders:
        at = at.get(part) if isinstance(at, dict) else None
    if not isinstance(at, dict) or path[-1] not in at or new.name in at:
        return False
    renamed = {new.name if key == old.name else key: tree for key, tree in at.items()}
    _put(before, list(folders), renamed)
    return True


def _put(tree: dict[str, Any], folders: list[str], value: Any) -> None:
    if len(folders) > 1:
        tree[folders[0]] = dict(tree[folders[0]])
        _put(tree[folders[0]], folders[1:], value)
    else:
        tree[folders[0]] = value


def _between(old: Tree | None, new: Tree | None, path: Path) -> Iterator[Change]:
    if old is None or new is None:
        if old is not new:
            yield _whole(old, new, path)
        return
    if isinstance(old, dict) and isinstance(new, dict) and _same_kind(old, new):
        for key in (*old, *(key for key in new if key not in old)):
            if not str(key).startswith("x-"):
                yield from _between(old.get(key), new.get(key), (*path, key))
    elif isinstance(old, list) and isinstance(new, list) and len(old) == len(new) and not _flat(old, new):
        for at, (one, other) in enumerate(zip(old, new, strict=True)):
            yield from _between(one, other, (*path, at))
    elif plain(old) != plain(new):
        yield Change(CHANGED, path, plain(old), plain(new), _span(new))


def _same_kind(old: Mapping[str, Tree], new: Mapping[str, Tree]) -> bool:
    """Whether two entries are of one kind: fields of different kinds are not held against each other."""
    kinds = [plain(side["kind"]) for side in (old, new) if isinstance(side.get("kind"), Leaf)]
    return len(kinds) < 2 or kinds[0] == kinds[1]


def _flat(old: list[Tree], new: list[Tree]) -> bool:
    """Whether the lists hold plain values only: those are told whole."""
    return all(isinstance(item, Leaf) for item in (*old, *new))


def _whole(old: Tree | None, new: Tree | None, path: Path) -> Change:
    if new is None:
        assert old is not None  # noqa: S101 - one of both is there
        return Change(REMOVED, path, plain(old), None, _span(old))
    return Change(ADDED, path, None, plain(new), _span(new))


def _span(tree: Tree) -> Span | None:
    """The first text that says something of a tree."""
    return next((leaf.origin.span for _, leaf in leaves(tree) if leaf.origin.span is not None), None)


def pin_changes(base: Lock, head: Lock) -> tuple[Change, ...]:
    """What is pinned differently: sources by their digests, libraries by their versions."""
    found: list[Change] = []
    for part, old, new in (("sources", base.sources, head.sources), ("libraries", base.libraries, head.libraries)):
        for name in sorted({*old, *new}):
            before, now = old.get(name), new.get(name)
            if before != now:
                kind = ADDED if before is None else REMOVED if now is None else CHANGED
                found.append(Change(kind, ("lock", part, name), before, now))
    return tuple(found)
