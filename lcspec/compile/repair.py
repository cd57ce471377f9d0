"""Repairs of a document: the edits behind `check --fix`.

*Safe* keeps what the spec says and changes how it is written (`learning_rate`, `500 MBs`, `"1e-4"`); a guess at what
was meant (`rnk`) is not. What came from `--set` or a variable has no place in the text to repair.
"""

from lcspec.diag.model import Edit, Fix
from lcspec.diag.suggest import same_letters
from lcspec.ir import document as doc
from lcspec.ir.document import Node, Path, find
from lcspec.ir.source import Span

_BOOLS = {"yes": "true", "y": "true", "on": "true", "true": "true", "1": "true"}
_BOOLS |= {"no": "false", "n": "false", "off": "false", "false": "false", "0": "false"}


def _written(span: Span) -> bool:
    """Whether the span lies in a file that people write."""
    return not span.file.startswith("--set ") and span.end > span.start


def rename(root: Node, path: Path, to: str | None, *, key: bool = False, again: tuple[Path, ...] = ()) -> Fix | None:
    """The key or value at `path`, and those at `again`, replaced by the name `to`.

    None when there is no `to`, or one of them is not written in the text.
    """
    places = [_said(root, place, key=key) for place in (path, *again)]
    spans = {span for said, span in places if span is not None and said == places[0][0] and _written(span)}
    if to is None or places[0][0] is None or any(span not in spans for _, span in places):
        return None
    safe = same_letters(places[0][0], to) and "." not in to
    return Fix(f"replace `{places[0][0]}` by `{to}`", tuple(Edit(span, to) for span in sorted(spans)), safe)


def _said(root: Node, path: Path, *, key: bool) -> tuple[str | None, Span | None]:
    if key:
        parent, name = find(root, path[:-1]), path[-1]
        entry = parent.get(name) if isinstance(parent, doc.Mapping) and isinstance(name, str) else None
        if entry is None or not isinstance(parent, doc.Mapping):
            return None, None
        return entry.key, entry.key_span
    node = find(root, path)
    if not isinstance(node, doc.Scalar) or node.variable is not None:
        return None, None
    return node.text, node.span


def replace(root: Node, path: Path, to: str | None, title: str) -> Fix | None:
    """The scalar at `path` written as `to`, which means the same."""
    said, span = _said(root, path, key=False)
    if to is None or said is None or span is None or not _written(span):
        return None
    return Fix(title, (Edit(span, to),), safe=True)


def boolean(root: Node, path: Path) -> Fix | None:
    """`yes` as `true`."""
    said, _ = _said(root, path, key=False)
    to = _BOOLS.get((said or "").lower())
    return replace(root, path, to, f"write `{to}`")


def number(root: Node, path: Path, *, whole: bool) -> Fix | None:
    """`"1e-4"` without its quotes."""
    said, _ = _said(root, path, key=False)
    try:
        value = float(said or "")
    except ValueError:
        return None
    text = (said or "").strip()
    if not text.isascii() or "_" in text or not abs(value) < float("inf"):
        return None
    if whole and not value.is_integer():
        return None
    return replace(root, path, str(int(value)) if whole else text, "write the number without quotes")


def quoted(root: Node, path: Path) -> Fix | None:
    """`1.0` as `"1.0"`, where a text is wanted."""
    node = find(root, path)
    if not isinstance(node, doc.Scalar) or node.text != node.text.strip() or not node.text or '"' in node.text:
        return None
    return replace(root, path, f'"{node.text}"', "quote it")


def listed(root: Node, path: Path) -> Fix | None:
    """`a` as `[a]`, where a list is wanted."""
    node = find(root, path)
    if not isinstance(node, doc.Scalar) or node.variable is not None or node.value is None or not _written(node.span):
        return None
    if set(node.text) & set(",[]{}\n#"):
        return None
    start, end = node.span.start, node.span.end
    edits = (Edit(Span(node.span.file, start, start), "["), Edit(Span(node.span.file, end, end), "]"))
    return Fix("write a list of one", edits, safe=True)


def language(root: doc.Mapping, version: int) -> Fix | None:
    """`lcspec: 1` before the first key of a spec that does not say it."""
    own = [entry.key_span for entry in root.entries if entry.key_span.file == root.span.file]
    if not own or not _written(own[0]):
        return None
    first = min(own, key=lambda span: span.start)
    block = root.span.start == min(root.span.start, first.start) == first.start
    edit = Edit(Span(first.file, first.start, first.start), f"lcspec: {version}\n" if block else f"lcspec: {version}, ")
    return Fix(f"add `lcspec: {version}`", (edit,), safe=True)
