"""Validation picks and test judges: a recipe learns from neither."""

from lcspec.compile.asking import JUDGED, tuned_on
from lcspec.compile.check import Reporter
from lcspec.compile.known import Known
from lcspec.ir.spec import Spec


def check(spec: Spec, known: Known, report: Reporter) -> None:
    """LC0503 for a recipe on a split that a suite measures."""
    for entry in spec.entries("tuning").values():
        data, split = tuned_on(entry) or ("", "")
        for suite in spec.entries("suite").values():
            if split in JUDGED and getattr(suite.body, "data", None) == data:
                message = f"`{entry.name}` learns the rows of {split}, which then {_does(split)}"
                also = (((*suite.path, "data"), "measured here"),)
                report.error("LC0503", (*entry.path, "data"), message, f"say `{data}.train`", also=also)
                break


def _does(split: str) -> str:
    return "judge it" if split == "test" else "pick the winner"
