"""An optimised form must be one that every target loads, on the hardware that there is."""

from lcspec.compile.check import Reporter
from lcspec.compile.known import Known
from lcspec.estimate.formats import TITLES, obstacle
from lcspec.estimate.time import DEVICES
from lcspec.ir.spec import Spec
from lcspec.kinds import registry


def check(spec: Spec, known: Known, report: Reporter) -> None:
    """LC0316 for an optimize entry whose form a target's engine cannot load."""
    device = DEVICES[spec.scope.hardware.device] if spec.scope.hardware else None
    for made in spec.entries("optimize").values():
        form = registry.load("optimize", made.kind).form
        for target in spec.entries("deploy").values():
            engine = registry.load("deploy", target.kind).engine
            why = obstacle(engine, form, device) if engine and form else None
            if form and why:
                message = f"`{made.name}` writes {TITLES.get(form, form)}: {why}"
                help = "choose another form, or another target"
                report.error("LC0316", made.path, message, help, key=True, also=((target.path, "served here"),))
