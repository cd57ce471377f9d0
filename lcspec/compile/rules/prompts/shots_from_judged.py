"""A shot shows the answer to a row; a row that judges must not be shown."""

from lcspec.compile.asking import JUDGED, prompt_fields, split_of
from lcspec.compile.check import Reporter
from lcspec.compile.known import Known
from lcspec.ir.spec import Spec


def check(spec: Spec, known: Known, report: Reporter) -> None:
    """LC0428 for shots from validation or test of a data entry that a suite reads."""
    for name in spec.entries("prompt"):
        fields = prompt_fields(spec, name)
        shots, path = fields.get("shots"), fields.paths.get("shots", ())
        if shots is None or path[:2] != ("prompts", name):
            continue
        data, split = split_of(shots.from_)
        for suite in spec.entries("suite").values():
            if split in JUDGED and getattr(suite.body, "data", None) == data:
                message = f"rows of {split} are shown with their answers, and then judge"
                also = (((*suite.path, "data"), "judged here"),)
                report.error("LC0428", (*path, "from"), message, f"take shots from `{data}.train`", also=also)
                break
