"""Code, or what could be code, that the base did not let run."""

from lcspec.compile.check import Reporter
from lcspec.ir.spec import Bound
from lcspec.kinds import registry
from lcspec.review.model import Review

HELP = "read the file with this digest before you approve: it runs with the rights of a step"


def note(made: Review, report: Reporter) -> None:
    """LC1410 for each entry of `allow` that names an item or a digest which the base did not allow."""
    before = {(entry.kind, _item(entry)): entry.body.sha256 for entry in made.base.spec.entries("allow").values()}
    for name, entry in made.head.spec.entries("allow").items():
        item, old = _item(entry), before.get((entry.kind, _item(entry)))
        if old == entry.body.sha256:
            continue
        what = f"`{item}` may be used as {entry.kind}"
        message = f"{what} now" if old is None else f"{what} with another content: sha256 {old[:12]}… before"
        report.warning("LC1410", ("allow", name), message, HELP, key=True)


def _item(entry: Bound) -> str:
    return str(registry.module("allow", entry.kind).item(entry.body))
