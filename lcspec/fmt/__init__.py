"""One form for specs: indentation, spacing and quotes are settled, what people ordered and wrote stays theirs.

- Two spaces for each level, list items too; `{a: 1, b: [x, y]}` in flow style; one blank line at most.
- Flow style stays where it fits into 120 columns and holds no comment; block style stays block style.
- Single quotes become double ones where neither needs an escape; plain texts stay plain, quoted ones quoted.
- Comments stay: those on a line of their own move with what follows them, or with the block that they end; those behind
  a value keep their column, so that aligned ones stay aligned.
- Keys are never reordered, nothing is added or taken away: the data before and after is compared before it is returned.
"""

from lcspec.compile.parse import parse
from lcspec.diag.model import LcspecError
from lcspec.fmt.comments import Comment, find_comments
from lcspec.fmt.write import Writer
from lcspec.ir.document import Node, Scalar, to_data
from lcspec.ir.source import SourceFile

__all__ = ["formatted"]


def formatted(path: str, text: str) -> str:
    """`text` in its one form.

    Raises:
        LcspecError: with the faults of a text that cannot be read.
    """
    ends = "\r\n" if "\r\n" in text.partition("\n")[0] + "\n" else "\n"
    plain = text.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n")
    root, comments = _read(SourceFile(path, plain), SourceFile(path, text))
    if isinstance(root, Scalar):
        return text
    made = Writer(plain, comments).document(root)
    again, kept = _read(SourceFile(path, made), SourceFile(path, made))
    if repr(to_data(root)) != repr(to_data(again)) or _words(comments) != _words(kept):
        raise AssertionError(f"formatting `{path}` would change what it says; it was left alone")
    return made.replace("\n", ends)


def _read(source: SourceFile, original: SourceFile) -> tuple[Node, list[Comment]]:
    root, found = parse(source)
    if root is None:
        if source.text != original.text:  # faults are shown in the text as it is
            found = parse(original)[1] or found
        raise LcspecError(found)
    return root, find_comments(source.text, root)


def _words(comments: list[Comment]) -> list[str]:
    return sorted(comment.text for comment in comments)
