"""A rung multiplies its axes; what looks like three short lists can be a week of work."""

from math import prod

from lcspec.compile.check import Reporter
from lcspec.compile.known import Known
from lcspec.compile.names import RUNG_AXES
from lcspec.ir.spec import Spec

MANY = 64


def check(spec: Spec, known: Known, report: Reporter) -> None:
    """LC0210 for a rung with more candidates than anyone reads the results of."""
    for index, rung in enumerate(spec.ladder):
        sizes = {axis: len(getattr(rung, axis)) for axis, _ in RUNG_AXES if getattr(rung, axis)}
        count = prod(sizes.values())
        if count > MANY:
            note = " × ".join(f"{size} {axis}" for axis, size in sizes.items()) + f" = {count} candidates"
            message = f"the rung tries {count} candidates, each measured on every suite"
            help = "vary one axis a rung: a rung inherits the winner of the one below"
            report.warning("LC0210", ("ladder", index), message, help, notes=(note,))
