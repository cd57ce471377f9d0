"""A suite needs rows to select on and rows to judge with."""

from typing import Any

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
        parts = [spec.entries("data")[name].body for name in getattr(body, "of", ()) if name in spec.entries("data")]
        for split in ("validation", "test"):
            if not any(_has(part, split) for part in parts or [body]):
                help = f"add `split: {{{split}: 10%}}`" if not parts else f"give one of its entries {split} rows"
                report.error("LC0405", data.path, f"`{data.name}` has no {split} rows", help, key=True)


def _has(body: Any, split: str) -> bool:
    named = {**(getattr(body, "files", None) or {}), **getattr(body, "splits", {})}
    return split in named or getattr(getattr(body, "split", None), split, None) is not None
