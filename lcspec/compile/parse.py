"""Text to `Document`: YAML 1.2 core scalars, positions kept, and everything that surprises refused.

The C loader's events are turned into our own nodes: that keeps key and value spans apart, is several times faster
than composing PyYAML's nodes, and leaves no way for a tag or an anchor to run code or multiply the input. A fault is
noted and the reading goes on, so that all of them are told at once: what the builder refuses becomes a null, what
libyaml cannot read is blanked line by line (`yaml_faults.py`).
"""

import re
from collections.abc import Iterator
from itertools import islice

import yaml

from lcspec.compile.prescan import MAX_CHARACTERS, fault, prescan
from lcspec.compile.yaml_faults import MAX_DEPTH, moved_back, tell, without_tabs
from lcspec.diag.model import Diagnostic, Edit, Fix, Label
from lcspec.ir.document import Entry, Mapping, Node, Scalar, Sequence, to_data
from lcspec.ir.source import SourceFile, Span

__all__ = ["MAX_CHARACTERS", "MAX_DEPTH", "parse"]

MAX_SCALAR = 100_000
MAX_DIGITS = 300
_RETRIES = 10  # of a text that libyaml cannot read: one for each fault

_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_INT = re.compile(r"[-+]?[0-9]+\Z")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?\Z")
_TEMPLATE = re.compile(r"\{\{[^\"\n]*?\}\}")
_PROPERTY = {"&": re.compile(r"&[^\s,\[\]{}]+"), "!": re.compile(r"!\S*"), "*": re.compile(r"\*[^\s,\[\]{}]+")}
_CONSTANTS: dict[str, bool | None] = {"": None, "~": None, "null": None, "true": True, "false": False}


def parse(source: SourceFile) -> tuple[Node | None, list[Diagnostic]]:
    """The root node of `source`, or None with the syntax errors (LC00xx) that prevent one."""
    text, found = prescan(source)
    if found and not text:
        return None, found
    for _ in range(_RETRIES):
        builder = _Builder(source, text)
        try:
            root = builder.document()
        except yaml.YAMLError as error:
            told = tell(source, text, error, builder.shift, builder.quoted)
            found.append(told.diagnostic)
            if told.diagnostic.code == "LC0003" and told.diagnostic.fix is not None:
                fix = told.diagnostic.fix
                rest = parse(SourceFile(source.path, without_tabs(text, fix)))[1]
                found += moved_back((one for one in rest if one.code != "LC0003"), fix)
                break
            if told.text is None or told.text == text:
                break
            text = told.text
            continue
        if root is None and not found and not builder.found:
            message = "the file is empty"
            return None, [fault(source.path, "LC0010", 0, 0, message, "start with `lcspec init`")]
        found += builder.faults()
        return (None, _ordered(found)) if found or root is None else (root, [])
    return None, _ordered(found)


def _ordered(found: list[Diagnostic]) -> list[Diagnostic]:
    return sorted(dict.fromkeys(found), key=lambda one: one.labels[0].span.start)


class _Builder:
    """One pass over the events; recursion is bounded by MAX_DEPTH."""

    def __init__(self, source: SourceFile, text: str) -> None:
        self.source, self.text = source, text
        self.shift = 1 if text.startswith("\ufeff") else 0
        self.events: Iterator[yaml.Event] = yaml.parse(text, Loader=_LOADER)
        self.found: list[Diagnostic] = []
        self.anchors: dict[str, list[Label]] = {}
        self.quoted: tuple[int, int] | None = None  # the last quoted text over several lines

    def document(self) -> Node | None:
        root: Node | None = None
        for event in self.events:
            if isinstance(event, yaml.DocumentStartEvent):
                if root is not None:
                    self.report("LC0008", event, "a second document in one file", "keep one spec per file")
                    break
                root = self.node(next(self.events), 0)
        return None if isinstance(root, Scalar) and root.value is None else root

    def faults(self) -> list[Diagnostic]:
        """What was refused; the uses of an anchor are told with it."""
        message, help = "anchors and aliases are not read", "write the value out, or use `extends:` or `variables:`"
        return self.found + [Diagnostic("LC0005", message, tuple(at), help=help) for at in self.anchors.values()]

    def node(self, event: yaml.Event, depth: int) -> Node:
        if depth > MAX_DEPTH:
            self.report("LC0006", event, f"nested deeper than {MAX_DEPTH} levels", "flatten the structure")
            return self.skipped(event)
        if isinstance(event, yaml.AliasEvent):
            self.anchored(event, "*")
            return Scalar(self.between(event, event), None, "")
        if event.anchor is not None:  # type: ignore[attr-defined]
            self.anchored(event, "&")
        tag = event.tag  # type: ignore[attr-defined]
        if tag is not None and tag != "!":
            self.tagged(event)
        if isinstance(event, yaml.ScalarEvent):
            return self.scalar(event)
        if isinstance(event, yaml.MappingStartEvent):
            return self.mapping(event, depth)
        return self.sequence(event, depth)

    def mapping(self, start: yaml.Event, depth: int) -> Mapping:
        entries: dict[str, Entry] = {}
        end = 0
        while not isinstance(event := next(self.events), yaml.MappingEndEvent):
            key = self.node(event, depth + 1)
            value_event = next(self.events)
            if isinstance(key, Scalar) and key.value == "<<":
                self.report("LC0014", event, "merge keys are not read", "write the values out, or use `extends:`")
                self.skipped(value_event)
                continue
            value = self.node(value_event, depth + 1)
            if not isinstance(key, Scalar) or not isinstance(key.value, str):
                self.not_a_key(event, key)
            elif key.value in entries:
                self.duplicate(start, entries[key.value], Entry(key.value, key.span, value), end)
            else:
                entries[key.value] = Entry(key.value, key.span, value)
            end = max(key.span.end, value.span.end)
        values = [entry.value.span for entry in entries.values()]
        return Mapping(self.collection(start, event, values), tuple(entries.values()))

    def sequence(self, start: yaml.Event, depth: int) -> Sequence:
        items = []
        while not isinstance(event := next(self.events), yaml.SequenceEndEvent):
            items.append(self.node(event, depth + 1))
        return Sequence(self.collection(start, event, [item.span for item in items]), tuple(items))

    def scalar(self, event: yaml.ScalarEvent) -> Scalar:
        text, span = event.value, self.between(event, event)
        if len(text) > MAX_SCALAR and not _INT.match(text):
            self.report("LC0007", event, f"a value of {len(text):,} characters", "move long text into a file")
            return Scalar(Span(span.file, span.start, span.start + 1), None, "")
        if event.style is None or event.style == "":
            value = _resolve(text)
            if value is _TOO_LARGE:
                message = f"a number of {len(text):,} digits" if _INT.match(text) else "a number too large to hold"
                self.report("LC0007", event, message, "quote it if it is an id")
                value = None
            return Scalar(span, value, text)  # type: ignore[arg-type]
        if event.style in "\"'" and "\n" in self.text[span.start : span.end]:
            self.quoted = (span.start, span.end)
        return Scalar(span, text, text)

    def skipped(self, event: yaml.Event) -> Scalar:
        """A null in place of a value that is read over."""
        level = int(isinstance(event, yaml.CollectionStartEvent))
        while level:
            inner = next(self.events)
            level += isinstance(inner, yaml.CollectionStartEvent) - isinstance(inner, yaml.CollectionEndEvent)
        return Scalar(self.between(event, event), None, "")

    # --- what is refused -------------------------------------------------------------------------------------------

    def report(self, code: str, event: yaml.Event, message: str, help: str, fix: Fix | None = None) -> None:
        span = self.between(event, event)
        if "\n" in self.text[span.start : span.end]:
            span = Span(span.file, span.start, span.start + 1)
        self.found.append(fault(span.file, code, span.start, max(span.end, span.start + 1), message, help, fix))

    def property(self, event: yaml.Event, mark: str) -> Span:
        """The span of the anchor, tag or alias of a node."""
        start = self.between(event, event).start
        for match in islice(_PROPERTY[mark].finditer(self.text, start), 1):
            return Span(self.source.path, match.start(), match.end())
        return Span(self.source.path, start, start + 1)

    def anchored(self, event: yaml.Event, mark: str) -> None:
        labels = self.anchors.setdefault(str(event.anchor), [])  # type: ignore[attr-defined]
        labels.append(Label(self.property(event, mark), "used here" if labels else ""))

    def tagged(self, event: yaml.Event) -> None:
        span = self.property(event, "!")
        tag = self.text[span.start : span.end]
        behind = span.end + (self.text[span.end : span.end + 1] == " ")
        fix = Fix("remove the tag", (Edit(Span(span.file, span.start, behind), ""),), safe=False)
        message, help = f"the tag `{tag}` is not read", "remove the tag; values have plain types"
        self.found.append(fault(span.file, "LC0013", span.start, span.end, message, help, fix))

    def not_a_key(self, event: yaml.Event, key: Node) -> None:
        """A number, a null or a collection as a key; `{{ text }}` without quotes is the usual way to get there."""
        span = self.between(event, event)
        template = _TEMPLATE.match(self.text, max(span.start - 1, 0))
        if isinstance(key, Mapping) and template:
            span, text = Span(span.file, template.start(), template.end()), template.group()
            fix = Fix("quote it", (Edit(span, f'"{text}"'),), safe=True)
            message = f"`{text}` without quotes is read as a mapping"
            self.found.append(fault(span.file, "LC0011", span.start, span.end, message, "quote it", fix))
            return
        quote: Fix | None = None
        if isinstance(key, Scalar) and key.text and key.value is not None:
            quote = Fix("quote it", (Edit(key.span, f'"{key.text}"'),), safe=True)
        self.report("LC0011", event, "a key must be a plain text", "quote it", quote)

    def duplicate(self, start: yaml.Event, first: Entry, again: Entry, before: int) -> None:
        """A key that stands twice; where both values are equal the second can go."""
        fix = None
        if to_data(first.value) == to_data(again.value) and (span := self.removable(start, again, before)):
            fix = Fix("remove the second, which is equal", (Edit(span, ""),), safe=True)
        labels = (Label(again.key_span, "again here"), Label(first.key_span, "first here"))
        message = f"the key `{first.key}` stands twice"
        self.found.append(Diagnostic("LC0004", message, labels, help="keep one of the two", fix=fix))

    def removable(self, start: yaml.Event, entry: Entry, before: int) -> Span | None:
        """What to cut so that `entry` is gone: whole lines in block style, from the comma before it in flow style."""
        end = max(entry.key_span.end, entry.value.span.end)
        if getattr(start, "flow_style", True):
            between = self.text[before : entry.key_span.start]
            return Span(self.source.path, before, end) if between.strip() == "," else None
        head = self.text.rfind("\n", 0, entry.key_span.start) + 1
        tail = self.text.find("\n", end)
        tail = len(self.text) if tail < 0 else tail + 1
        if self.text[head : entry.key_span.start].strip() or self.text[end:tail].strip(" \r\n:"):
            return None
        return Span(self.source.path, head, tail)

    # --- spans -----------------------------------------------------------------------------------------------------

    def collection(self, start: yaml.Event, end: yaml.Event, inner: list[Span]) -> Span:
        """The span of a collection; libyaml lets one in block style end where the next token begins."""
        whole = self.between(start, end)
        if getattr(start, "flow_style", True) or not inner:
            return whole
        return Span(whole.file, whole.start, max(span.end for span in inner))

    def between(self, start: yaml.Event, end: yaml.Event) -> Span:
        """The span from one event to another; trailing blank space of block collections is left out."""
        if start.start_mark is None or end.end_mark is None:
            return Span(self.source.path, 0, 0)
        first, last = start.start_mark.index + self.shift, end.end_mark.index + self.shift
        text = self.text
        while last > first and text[last - 1] in " \n\r\t":
            last -= 1
        return Span(self.source.path, first, last)


_TOO_LARGE = object()


def _resolve(text: str) -> object:
    """The value of a plain scalar after the YAML 1.2 core schema, without hexadecimal, octal, inf and nan."""
    lowered = text if text in _CONSTANTS else text.lower() if text[:1] in "NTFntf" else ""
    if (text == "" or lowered) and lowered in _CONSTANTS:
        return _CONSTANTS[lowered]
    if text[:1] in "0123456789+-.":
        if _INT.match(text):
            return int(text) if len(text) <= MAX_DIGITS else _TOO_LARGE
        if _FLOAT.match(text):
            value = float(text)
            return value if abs(value) < float("inf") else _TOO_LARGE
    return text
