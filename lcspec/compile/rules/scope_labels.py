"""Labels belong to classification, and classification needs them."""

from lcspec.compile.check import Reporter
from lcspec.compile.known import Known
from lcspec.ir.spec import Spec


def check(spec: Spec, known: Known, report: Reporter) -> None:
    """LC0302 for a classification with fewer than two labels, doubled labels, or labels elsewhere."""
    labels, task = spec.scope.labels, spec.scope.task
    if task == "classification" and len(labels) < 2:
        message = f"a classification needs at least two labels, not {len(labels)}"
        report.error("LC0302", ("scope", "labels") if labels else ("scope", "task"), message, "add `labels: [a, b]`")
    if len(set(labels)) < len(labels):
        double = next(label for label in labels if labels.count(label) > 1)
        report.error("LC0302", ("scope", "labels"), f"`{double}` stands twice", "name each label once")
    if labels and task != "classification":
        message = f"labels do not belong to the task `{task}`"
        report.error("LC0302", ("scope", "labels"), message, "remove them, or `task: classification`", key=True)
    for name, entry in spec.entries("suite").items():
        if getattr(entry.body, "scoring", None) == "likelihood" and not labels:
            path = (*entry.path, "scoring")
            report.error("LC0302", path, f"`{name}` scores labels, the scope has none", "use `scoring: generation`")
