"""A suite that measures on other rows: numbers from before and after are not of the same thing."""

from lcspec.compile.check import Reporter
from lcspec.review.model import Review

ROWS = ("path", "files", "split", "from", "columns", "labels", "data", "limit", "seed", "content")
HELP = "hold the old and the new model against each other on the new rows before you compare their numbers"


def note(made: Review, report: Reporter) -> None:
    """LC1403 for each suite whose rows, or whose selection of them, changed."""
    for name, suite in made.head.spec.entries("suite").items():
        if name not in made.base.spec.entries("suite"):
            continue
        data = getattr(suite.body, "data", None)
        own = [one for one in made.changes if one.path[:3] == ("evaluation", "suites", name) and _rows(one.path[3:])]
        below = [one for one in made.changes if one.path[:2] == ("data", data) and _rows(one.path[2:])]
        moved = [*own, *below]
        if moved:
            listed = ", ".join(f"`{one.name}`" for one in moved[:3])
            message = f"`{name}` measures on other rows: {listed} changed"
            report.warning("LC1403", ("evaluation", "suites", name), message, HELP, key=True)


def _rows(path: tuple[str | int, ...]) -> bool:
    return not path or path[0] in ROWS
