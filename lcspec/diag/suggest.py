"""Did you mean: the nearest name in scope."""

from collections.abc import Iterable


def nearest(word: str, names: Iterable[str]) -> str | None:
    """The name that `word` is short or long for, else the closest by optimal string alignment distance, if it is near.

    Near means at most a third of the letters, and one at least.
    """
    names = tuple(names)
    limit = max(1, len(word) // 3)
    lead = [name for name in sorted(names) if min(len(word), len(name)) >= 3 and _leads(word.lower(), name.lower())]
    if lead:
        return lead[0]
    scored = [(_distance(word.lower(), name.lower(), limit), name) for name in sorted(names)]
    best = min(scored, default=(limit + 1, ""))
    return best[1] if best[0] <= limit else None


def clear(word: str, names: Iterable[str]) -> str | None:
    """The one name that `word` can be meant for; None when none is near, or two are as near as each other."""
    known = sorted(set(names))
    same = [name for name in known if same_letters(word, name)]
    if same:
        return same[0] if len(same) == 1 else None
    limit = max(1, len(word) // 3)
    scored = sorted((_distance(word.lower(), name.lower(), limit), name) for name in known)
    near = [name for cost, name in scored if cost <= limit and cost == scored[0][0]]
    if not near:
        near = [name for name in known if min(len(word), len(name)) >= 3 and _leads(word.lower(), name.lower())]
    return near[0] if len(near) == 1 else None


def same_letters(a: str, b: str) -> bool:
    """Whether two names differ in case, `-`, `_` and spaces only."""
    return _letters(a) == _letters(b)


def _letters(word: str) -> str:
    return word.lower().replace("_", "").replace("-", "").replace(" ", "")


def _leads(a: str, b: str) -> bool:
    return a.startswith(b) or b.startswith(a)


def did_you_mean(word: str, names: Iterable[str], what: str) -> str:
    """A help line: the nearest name, or the list of what exists."""
    known = sorted(set(names))
    if close := nearest(word, known):
        return f"did you mean `{close}`?"
    shown = ", ".join(f"`{name}`" for name in known[:12]) + (", …" if len(known) > 12 else "")
    return f"{what}: {shown}" if known else f"there are no {what} here"


def _distance(a: str, b: str, limit: int) -> int:
    """Edits (insert, delete, replace, swap of neighbours) between two words; limit + 1 when it is more."""
    if abs(len(a) - len(b)) > limit:
        return limit + 1
    before: list[int] = []
    row = list(range(len(b) + 1))
    for i, char in enumerate(a, 1):
        older, before, row = before, row, [i]
        for j, other in enumerate(b, 1):
            cost = min(before[j] + 1, row[j - 1] + 1, before[j - 1] + (char != other))
            if i > 1 and j > 1 and char == b[j - 2] and a[i - 2] == other:
                cost = min(cost, older[j - 2] + 1)
            row.append(cost)
    return min(row[-1], limit + 1)
