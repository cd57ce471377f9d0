"""A seed that changed and nothing else did where it stands: a second draw of the same lottery."""

from lcspec.compile.check import Reporter
from lcspec.review.model import CHANGED, Review

HELP = "results that hang on a seed do not hold; run several, or keep the first"


def note(made: Review, report: Reporter) -> None:
    """LC1409 for an entry in which only a seed is different."""
    for one in made.changes:
        if one.kind != CHANGED or one.path[-1] != "seed":
            continue
        beside = [other for other in made.changes if other is not one and other.path[:2] == one.path[:2]]
        if not beside:
            report.warning("LC1409", one.path, f"only the seed is new: {one.old} before, {one.new} now", HELP)
