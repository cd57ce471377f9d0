"""Certainty cannot be shown by counting: no number of rows puts a lower bound at 100 %."""

from lcspec.compile.asking import PROPORTIONS, suite_metric
from lcspec.compile.check import Reporter
from lcspec.compile.known import Known
from lcspec.ir.spec import Spec
from lcspec.stats import rows_needed


def check(spec: Spec, known: Known, report: Reporter) -> None:
    """LC0606 for a proportion that must be 1 (or 0) with confidence."""
    for name, gate in spec.gates.items():
        _, metric = suite_metric(spec, gate)
        for key, limit, near in (("at_least", 1.0, 0.99), ("at_most", 0.0, 0.01)):
            if metric in PROPORTIONS and getattr(gate, key) == limit:
                path = ("evaluation", "gates", name, key.replace("_", "-"))
                message = f"no number of rows shows {limit:.0%} at {gate.confidence:.0%} confidence"
                needed = rows_needed(limit, near, gate.confidence)
                note = f"a perfect score on {needed} rows shows {'at least' if limit else 'at most'} {near:.0%}"
                report.error("LC0606", path, message, f"say {near:.2f}, or what the use really needs", notes=(note,))
