"""Two gates on one metric that no value meets."""

from itertools import combinations

from lcspec.compile.check import Reporter
from lcspec.compile.known import Known
from lcspec.ir.spec import Spec


def check(spec: Spec, known: Known, report: Reporter) -> None:
    """LC0611 for `at-least` above `at-most`; LC0612 for one gate that another makes idle."""
    for (first, a), (second, b) in combinations(spec.gates.items(), 2):
        if a.metric != b.metric:
            continue
        path = ("evaluation", "gates", second)
        also = ((("evaluation", "gates", first), "and here"),)
        low = max((gate.at_least for gate in (a, b) if gate.at_least is not None), default=None)
        high = min((gate.at_most for gate in (a, b) if gate.at_most is not None), default=None)
        if low is not None and high is not None and low > high:
            message = f"`{a.metric}` cannot be at least {low:g} and at most {high:g}"
            report.error("LC0611", path, message, "change one of the thresholds", key=True, also=also)
        elif _same_side(a, b):
            message = f"`{first}` and `{second}` ask the same of `{a.metric}`: the stricter one decides alone"
            report.warning("LC0612", path, message, "keep one of them", key=True, also=also)


def _same_side(a: object, b: object) -> bool:
    sides = ("at_least", "at_most", "not_worse_than")
    return any(getattr(a, side) is not None and getattr(b, side) is not None for side in sides) and (
        getattr(a, "not_worse_than", None) == getattr(b, "not_worse_than", None)
    )
