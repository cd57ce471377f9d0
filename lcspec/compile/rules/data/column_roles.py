"""One column cannot be question and answer."""

from lcspec.compile.asking import columns_of
from lcspec.compile.check import Reporter
from lcspec.compile.known import Known
from lcspec.ir.spec import Spec


def check(spec: Spec, known: Known, report: Reporter) -> None:
    """LC0413 for an input column that is the answer too."""
    for entry in spec.entries("data").values():
        columns = columns_of(entry)
        for role in ("target", "accepted"):
            if columns is not None and getattr(columns, role, None) == columns.input:
                path = (*entry.path, "columns", role)
                message = f"`{columns.input}` is the input and the answer"
                also = (((*entry.path, "columns", "input"), "the input"),)
                report.error("LC0413", path, message, "name the column with the right answer", also=also)
