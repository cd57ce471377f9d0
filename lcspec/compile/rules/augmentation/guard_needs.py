"""An output guard must have what it holds the answer against."""

from lcspec.compile.check import Reporter
from lcspec.compile.known import Known
from lcspec.ir.spec import Spec


def check(spec: Spec, known: Known, report: Reporter) -> None:
    """LC0704 for `label-set` without labels and `grounded` without retrieval: both would refuse every answer."""
    retrieves = any(entry.kind == "retrieval" for entry in spec.entries("augment").values())
    for entry in spec.entries("augment").values():
        for index, guard in enumerate(getattr(entry.body, "output", ())):
            kind = getattr(guard, "kind", None)
            path = (*entry.path, "output", index)
            if kind == "label-set" and not spec.scope.labels:
                help = "declare `scope.labels`, or remove the guard"
                report.error("LC0704", path, "`label-set` refuses every answer: the scope has no labels", help)
            elif kind == "grounded" and not retrieves:
                help = "add retrieval under `augmentation`, or remove the guard"
                report.error("LC0704", path, "`grounded` refuses every answer: nothing is retrieved", help)
