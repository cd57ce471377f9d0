"""A source that is pinned to other bytes under the same name."""

from lcspec.compile.check import Reporter
from lcspec.review.model import CHANGED, Review

HELP = "a published version must not change: find out why it did before you take it"


def note(made: Review, report: Reporter) -> None:
    """LC1407 for a file of a source whose digest in the lock moved while the source kept its version."""
    for pin in made.pins:
        if pin.kind != CHANGED or pin.path[1] != "sources":
            continue
        old, new = pin.old["members"], pin.new["members"]
        moved = sorted(name for name in old.keys() & new.keys() if old[name] != new[name])
        if moved:
            message = f"`{moved[0]}` of `{pin.path[2]}` is another file than was locked"
            report.warning("LC1407", (), message, HELP)
