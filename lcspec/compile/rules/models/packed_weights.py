"""Weights that are packed already: what tunes, evaluates and serves them must be able to read them."""

from lcspec.compile.check import Reporter
from lcspec.compile.known import Known
from lcspec.compile.ladders import generators
from lcspec.estimate.formats import TITLES, obstacle
from lcspec.estimate.time import DEVICES
from lcspec.ir.spec import Spec
from lcspec.kinds import registry

OWN = "runtime"  # evaluates every candidate, whatever serves it


def check(spec: Spec, known: Known, report: Reporter) -> None:
    """LC0316 for a model in a form that an engine cannot load, or that the hardware cannot compute."""
    device = DEVICES[spec.scope.hardware.device] if spec.scope.hardware else None
    targets = {registry.load("deploy", one.kind).engine: one for one in spec.entries("deploy").values()}
    for name in generators(spec):
        form, entry = known.models.get(name, {}).get("quantization"), spec.find("model", name)
        for engine in dict.fromkeys((OWN, *targets)):
            why = obstacle(engine, form, device) if engine and form else None
            if form is None or why is None:
                continue
            message = f"the weights of `{name}` are packed ({TITLES.get(form, form)}): {why}"
            also = ((targets[engine].path, "served here"),) if engine in targets else ()
            help = "name the repository that it was packed from, and pack the result with `deployment.optimize`"
            report.error("LC0316", entry.path, message, help, key=True, also=also)
            break
