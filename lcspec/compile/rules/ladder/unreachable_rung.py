"""A rung runs only when the one below fails a gate: without gates that can fail, it never does."""

from lcspec.compile.check import Reporter
from lcspec.compile.known import Known
from lcspec.compile.ladders import effective_ladder
from lcspec.ir.spec import Spec


def check(spec: Spec, known: Known, report: Reporter) -> None:
    """LC0208 for a second rung above one that always passes."""
    rungs = effective_ladder(spec)
    if len(rungs) < 2 or not spec.entries("suite"):
        return
    judging = [gate for gate in spec.gates.values() if not gate.metric.startswith("serving.")]
    if not judging:
        path = ("ladder", 1) if spec.ladder else ("tuning",)
        message = "this rung never runs: without a gate on a suite the rung below always passes"
        help = "add a gate: `gates: {good-enough: {metric: suite.metric, at-least: …}}`"
        report.warning("LC0208", path, message, help, key=not spec.ladder)
