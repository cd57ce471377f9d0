"""Nodes and comments to text."""

import re
from bisect import bisect_left

from lcspec.diag.snippet import width
from lcspec.fmt.comments import Comment, Lines, is_block
from lcspec.fmt.scalars import block, kept_lines, on_one_line
from lcspec.ir.document import Entry, Mapping, Node, Scalar, Sequence

COLUMNS = 120
STEP = 2
_BETWEEN = re.compile(r"[\s,:\]}]*")  # between the end of a value and the comment that belongs to it
_EMPTY_KEY = re.compile(r"\s*")


class Writer:
    """Writes one document; comments are handed out as their places are passed."""

    def __init__(self, text: str, comments: list[Comment]) -> None:
        self.text, self.lines = text, Lines(text)
        self.comments, self.offsets = comments, [comment.offset for comment in comments]
        self.done = 0  # comments before this one are used
        self.out: list[str] = []
        self.kept = False  # whether the last line belongs to a block scalar that keeps blank lines

    def document(self, root: Node) -> str:
        """The whole text."""
        if self.is_inline(root, 0, 0):
            self.before(root.span.start, 0, first=True)
            self.line(self.flow(root), self.behind(root.span.end))
        else:
            self.collection(root, 0, "", len(self.text), -1)
        self.before(len(self.text) + 1, 0, first=False)
        return "\n".join(self.out) + "\n"

    # --- collections -----------------------------------------------------------------------------------------------

    def collection(self, node: Node, indent: int, lead: str, limit: int, column: int) -> None:
        """A mapping or list in block style; its first line starts with `lead`, which ends at `indent`.

        `limit` and `column` are where in the source the next thing behind it stands: comments before that which are
        deeper belong in here.
        """
        parts: tuple[Entry, ...] | tuple[Node, ...] = node.entries if isinstance(node, Mapping) else _items(node)
        own_column = self.lines.column(node.span.start)
        for index, part in enumerate(parts):
            last = index == len(parts) - 1
            start = self.first(part)
            if index or not lead:
                self.before(start, indent, first=index == 0)
            margin = " " * indent if index else " " * (indent - len(lead)) + lead
            behind = limit if last else self.first(parts[index + 1])
            beside = column if last else own_column
            if isinstance(part, Entry):
                self.value(f"{margin}{self.key(part)}:", indent, part.value, part.key_span.end, behind, beside)
            else:
                self.item(part, indent, margin, behind, beside)
        if self.is_flow(node):
            for comment in self.waiting(node.span.end):
                self.comment(comment, indent, first=False)
        else:
            self.after(own_column, column, limit, indent)

    def item(self, node: Node, indent: int, margin: str, limit: int, column: int) -> None:
        """One item of a list: a collection starts on the line of its dash."""
        if isinstance(node, Scalar) or self.is_inline(node, indent, STEP):
            self.value(f"{margin}-", indent, node, self.first(node), limit, column)
        else:
            lead = margin.lstrip(" ") + "- "
            self.collection(node, indent + STEP, lead, limit, column)

    def value(self, head: str, indent: int, node: Node, after: int, limit: int, column: int) -> None:
        """What stands behind `key:` or `-`: on the same line if it can."""
        if isinstance(node, Scalar):
            self.scalar(head, indent, node, after)
        elif self.is_inline(node, indent, width(head) - indent + 1):
            self.hoisted(after, node.span.start, indent)
            self.line(f"{head} {self.flow(node)}", self.behind(node.span.end))
        else:
            comment = self.behind(after) or (self.behind(node.span.end) if self.is_flow(node) else None)
            self.line(head, comment, keep_column=not self.is_flow(node))
            self.collection(node, indent + STEP, "", limit, column)

    def is_flow(self, node: Node) -> bool:
        """Whether a collection is written in flow style; a pair in a flow list (`[a: 1]`) has no braces of its own."""
        return self.text[node.span.start : node.span.start + 1] in ("{", "[") or node.span.end <= node.span.start

    def is_inline(self, node: Node, indent: int, used: int) -> bool:
        """Whether a collection goes on one line."""
        if isinstance(node, Scalar):
            return True
        if not (node.entries if isinstance(node, Mapping) else node.items):
            return not self.inside(node)
        if not self.is_flow(node) or self.inside(node):
            return False
        return indent + used + width(self.flow(node)) <= COLUMNS

    def inside(self, node: Node) -> bool:
        """Whether a comment stands inside of a node."""
        at = bisect_left(self.offsets, node.span.start)
        return at < len(self.offsets) and self.offsets[at] < node.span.end

    def first(self, part: Entry | Node) -> int:
        """Where the first word of an entry, item or collection stands."""
        if isinstance(part, Entry):
            return part.key_span.start
        if isinstance(part, Mapping) and part.entries:
            return part.entries[0].key_span.start
        if isinstance(part, Sequence) and part.items:
            return self.first(part.items[0])
        return part.span.start

    # --- one line --------------------------------------------------------------------------------------------------

    def key(self, entry: Entry) -> str:
        """A key as it is written."""
        return on_one_line(entry.key_span, entry.key, self.text)

    def flow(self, node: Node) -> str:
        """A node on one line."""
        if isinstance(node, Mapping):
            pairs = (f"{self.key(entry)}: {self.flow(entry.value)}" for entry in node.entries)
            return "{" + ", ".join(pairs) + "}"
        if isinstance(node, Sequence):
            return "[" + ", ".join(map(self.flow, node.items)) + "]"
        if node.span.end <= node.span.start:
            return "null"
        return on_one_line(node.span, node.text, self.text)

    def scalar(self, head: str, indent: int, node: Scalar, after: int) -> None:
        """`head` with a scalar behind it."""
        self.hoisted(after, node.span.start, indent)
        if node.span.end <= node.span.start:
            self.line(head, self.behind(after))
        elif is_block(node, self.text):
            mark, body, keep = block(node, self.text)
            self.line(f"{head} {mark}", self.behind(node.span.start + 1, head=True))
            self.out += [" " * (indent + STEP) + line if line else "" for line in body]
            self.kept = keep
        else:
            words = on_one_line(node.span, node.text, self.text)
            if "\n" not in self.text[node.span.start : node.span.end] or width(f"{head} {words}") <= COLUMNS:
                self.line(f"{head} {words}", self.behind(node.span.end))
                return
            first, *rest = kept_lines(node.span, self.text)
            self.line(f"{head} {first}", None)
            self.out += [" " * (indent + STEP) + line if line else "" for line in rest[:-1]]
            self.line(" " * (indent + STEP) + rest[-1], self.behind(node.span.end))

    def line(self, code: str, comment: Comment | None, *, keep_column: bool = True) -> None:
        """A line with the comment behind it, at its old column if the code leaves room."""
        if comment is not None:
            gap = max(2, comment.column - len(code)) if keep_column and not comment.own_line else 2
            code = code + " " * gap + comment.text
        self.out.append(code)
        self.kept = False

    # --- comments --------------------------------------------------------------------------------------------------

    def behind(self, end: int, *, head: bool = False) -> Comment | None:
        """The comment that follows `end` on its line, if nothing else stands between."""
        at = bisect_left(self.offsets, end)
        if at == len(self.offsets):
            return None
        comment = self.comments[at]
        between = self.text[end : comment.offset]
        if comment.used or comment.own_line or "\n" in between or not (head or _BETWEEN.fullmatch(between)):
            return None
        comment.used = True
        return comment

    def before(self, offset: int, indent: int, *, first: bool) -> None:
        """The comments before `offset` that nobody took, and the blank line before what stands there."""
        for comment in self.waiting(offset):
            self.comment(comment, indent, first=first)
            first = False
        if offset <= len(self.text) and not first and offset < len(self.text) and self.lines.blank_before(offset):
            self.blank()

    def hoisted(self, start: int, end: int, indent: int) -> None:
        """Comments between a key and a value that comes to stand beside it, on lines above both."""
        for comment in self.waiting(end):
            if comment.own_line or comment.offset < start:
                self.comment(comment, indent, first=True)
            else:
                comment.used = True
                self.out.append(" " * indent + comment.text)

    def after(self, own: int, column: int, limit: int, indent: int) -> None:
        """The comments behind the last part of a block that are as deep as the block."""
        for comment in self.waiting(limit, use=False):
            if comment.column < own or comment.column <= column:
                return
            comment.used = True
            self.comment(comment, indent, first=False)

    def comment(self, comment: Comment, indent: int, *, first: bool) -> None:
        """A comment on a line of its own."""
        comment.used = True
        if comment.blank_before and comment.own_line and not first:
            self.blank()
        self.out.append(" " * indent + comment.text)
        self.kept = False

    def waiting(self, offset: int, *, use: bool = True) -> list[Comment]:
        """The comments before `offset` that are not used yet."""
        while self.done < len(self.comments) and self.comments[self.done].used:
            self.done += 1
        found = []
        for at in range(self.done, len(self.comments)):
            if self.offsets[at] >= offset:
                break
            if not self.comments[at].used:
                found.append(self.comments[at])
        return found

    def blank(self) -> None:
        """One blank line, but none at the start, after another, or where it would become part of a text."""
        if self.out and self.out[-1] and not self.kept:
            self.out.append("")


def _items(node: Node) -> tuple[Node, ...]:
    return node.items if isinstance(node, Sequence) else ()
