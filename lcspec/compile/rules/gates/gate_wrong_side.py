"""A lower bound on what should be low, or the other way round."""

from lcspec.compile.asking import LOWER_IS_BETTER, SHARES
from lcspec.compile.check import Reporter
from lcspec.compile.known import Known
from lcspec.ir.spec import Spec

EITHER = ("refusal-rate",)  # of harmful questions high, of others low


def check(spec: Spec, known: Known, report: Reporter) -> None:
    """LC0616 for a threshold on the wrong side."""
    for name, gate in spec.gates.items():
        metric = gate.metric.partition(".")[2]
        if gate.at_least is not None and gate.at_most is not None:
            continue  # LC0602
        wrong = "at-least" if metric in LOWER_IS_BETTER and gate.at_least is not None else None
        if metric in SHARES and metric not in EITHER and gate.at_most is not None:
            wrong = "at-most"
        if wrong:
            right = "at-most" if wrong == "at-least" else "at-least"
            better = "lower" if wrong == "at-least" else "higher"
            message = f"{better} is better for `{metric}`: this gate lets bad candidates pass"
            report.warning("LC0616", ("evaluation", "gates", name, wrong), message, f"say `{right}`", key=True)
