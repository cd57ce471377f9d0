"""A suite that asks for more rows than there are measures fewer than it says."""

from lcspec.compile.asking import JUDGED, plural
from lcspec.compile.check import Reporter
from lcspec.compile.known import Known
from lcspec.ir.spec import Spec


def check(spec: Spec, known: Known, report: Reporter) -> None:
    """LC0619 for `limit` above the rows of its split."""
    for suite in spec.entries("suite").values():
        splits = known.rows(getattr(suite.body, "data", None) or "")
        for split in JUDGED if splits is not None else ():
            limit = getattr(getattr(suite.body, "limit", None), split, None)
            there = len((splits or {}).get(split, ()))
            if limit and limit > there:
                path = (*suite.path, "limit", split)
                message = f"{limit} rows are asked for, {split} has {plural(there, 'row')}"
                report.warning("LC0619", path, message, "leave `limit` out to read them all, or add rows")
