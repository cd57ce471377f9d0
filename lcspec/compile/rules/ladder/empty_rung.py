"""A rung that varies nothing is the rung below once more."""

from lcspec.compile.check import Reporter
from lcspec.compile.known import Known
from lcspec.compile.names import RUNG_AXES
from lcspec.ir.spec import Spec


def check(spec: Spec, known: Known, report: Reporter) -> None:
    """LC0205 for a rung above the first that names nothing."""
    for index, rung in enumerate(spec.ladder):
        if index and not any(getattr(rung, axis) for axis, _ in RUNG_AXES):
            message = "the rung names nothing to try: it is the rung below once more"
            also = ((("ladder", index - 1), "inherited from here"),)
            report.error("LC0205", ("ladder", index), message, "name prompts, models, tuning or remove it", also=also)
