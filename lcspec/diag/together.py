"""Which repairs can be made at once: the one rule behind `check --fix` and the editor's *fix all*."""

from collections.abc import Callable, Iterable

from lcspec.diag.model import Diagnostic, Edit, Fix


def compatible(
    found: Iterable[Diagnostic], *, unsafe: bool = False, ours: Callable[[str], bool] = lambda file: True
) -> list[Diagnostic]:
    """The diagnostics whose fixes can be applied together, in the order of the text.

    A fix is taken whole or not at all; of two that touch, the earlier one is, the other waits for the next check.

    Args:
        found: what was found.
        unsafe: whether guesses are wanted too.
        ours: whether a file may be edited.
    """
    taken: set[Edit] = set()
    chosen = []
    fixable = [(one.fix.edits[0].span, one) for one in found if one.fix is not None and one.fix.edits]
    for _, one in sorted(fixable, key=lambda pair: pair[0]):
        fix = one.fix
        assert fix is not None  # noqa: S101 - chosen above
        if (fix.safe or unsafe) and all(ours(edit.span.file) for edit in fix.edits) and not _clashes(fix, taken):
            taken.update(fix.edits)
            chosen.append(one)
    return chosen


def _clashes(fix: Fix, taken: set[Edit]) -> bool:
    return any(
        edit.span.file == other.span.file and edit.span.start <= other.span.end and other.span.start <= edit.span.end
        for edit in fix.edits
        for other in taken
    )
