"""Something that comes from a place that the base did not fetch from."""

from lcspec.compile.check import Reporter
from lcspec.review.model import ADDED, Review

HELP = "look at who publishes it and under which terms; the lock holds its digests"


def note(made: Review, report: Reporter) -> None:
    """LC1408 for each source that the lock did not have."""
    known = {name.partition("==")[0] for name in made.base.lock.sources}
    for pin in made.pins:
        if pin.kind == ADDED and pin.path[1] == "sources" and str(pin.path[2]).partition("==")[0] not in known:
            report.warning("LC1408", (), f"new source: `{pin.path[2]}`", HELP)
