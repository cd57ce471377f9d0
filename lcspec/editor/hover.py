"""What stands under the cursor, in words: a section, a field, a kind, an entry that is named, a gate with its sums."""

from collections.abc import Callable
from typing import NamedTuple

from lcspec.compile.asking import JUDGED, PROPORTIONS, rows_read
from lcspec.compile.known import Known
from lcspec.compile.references import GATES
from lcspec.editor.complete import entry_kind
from lcspec.editor.documents import Documents
from lcspec.editor.navigate import named_at
from lcspec.editor.place import place_at
from lcspec.fielddoc import SECTIONS as DOCS
from lcspec.fielddoc import markdown
from lcspec.ir import document as doc
from lcspec.ir.document import Entry, Node, Path, Scalar
from lcspec.ir.source import Span
from lcspec.ir.spec import Spec
from lcspec.kinds import registry
from lcspec.stats import fewest_right, share_needed, wilson

SHOWN_LINES = 12
Bound = Callable[[], tuple[Spec, Known] | None]  # the spec without errors, if it is one, and what is known for it


class Text(NamedTuple):
    """Markdown about a span."""

    markdown: str
    span: Span


def hover(documents: Documents, offset: int, bound: Bound) -> Text | None:
    """What is known about the place at `offset`."""
    named = named_at(documents, offset)
    found = _under(documents.main.root, offset)
    gate = found[0][2] if found and found[0][:2] == GATES and len(found[0]) > 2 else None
    if named is not None and (found is None or not _is_key(found, offset)):
        return _entry(documents, named.family, named.name, named.span)
    if found is None:
        return None
    path, entry = found
    if not _is_key(found, offset):
        return _value(documents, path, entry, offset)
    if gate is not None and len(path) == 3:
        text = gate_sums(str(gate), bound()) or "A gate: a threshold that evidence must show with a confidence."
        return Text(f"**{gate}**\n\n{text}", entry.key_span)
    if named is not None:
        return _entry(documents, named.family, named.name, named.span)
    return _key(documents, path, entry.key_span)


def _under(root: Node | None, offset: int, path: Path = ()) -> tuple[Path, Entry] | None:
    """The innermost entry of a mapping whose key or value holds `offset`, with the path of its key."""
    if isinstance(root, doc.Sequence):
        for index, item in enumerate(root.items):
            if item.span.start <= offset <= item.span.end:
                return _under(item, offset, (*path, index))
    if not isinstance(root, doc.Mapping):
        return None
    for entry in root.entries:
        if entry.key_span.start <= offset <= entry.key_span.end:
            return (*path, entry.key), entry
        if entry.value.span.start <= offset <= entry.value.span.end:
            return _under(entry.value, offset, (*path, entry.key)) or ((*path, entry.key), entry)
    return None


def _is_key(found: tuple[Path, Entry], offset: int) -> bool:
    span = found[1].key_span
    return span.start <= offset <= span.end


def _key(documents: Documents, path: Path, span: Span) -> Text | None:
    dotted = ".".join(map(str, path))
    if dotted in DOCS:
        return Text(f"**{path[-1]}** — {DOCS[dotted]}", span)
    place = place_at(path[:-1], lambda at: entry_kind(documents, at))
    key = str(path[-1])
    if key in place.fields:
        return Text(markdown(key, place.fields[key]), span)
    return Text(f"**{key}** — {place.docs[key]}", span) if key in place.docs else None


def _value(documents: Documents, path: Path, entry: Entry, offset: int) -> Text | None:
    """A kind's page; for any other value, what its field means."""
    place = place_at(path, lambda at: entry_kind(documents, at))
    if place.kind_value and isinstance(entry.value, Scalar):
        return kind_text(place.kind_value, entry.value.text, entry.value.span)
    inner = _key(documents, path, entry.value.span)
    return inner if isinstance(entry.value, Scalar) else None


def kind_text(family: str, name: str, span: Span) -> Text | None:
    """The page of a kind."""
    if name not in registry.names(family):
        return None
    kind = registry.load(family, name)
    about = (registry.module(family, name).__doc__ or "").strip()
    return Text(f"**{family}.{name}** — {kind.summary}\n\n{about}\n\n```yaml\n{kind.example}\n```", span)


def _entry(documents: Documents, family: str, name: str, span: Span) -> Text | None:
    found = documents.find(family, name)
    if family == "metric" and not found:
        return kind_text("metric", name, span)
    if not found and "." in name:
        found = documents.find(family, name.partition(".")[0])
    if not found:
        return None
    one = found[0]
    kind = documents.kind(family, one.name)
    summary = f" — {registry.load(family, kind).summary}" if kind else ""
    source = documents.source(one.key_span.file)
    shown = _snippet(source.text, one.key_span.start, one.node.span.end) if source else ""
    place = source.position(one.key_span.start) if source else None
    where = f"\n\n{one.key_span.file}:{place.line}" if place else ""
    return Text(f"**{name}** · {family} of kind `{kind or '?'}`{summary}\n\n```yaml\n{shown}\n```{where}", span)


def _snippet(text: str, start: int, end: int) -> str:
    """The lines of an entry, moved to the left margin."""
    margin = start - (text.rfind("\n", 0, start) + 1)
    lines = [line[margin:] if not line[:margin].strip() else line for line in text[start:end].split("\n")[1:]]
    shown = [text[start:end].split("\n")[0], *lines]
    return "\n".join(shown[:SHOWN_LINES] + (["…"] if len(shown) > SHOWN_LINES else []))


def gate_sums(name: str, known: tuple[Spec, Known] | None) -> str | None:
    """The arithmetic of a gate: what its rows can show."""
    if known is None or name not in known[0].gates:
        return None
    spec, facts = known
    gate = spec.gates[name]
    suite_name, _, metric = gate.metric.partition(".")
    suite = spec.entries("suite").get(suite_name)
    level = f"{gate.confidence:.0%}"
    said = f"at least {gate.at_least:g}" if gate.at_least is not None else f"at most {gate.at_most:g}"
    if gate.not_worse_than is not None:
        said = f"not worse than {gate.not_worse_than} by more than {gate.margin:g}"
    lines = [f"`{gate.metric}` {said}, at {level} confidence (one-sided)."]
    if suite is not None and metric in PROPORTIONS and gate.at_least is not None and 0 < gate.at_least < 1:
        counts = {split: rows_read(spec, facts, suite, split) for split in JUDGED}
        lines += [
            _sum(split, rows, gate.at_least, gate.confidence) for split, rows in counts.items() if rows is not None
        ]
    return "\n\n".join(lines)


def _sum(split: str, rows: int, threshold: float, confidence: float) -> str:
    """One split: how many right answers pass, and what a model must truly reach to pass often."""
    passing = fewest_right(threshold, rows, confidence)
    if passing is None:
        best = wilson(rows, rows, confidence).low
        return f"- {split}, {rows} rows: cannot pass; with every answer right they show {best:.3f}"
    often = share_needed(rows, threshold, confidence)
    more = f"; a model that truly reaches {often:.3f} passes 8 times of 10" if often is not None else ""
    return f"- {split}, {rows} rows: {passing} right answers ({passing / rows:.1%}) pass{more}"
