"""What is measured at the service needs a service."""

from lcspec.compile.check import Reporter
from lcspec.compile.known import Known
from lcspec.ir.spec import Spec
from lcspec.kinds import registry


def check(spec: Spec, known: Known, report: Reporter) -> None:
    """LC0615 for a gate on `serving.*` in a spec without a target that is asked."""
    if any("contract" in registry.load("deploy", one.kind).actions for one in spec.entries("deploy").values()):
        return
    for name, gate in spec.gates.items():
        if gate.metric.startswith("serving.") and "serving" not in spec.entries("suite"):
            path = ("evaluation", "gates", name, "metric")
            help = "add `deployment: {targets: {api: {kind: openai-server, port: 8000}}}`"
            report.error("LC0615", path, f"nobody measures `{gate.metric}`: nothing is served", help)
