"""A label is renamed to one that the scope does not declare: every such row would be refused."""

from lcspec.compile.asking import columns_of
from lcspec.compile.check import Reporter
from lcspec.compile.known import Known
from lcspec.diag.suggest import did_you_mean
from lcspec.ir.spec import Spec


def check(spec: Spec, known: Known, report: Reporter) -> None:
    """LC0424 for each new name under `labels` that is no label of the scope."""
    if not spec.scope.labels:
        return
    for entry in spec.entries("data").values():
        renamed = getattr(entry.body, "labels", None) if columns_of(entry) is not None else None
        for old, new in (renamed or {}).items():
            if new not in spec.scope.labels:
                help = did_you_mean(new, spec.scope.labels, "labels of the scope")
                also = ((("scope", "labels"), "declared here"),)
                message = f"`{old}` is renamed to `{new}`, which is no label"
                report.error("LC0424", (*entry.path, "labels", old), message, help, also=also)
