"""What libyaml could not read, told in the words of somebody who writes specs, and how to go on behind it."""

import re
from collections.abc import Iterable
from dataclasses import replace
from typing import NamedTuple

import yaml

from lcspec.compile.prescan import blank, fault
from lcspec.diag.model import Diagnostic, Edit, Fix
from lcspec.ir.source import SourceFile, Span

MAX_DEPTH = 40
Quoted = tuple[int, int]  # where a quoted text over several lines starts and ends


class Told(NamedTuple):
    """A fault, and the text without the lines that have it; `text` is None when nothing more can be read."""

    diagnostic: Diagnostic
    text: str | None


_HINTS = (
    ("block sequence entries are not allowed", "a list item cannot start here", "put `- ` on a line of its own"),
    ("did not find expected '-' indicator", "this is no item of the list above", "start it with `- `, or indent it"),
    ("could not find expected ':'", "this line is neither `key: value` nor a list item", "write `key: value`"),
    ("did not find expected ',' or", "`,` is missing", "part the items with commas"),
    ("did not find expected node content", "a value is missing here", "write one, or remove what asks for it"),
    ("found unexpected document indicator", "the text in quotes is not closed", "close the quote"),
    ("found a tab character", "a tab cannot indent YAML", "use spaces"),
)
_NO_KEY, _NO_LEVEL = "this key does not stand where one can", "this line fits no level of indentation above it"
_MISPLACED = (_NO_KEY, _NO_LEVEL, "this is no item of the list above")
_UNKNOWN = "see the YAML form in `lcspec init --example quickstart`"
_TEMPLATE = re.compile(r"""(?<=[:\-] )(\{\{[^"'\n#]*\}\}[^"'\n#]*?)[ \t]*$""", re.MULTILINE)


def tell(source: SourceFile, text: str, error: yaml.YAMLError, shift: int, quoted: Quoted | None) -> Told:
    """The diagnostic of `error`, which was met in `text` (that of `source`, perhaps with blanks)."""
    offset, opened = _offset(error, "problem_mark", shift), _offset(error, "context_mark", shift)
    at = min(next((place for place in (offset, opened) if place is not None), 0), max(len(text) - 1, 0))
    problem = str(getattr(error, "problem", None) or getattr(error, "reason", None) or "unreadable")
    if "could not find expected ':'" in problem and opened is not None:
        at = opened
    context = str(getattr(error, "context", None) or "")
    if (tabs := _tabs(source, text, at, problem)) is not None:
        return tabs
    if (deep := _too_deep(text)) is not None:
        message = f"nested deeper than {MAX_DEPTH} levels"
        return Told(fault(source.path, "LC0006", deep, deep + 1, message, "flatten the structure"), None)
    if (unclosed := _unclosed(text, at, opened, context, problem, quoted)) is not None:
        mark = text[unclosed : unclosed + 1]
        what = "quote" if mark in "\"'" else "bracket"
        message, help = f"this {what} `{mark}` is not closed", f"close the {what}"
        return Told(fault(source.path, "LC0018", unclosed, unclosed + 1, message, help), _without_lines(text, unclosed))
    if (template := _template(source.path, text, at)) is not None:
        return Told(template, _without_lines(text, at))
    where = opened if opened is not None and "parsing a flow " in context else min(at, max(len(text.rstrip()) - 1, 0))
    told = _plain_words(source.path, text, at, problem)
    misplaced = told.message in _MISPLACED and _indent(text, where) > 0
    return Told(told, _without_lines(text, where, siblings=misplaced))


def _template(file: str, text: str, at: int) -> Diagnostic | None:
    """`{{ name }}` without quotes on the line around `at`."""
    found = _TEMPLATE.search(text, *_line(text, at))
    if found is None:
        return None
    fix = Fix("quote it", (Edit(Span(file, *found.span(1)), f'"{found.group(1)}"'),), safe=True)
    message = "`{{ … }}` without quotes is read as a mapping"
    return fault(file, "LC0001", *found.span(1), message, "quote the text", fix)


def _offset(error: yaml.YAMLError, name: str, shift: int) -> int | None:
    mark = getattr(error, name, None)
    return None if mark is None else int(mark.index) + shift


def _line(text: str, at: int) -> tuple[int, int]:
    """Start and end of the line around `at`."""
    end = text.find("\n", at)
    return text.rfind("\n", 0, at) + 1, len(text) if end < 0 else end


def _plain_words(file: str, text: str, at: int, problem: str) -> Diagnostic:
    start, end = _line(text, at)
    line, char = text[start:end], text[at : at + 1]
    first = at
    if "mapping values are not allowed" in problem:
        before = line[: at - start]
        if re.search(r":\s", before) and not before.lstrip().startswith(("- ", "{")):
            message, help = "a second `: ` on the line", "quote the text that holds `: `"
        else:
            first = start + len(line) - len(line.lstrip())
            message, help = _NO_KEY, "align it with its neighbours, or quote the text"
    elif "cannot start any token" in problem or "did not find expected alphabetic" in problem:
        message, help = f"a plain text cannot start with `{char or '*'}`", "quote it"
        if "alphabetic" in problem:
            message = f"a plain text cannot start with `{text[max(at - 1, 0) : at] or char}`"
            first = max(at - 1, 0)
    elif "unknown escape" in problem:
        message = f"`\\{text[at + 1 : at + 2]}` is no escape in double quotes"
        help = "write `\\\\` for a backslash, or use single quotes"
        edit = Edit(Span(file, at, at), "\\")
        fix = Fix("double the backslash", (edit,), safe=False)
        return fault(file, "LC0001", at, min(at + 2, len(text)), message, help, fix)
    elif "did not find expected key" in problem or "expected <block end>" in problem:
        if line[: at - start].rstrip()[-1:] in ("'", '"', "}", "]"):
            message, help = "text behind the end of a value", "quote the whole, or remove the rest"
        else:
            first = start + len(line) - len(line.lstrip())
            at = max(first, text.find(":", first, end) - 1)
            message, help = _NO_LEVEL, "align it with its neighbours"
    else:
        known = next(((m, h) for words, m, h in _HINTS if words in problem), None)
        message, help = known or (f"not YAML: {problem}", _UNKNOWN)
    first = min(first, max(len(text) - 1, 0))
    return fault(file, "LC0001", first, max(at, first) + 1, message, help)


def _unclosed(text: str, at: int, opened: int | None, context: str, problem: str, quoted: Quoted | None) -> int | None:
    """Where the bracket or quote stands that was never closed, if that is the fault."""
    if "quoted scalar" in context and "end of stream" in problem:
        return _blamed(text, min(opened if opened is not None else at, len(text) - 1), quoted)
    if quoted is not None and "\n" not in text[quoted[1] : at] and at >= quoted[1]:
        return quoted[0]  # it ran on to the next quote, and what stood there made no sense
    if "parsing a flow node" in context:
        opened = None if text[at + 1 :].strip() else _last_open(text)
    if "parsing a flow" in context and opened is not None:
        outdented = "\n" in text[opened:at] and _indent(text, at) <= _indent(text, opened)
        if outdented or not text[at + 1 :].strip() or text[at : at + 1] in "]}":
            return opened
    return None


def _last_open(text: str) -> int | None:
    """The last bracket that nothing closes."""
    depth = 0
    for at in range(len(text) - 1, -1, -1):
        depth += (text[at] in "]}") - (text[at] in "[{")
        if depth < 0:
            return at
    return None


def _indent(text: str, at: int) -> int:
    line = text[slice(*_line(text, at))]
    return len(line) - len(line.lstrip(" "))


def _blamed(text: str, opened: int, quoted: Quoted | None) -> int:
    """Of two quotes over several lines the earlier one is the one that nobody closed."""
    return quoted[0] if quoted is not None and "\n" not in text[quoted[1] : opened] else opened


def _too_deep(text: str) -> int | None:
    """Where brackets nest too deep: the scanner gives up on such lines before the builder sees them."""
    depth = 0
    for match in re.finditer(r"[\[\]{}]", text):
        depth += 1 if match.group() in "[{" else -1
        if depth > MAX_DEPTH:
            return match.start()
    return None


def _without_lines(text: str, at: int, *, siblings: bool = False) -> str:
    """`text` without the line around `at` and the deeper lines below it; without those as deep too, if `siblings`."""
    start, end = _line(text, at)
    indent = _indent(text, at) - siblings
    for match in re.compile(r"\n( *)([^\n]*)").finditer(text, end):
        if match.group(2).strip() and len(match.group(1)) <= indent:
            break
        end = match.end()
    return blank(text, start, end)


# --- tabs ------------------------------------------------------------------------------------------------------------

_INDENT = re.compile(r"^( *\t[ \t]*)(?=[^\s#])", re.MULTILINE)
_BLOCK = re.compile(r"(?:^|[:\-] )[|>][-+0-9]*[ \t]*(?:#.*)?$")


def _tabs(source: SourceFile, text: str, at: int, problem: str) -> Told | None:
    """One fault for all the tabs that indent; what else is wrong is looked for in the text without them."""
    if text[at : at + 1] != "\t" and "tab character" not in problem and "'\\t'" not in problem:
        return None
    tabbed = _tabbed(text)
    if not tabbed:
        return None
    edits = tuple(Edit(Span(source.path, *span), text[span[0] : span[1]].replace("\t", "  ")) for span in tabbed)
    more = len(tabbed) - 1
    message = "a tab cannot indent YAML" + (f"; {more} more line{'s' * (more > 1)} below" if more else "")
    first = tabbed[0][0] + text[tabbed[0][0] : tabbed[0][1]].index("\t")
    fix = Fix("indent with two spaces for each tab", edits, safe=True)
    return Told(fault(source.path, "LC0003", first, tabbed[0][1], message, "use two spaces", fix), None)


def without_tabs(text: str, fix: Fix) -> str:
    """`text` after the fix of its tabs."""
    for edit in reversed(fix.edits):
        text = text[: edit.span.start] + edit.text + text[edit.span.end :]
    return text


def moved_back(found: Iterable[Diagnostic], fix: Fix) -> list[Diagnostic]:
    """Diagnostics of the text without tabs, placed in the text with them."""
    return [
        replace(
            one,
            labels=tuple(label._replace(span=_span_before(label.span, fix)) for label in one.labels),
            fix=one.fix
            and one.fix._replace(edits=tuple(e._replace(span=_span_before(e.span, fix)) for e in one.fix.edits)),
        )
        for one in found
    ]


def _span_before(span: Span, fix: Fix) -> Span:
    return Span(span.file, _before(span.start, fix), _before(span.end, fix))


def _before(offset: int, fix: Fix) -> int:
    """Where the character at `offset` stood before the edits of `fix`."""
    shift = 0
    for edit in fix.edits:
        start = edit.span.start + shift
        if offset < start + len(edit.text):
            return (
                edit.span.start + min(offset - start, edit.span.end - edit.span.start)
                if offset > start
                else offset - shift
            )
        shift += len(edit.text) - (edit.span.end - edit.span.start)
    return offset - shift


def _tabbed(text: str) -> list[tuple[int, int]]:
    """The indentations that hold a tab, those inside of block scalars left out."""
    found, floor, offset = [], -1, 0
    for line in text.splitlines(keepends=True):
        spaces = len(line) - len(line.lstrip(" "))
        if line.strip() and spaces <= floor:
            floor = -1
        if floor < 0:
            if match := _INDENT.match(line):
                found.append((offset, offset + match.end()))
            if _BLOCK.search(line.rstrip("\r\n")):
                floor = spaces
        offset += len(line)
    return found
