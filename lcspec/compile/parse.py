"""Text to `Document`: YAML 1.2 core scalars, positions kept, and everything that surprises refused.

The C loader's events are turned into our own nodes: that keeps key and value spans apart, is several times faster
than composing PyYAML's nodes, and leaves no way for a tag or an anchor to run code or multiply the input.
"""

import re
from collections.abc import Iterator

import yaml

from lcspec.diag.model import Diagnostic, Label
from lcspec.ir.document import Entry, Mapping, Node, Scalar, Sequence
from lcspec.ir.source import SourceFile, Span

MAX_CHARACTERS = 4_000_000
MAX_DEPTH = 40
MAX_SCALAR = 100_000
MAX_DIGITS = 300

_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_INT = re.compile(r"[-+]?[0-9]+\Z")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?\Z")
_BIDI = re.compile("[\u202a-\u202e\u2066-\u2069\u200b-\u200f\ufeff]")
_CONFLICT = re.compile(r"^(<{7}|={7}|>{7})( |$)", re.MULTILINE)
_CONSTANTS: dict[str, bool | None] = {"": None, "~": None, "null": None, "true": True, "false": False}


class _Fault(Exception):
    def __init__(self, diagnostic: Diagnostic) -> None:
        self.diagnostic = diagnostic


def parse(source: SourceFile) -> tuple[Node | None, list[Diagnostic]]:
    """The root node of `source`, or None with the syntax errors (LC00xx) that prevent one."""
    early = _before_yaml(source)
    if early:
        return None, early
    try:
        builder = _Builder(source)
        return builder.document(), []
    except _Fault as fault:
        return None, [fault.diagnostic]
    except yaml.YAMLError as error:
        return None, [_yaml_error(source, error)]


def _before_yaml(source: SourceFile) -> list[Diagnostic]:
    """Faults that YAML itself would report badly or not at all."""
    text, found = source.text, []
    if len(text) > MAX_CHARACTERS:
        message = f"the file has {len(text):,} characters; at most {MAX_CHARACTERS:,} are read"
        return [_at(source, "LC0007", 0, 0, message, "split data out of the spec into files")]
    if match := _CONFLICT.search(text):
        message = "unresolved merge conflict"
        return [_at(source, "LC0002", match.start(), match.end(), message, "resolve the conflict, then run again")]
    for match in _BIDI.finditer(text):
        if match.start() == 0 and match.group() == "\ufeff":
            continue
        message = f"invisible character U+{ord(match.group()):04X} can make the text read differently from what it says"
        found.append(_at(source, "LC0009", match.start(), match.end(), message, "delete it"))
    return found


def _yaml_error(source: SourceFile, error: yaml.YAMLError) -> Diagnostic:
    mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
    offset = min(mark.index if mark else 0, max(len(source.text) - 1, 0))
    problem = getattr(error, "problem", None) or getattr(error, "reason", None) or str(error).splitlines()[0]
    if source.text[offset : offset + 1] == "\t" or "\\t" in repr(problem) or "'\\t'" in str(problem):
        return _at(source, "LC0003", offset, offset + 1, "a tab cannot indent YAML", "use two spaces")
    if (deep := _too_deep(source.text)) is not None:
        message = f"nested deeper than {MAX_DEPTH} levels"
        return _at(source, "LC0006", deep, deep + 1, message, "flatten the structure")
    return _at(source, "LC0001", offset, offset + 1, f"not YAML: {problem}", "see the YAML form in `lcspec init`")


def _too_deep(text: str) -> int | None:
    """Where brackets nest too deep: the scanner gives up on such lines before the builder sees them."""
    depth = 0
    for offset, char in enumerate(text):
        depth += (char in "[{") - (char in "]}")
        if depth > MAX_DEPTH:
            return offset
    return None


def _at(source: SourceFile, code: str, start: int, end: int, message: str, help: str) -> Diagnostic:
    return Diagnostic(code, message, (Label(Span(source.path, start, end), ""),), help=help)


class _Builder:
    """One pass over the events; recursion is bounded by MAX_DEPTH."""

    def __init__(self, source: SourceFile) -> None:
        self.source = source
        self.shift = 1 if source.text.startswith("\ufeff") else 0
        self.events: Iterator[yaml.Event] = yaml.parse(source.text, Loader=_LOADER)

    def document(self) -> Node:
        root: Node | None = None
        for event in self.events:
            if isinstance(event, yaml.DocumentStartEvent):
                if root is not None:
                    raise self.fault("LC0008", event, "a second document in one file", "keep one spec per file")
                root = self.node(next(self.events), 0)
        if root is None or (isinstance(root, Scalar) and root.value is None):
            message = "the file is empty"
            raise _Fault(_at(self.source, "LC0010", 0, 0, message, "start with `lcspec init`"))
        return root

    def node(self, event: yaml.Event, depth: int) -> Node:
        if depth > MAX_DEPTH:
            raise self.fault("LC0006", event, f"nested deeper than {MAX_DEPTH} levels", "flatten the structure")
        if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None):
            raise self.fault("LC0005", event, "anchors and aliases are not read", "write the value out, or `extends:`")
        tag = getattr(event, "tag", None)
        if tag is not None and tag != "!":
            raise self.fault("LC0005", event, f"the tag {tag!r} is not read", "remove the tag; values have plain types")
        if isinstance(event, yaml.ScalarEvent):
            return self.scalar(event)
        if isinstance(event, yaml.MappingStartEvent):
            return self.mapping(event, depth)
        return self.sequence(event, depth)

    def mapping(self, start: yaml.Event, depth: int) -> Mapping:
        entries: dict[str, Entry] = {}
        while not isinstance(event := next(self.events), yaml.MappingEndEvent):
            key = self.node(event, depth + 1)
            if not isinstance(key, Scalar) or not isinstance(key.value, str):
                raise self.fault("LC0011", event, "a key must be a plain text", "quote it")
            if key.value == "<<":
                raise self.fault("LC0005", event, "merge keys are not read", "write the values out, or `extends:`")
            if key.value in entries:
                raise _Fault(self.duplicate(entries[key.value], key))
            entries[key.value] = Entry(key.value, key.span, self.node(next(self.events), depth + 1))
        values = [entry.value.span for entry in entries.values()]
        return Mapping(self.collection(start, event, values), tuple(entries.values()))

    def sequence(self, start: yaml.Event, depth: int) -> Sequence:
        items = []
        while not isinstance(event := next(self.events), yaml.SequenceEndEvent):
            items.append(self.node(event, depth + 1))
        return Sequence(self.collection(start, event, [item.span for item in items]), tuple(items))

    def scalar(self, event: yaml.ScalarEvent) -> Scalar:
        text = event.value
        if len(text) > MAX_SCALAR:
            raise self.fault("LC0007", event, f"a value of {len(text):,} characters", "move long text into a file")
        plain = event.style is None or event.style == ""
        if plain and _INT.match(text) and len(text) > MAX_DIGITS:
            raise self.fault("LC0007", event, f"a number of {len(text):,} digits", "quote it if it is an id")
        return Scalar(self.between(event, event), _resolve(text) if plain else text, text)

    def duplicate(self, first: Entry, again: Scalar) -> Diagnostic:
        labels = (Label(again.span, "again here"), Label(first.key_span, "first here"))
        return Diagnostic("LC0004", f"the key `{first.key}` stands twice", labels, help="keep one of the two")

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
        text = self.source.text
        while last > first and text[last - 1] in " \n\r\t":
            last -= 1
        return Span(self.source.path, first, last)

    def fault(self, code: str, event: yaml.Event, message: str, help: str) -> _Fault:
        span = self.between(event, event)
        return _Fault(_at(self.source, code, span.start, max(span.end, span.start + 1), message, help))


def _resolve(text: str) -> str | int | float | bool | None:
    """The value of a plain scalar after the YAML 1.2 core schema, without hexadecimal, octal, inf and nan."""
    lowered = text if text in _CONSTANTS else text.lower() if text[:1] in "NTFntf" else ""
    if (text == "" or lowered) and lowered in _CONSTANTS:
        return _CONSTANTS[lowered]
    if text[:1] in "0123456789+-.":
        if _INT.match(text):
            return int(text)
        if _FLOAT.match(text):
            return float(text)
    return text
