"""A limit of the scope that no gate holds is a wish."""

from lcspec.compile.check import Reporter
from lcspec.compile.known import Known
from lcspec.ir.spec import Spec


def check(spec: Spec, known: Known, report: Reporter) -> None:
    """LC0618 for `requires.latency-p95` without a gate on `serving.latency-p95`."""
    limit = spec.scope.requires.latency_p95
    if limit is None or any(gate.metric == "serving.latency-p95" for gate in spec.gates.values()):
        return
    path = ("scope", "requires", "latency-p95")
    help = f"add a gate: `fast: {{metric: serving.latency-p95, at-most: {limit.max:g}}}`"
    report.warning("LC0618", path, "no gate holds this limit: it is never checked", help, key=True)
