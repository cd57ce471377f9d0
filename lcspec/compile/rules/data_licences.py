"""Commercial use needs a stated licence of every data entry; what trains must allow it to flow on."""

from lcspec.compile.check import Reporter
from lcspec.compile.known import Known
from lcspec.ir.spec import Spec


def check(spec: Spec, known: Known, report: Reporter) -> None:
    """LC0303 for data of unknown licence under `commercial: true`."""
    if not spec.scope.commercial:
        return
    for name, entry in spec.entries("data").items():
        if entry.body.license is None:
            message = f"the licence of the data `{name}` is not stated, and the scope is commercial"
            also = ((("scope", "commercial"), "required here"),)
            report.error("LC0303", entry.path, message, "add `license: …` after reading its terms", key=True, also=also)
