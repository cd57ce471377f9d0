"""An embedder turns text into vectors; it cannot be a candidate that answers."""

from lcspec.compile.check import Reporter
from lcspec.compile.known import Known
from lcspec.ir.spec import Spec


def check(spec: Spec, known: Known, report: Reporter) -> None:
    """LC0209 for a model on a rung whose role is not to answer."""
    for index, rung in enumerate(spec.ladder):
        for place, name in enumerate(rung.models):
            entry = spec.find("model", name)
            role = getattr(entry.body, "role", "generator")
            if role != "generator":
                path = ("ladder", index, "models", place)
                also = ((entry.path, f"`role: {role}`"),)
                help = "name a model that generates, or change its `role`"
                report.error("LC0209", path, f"`{name}` is an {role}, not a model that answers", help, also=also)
