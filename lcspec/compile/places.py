"""Where the spec or the lock says what a step's key holds: from a field that moved to its line. Pure."""

from lcspec.ir.document import Mapping, Node, Path, Scalar, locate, walk
from lcspec.ir.plan import Step
from lcspec.ir.source import SourceFile, Span

_SCOPE = {"labels": "labels", "allowed": "labels", "task": "task", "languages": "languages"}


def place(root: Node, step: Step, field: str, lock: SourceFile | None = None) -> Span | None:
    """The span of the value that `field` (as `canon.changed` names it) of the key of `step` comes from.

    Where no value shows it (it was taken out, or is a default), the entry's name; None for what no text says: the
    content of an input, the version of a kind.
    """
    head, _, rest = field.partition(".")
    if head == "libraries":
        return _in_lock(lock, rest)
    if head not in ("params", "seed"):
        return None
    parts = rest.split(".") if rest else [head]
    for entry in _entries(root, step.source):
        found = _below(root, entry, parts)
        if found is not None:
            return found
    if parts[-1] in _SCOPE:
        return _below(root, ("scope",), [_SCOPE[parts[-1]]])
    for entry in _data(root, step.source):
        found = _below(root, entry, parts)
        if found is not None:
            return found
    if _digest_of_remote(parts):
        return _in_lock(lock, parts[-1])
    return locate(root, _existing(root, step.source), key=True)


def entry_span(root: Node, step: Step) -> Span:
    """The name of the entry that a step comes from."""
    return locate(root, _existing(root, step.source), key=True)


def _entries(root: Node, source: Path) -> list[Path]:
    """The entry and what it extends: in this order a value is looked for."""
    found = [_existing(root, source)]
    while len(found) < 8:
        node = _at(root, found[-1])
        said = node.get("extends") if isinstance(node, Mapping) else None
        name = said.value.value if said is not None and isinstance(said.value, Scalar) else None
        other = (*found[-1][:-1], name) if isinstance(name, str) else None
        if other is None or other in found or _at(root, other) is None:
            break
        found.append(other)
    return found


def _data(root: Node, source: Path) -> list[Path]:
    """The columns of the data that the entry reads, and the data entry itself."""
    node = _at(root, _existing(root, source))
    said = node.get("data") if isinstance(node, Mapping) else None
    if said is None or not isinstance(said.value, Scalar):
        return []
    data = ("data", str(said.value.value).partition(".")[0])
    return [(*data, "columns"), data]


def _below(root: Node, entry: Path, parts: list[str]) -> Span | None:
    """The value in `entry` that `parts` lead to; parts that the spec does not write are passed over."""
    node = _at(root, entry)
    span: Span | None = None
    left = [part.replace("_", "-") for part in parts]
    while left and isinstance(node, Mapping):
        for length in range(len(left), 0, -1):
            if inner := node.get(".".join(left[:length])) or node.get(".".join(parts[-len(left) :][:length])):
                node, span, left = inner.value, inner.value.span, left[length:]
                break
        else:
            left = left[1:]
    if span is not None and not left:
        return span
    return _named(node if span else _at(root, entry), parts) or span


def _named(node: Node | None, parts: list[str]) -> Span | None:
    """The text in `node` that is the tail of `parts`: a file name, say."""
    tails = {".".join(parts[start:]) for start in range(len(parts))}
    for _, inner in walk(node) if node is not None else ():
        if isinstance(inner, Scalar) and isinstance(inner.value, str) and inner.value in tails:
            return inner.span
    return None


def _digest_of_remote(parts: list[str]) -> bool:
    return parts[0] in ("members", "wheels", "pinned")


def _in_lock(lock: SourceFile | None, name: str) -> Span | None:
    if lock is None:
        return None
    at = lock.text.find(f'"{name}"')
    return Span(lock.path, at, at + len(name) + 2) if at >= 0 else None


def _at(root: Node, path: Path) -> Node | None:
    node: Node | None = root
    for part in path:
        entry = node.get(part) if isinstance(node, Mapping) and isinstance(part, str) else None
        if entry is None:
            return None
        node = entry.value
    return node


def _existing(root: Node, path: Path) -> Path:
    """The longest beginning of `path` that the document has."""
    while path and _at(root, path) is None:
        path = path[:-1]
    return path
