"""A suite needs rows to select on and rows to judge with."""

from lcspec.compile.check import Reporter
from lcspec.compile.known import Known
from lcspec.ir.spec import Spec


def check(spec: Spec, known: Known, report: Reporter) -> None:
    """LC0405 for data of a suite without validation or test."""
    for entry in spec.entries("suite").values():
        data = spec.entries("data").get(getattr(entry.body, "data", ""))
        if data is None:
            continue
        if data.kind == "documents":
            report.error(
                "LC0405", (*entry.path, "data"), f"`{data.name}` holds documents, not rows", "name a data entry"
            )
            continue
        body = data.body
        if not getattr(body, "remote", False) and not body.files and not body.path:
            report.error("LC0102", data.path, f"`{data.name}` has neither `path` nor `files`", "add one", key=True)
            continue
        named = {**(body.files or {}), **getattr(body, "splits", {})}
        for split in ("validation", "test"):
            if getattr(body.split, split) is None and split not in named:
                help = f"add `split: {{{split}: 10%}}`"
                report.error("LC0405", data.path, f"`{data.name}` has no {split} rows", help, key=True)
