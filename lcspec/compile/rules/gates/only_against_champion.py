"""Gates that only compare with the champion do not judge the first release."""

from lcspec.compile.check import Reporter
from lcspec.compile.known import Known
from lcspec.ir.spec import Spec


def check(spec: Spec, known: Known, report: Reporter) -> None:
    """LC0614 when every gate is against the champion: without one they are not applicable."""
    if spec.gates and all(gate.not_worse_than == "champion" for gate in spec.gates.values()):
        name = next(iter(spec.gates))
        message = "until there is a champion, no gate applies: the first release passes unjudged"
        help = "add a gate with `at-least`"
        report.warning("LC0614", ("evaluation", "gates", name), message, help, key=True)
