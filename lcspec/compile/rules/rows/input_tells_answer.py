"""An input that contains its own label: the model learns to copy, and fails where the label is missing."""

from lcspec.compile.asking import columns_of
from lcspec.compile.check import Reporter
from lcspec.compile.known import Known
from lcspec.ir.spec import Spec

SHARE, LEAST = 0.95, 20


def check(spec: Spec, known: Known, report: Reporter) -> None:
    """LC0426 for classifications where nearly every input names its label, and only it."""
    for name, entry in spec.entries("data").items():
        splits, columns = known.rows(name), columns_of(entry)
        if not spec.scope.labels or splits is None or columns is None or not getattr(columns, "target", None):
            continue
        rows = [row for listed in splits.values() for row in listed if row.target and row.variables.get(columns.input)]
        told = sum(str(row.target).lower() in row.variables[columns.input].lower() for row in rows)
        others = sum(
            any(
                label.lower() in row.variables[columns.input].lower()
                for label in spec.scope.labels
                if label != row.target
            )
            for row in rows
        )
        if len(rows) >= LEAST and told >= SHARE * len(rows) and others < len(rows) / 2:
            message = f"{told} of {len(rows)} inputs of `{name}` contain their own label"
            help = "take the label out of the text, if the service will not have it there"
            path = (*entry.path, "columns", "input")
            report.warning("LC0426", path, message, help, also=(((*entry.path, "columns", "target"), "the label"),))
