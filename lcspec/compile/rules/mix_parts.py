"""A mix is made of entries with rows, and limits only those."""

from lcspec.compile.check import Reporter
from lcspec.compile.known import Known
from lcspec.diag.suggest import did_you_mean
from lcspec.ir.spec import Spec


def check(spec: Spec, known: Known, report: Reporter) -> None:
    """LC0203 for an entry that has no rows of its own, LC0201 for a limit on none of the entries."""
    data = spec.entries("data")
    for entry in data.values():
        parts = getattr(entry.body, "of", ())
        for index, name in enumerate(parts):
            part = data.get(name)
            if part is not None and (hasattr(part.body, "of") or part.kind == "documents"):
                what = "documents" if part.kind == "documents" else "a mix"
                path = (*entry.path, "of", index)
                report.error("LC0203", path, f"`{name}` is {what}; a mix is made of entries with rows", "name others")
        limits = getattr(entry.body, "rows", {}) if parts else {}
        for name in limits:
            if name not in parts:
                path = (*entry.path, "rows", name)
                report.error(
                    "LC0201", path, f"`{name}` is no entry of this mix", did_you_mean(name, parts, "entries"), key=True
                )
