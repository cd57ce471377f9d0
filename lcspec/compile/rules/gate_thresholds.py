"""A gate has exactly one threshold, and a margin only where something is compared."""

from lcspec.compile.check import Reporter
from lcspec.compile.known import Known
from lcspec.ir.spec import Spec


def check(spec: Spec, known: Known, report: Reporter) -> None:
    """LC0602 for none, two, or one that cannot be met."""
    for name, gate in spec.gates.items():
        path = ("evaluation", "gates", name)
        given = [key for key in ("at_least", "at_most", "not_worse_than") if getattr(gate, key) is not None]
        if len(given) != 1:
            message = f"the gate `{name}` has {len(given) or 'no'} thresholds"
            report.error("LC0602", path, message, "give one of `at-least`, `at-most`, `not-worse-than`", key=True)
        if gate.margin and gate.not_worse_than is None:
            message = "a margin belongs to `not-worse-than`"
            report.error("LC0602", (*path, "margin"), message, "remove it, or lower the threshold", key=True)
        bounded = gate.metric.rpartition(".")[2] in (
            "accuracy",
            "macro-f1",
            "exact-match",
            "hit-rate",
            "retrieval-recall",
        )
        for key in ("at_least", "at_most"):
            value = getattr(gate, key)
            if bounded and value is not None and not 0 <= value <= 1:
                where = (*path, key.replace("_", "-"))
                report.error("LC0602", where, f"`{gate.metric}` lies between 0 and 1, not {value}", "say 0.9 for 90 %")
