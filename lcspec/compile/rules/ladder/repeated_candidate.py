"""The same candidate twice shows nothing new, and counts as another look at validation."""

from lcspec.compile.check import Reporter
from lcspec.compile.known import Known
from lcspec.compile.names import RUNG_AXES
from lcspec.ir.spec import Spec


def check(spec: Spec, known: Known, report: Reporter) -> None:
    """LC0207 for a name twice on one axis of a rung, and for two equal rungs."""
    for index, rung in enumerate(spec.ladder):
        for axis, _ in RUNG_AXES:
            names = getattr(rung, axis)
            for place, name in enumerate(names):
                if name in names[:place]:
                    path = ("ladder", index, axis, place)
                    report.warning("LC0207", path, f"`{name}` stands twice on this rung", "name it once")
        same = next((below for below in range(index) if spec.ladder[below] == rung), None)
        if same is not None and index - same > 0 and any(getattr(rung, axis) for axis, _ in RUNG_AXES):
            also = ((("ladder", same), "the same candidates"),)
            message = "the rung tries what a rung below has tried"
            report.warning("LC0207", ("ladder", index), message, "remove it, or vary something", also=also)
