"""Very many passes over the same rows: the model learns them by heart."""

from lcspec.compile.check import Reporter
from lcspec.compile.known import Known
from lcspec.ir.spec import Spec

MOST = 20


def check(spec: Spec, known: Known, report: Reporter) -> None:
    """LC0509 for more than twenty epochs."""
    for entry in spec.entries("tuning").values():
        epochs = getattr(entry.body, "epochs", None)
        if epochs and epochs > MOST and not getattr(entry.body, "max_steps", None):
            message = f"{epochs:g} passes over the same rows: they are learned by heart"
            help = "two to five epochs are usual; more rows help more than more passes"
            report.warning("LC0509", (*entry.path, "epochs"), message, help)
