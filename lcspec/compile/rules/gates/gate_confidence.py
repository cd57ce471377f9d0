"""A gate with so little confidence decides by luck."""

from lcspec.compile.check import Reporter
from lcspec.compile.known import Known
from lcspec.ir.spec import Spec

LEAST = 0.8


def check(spec: Spec, known: Known, report: Reporter) -> None:
    """LC0613 for a confidence below 80 %."""
    for name, gate in spec.gates.items():
        if gate.confidence < LEAST:
            path = ("evaluation", "gates", name, "confidence")
            wrong = f"{1 - gate.confidence:.0%}"
            message = f"at {gate.confidence:.0%} a model just short of the threshold passes with a chance of {wrong}"
            report.warning("LC0613", path, message, "0.95 is usual; 0.9 where little is at stake")
