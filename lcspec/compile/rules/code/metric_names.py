"""An entry that is called like a built-in metric is that metric: rules, reports and readers know it by its name."""

from lcspec.compile.check import Reporter
from lcspec.compile.known import Known
from lcspec.ir.spec import Spec
from lcspec.kinds import registry


def check(spec: Spec, known: Known, report: Reporter) -> None:
    """LC0202 for an entry of `evaluation.metrics` under the name of another kind."""
    for name, entry in spec.entries("metric").items():
        if name in registry.names("metric") and entry.kind != name:
            message = f"`{name}` is the name of a built-in metric, and this is another one"
            report.error("LC0202", entry.path, message, f"call it, say, `our-{name}`", key=True)
