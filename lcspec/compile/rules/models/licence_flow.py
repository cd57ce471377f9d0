"""What a model learns from or carries reaches the release, and its licence with it."""

import re

from lcspec.compile.asking import split_of, strings
from lcspec.compile.check import Reporter
from lcspec.compile.known import Known
from lcspec.ir.document import Path
from lcspec.ir.spec import Bound, Spec

FORBIDS = re.compile(r"\bnc\b|non-?commercial|research|academic", re.IGNORECASE)
FLOWING = ("prompt", "tuning", "augment")  # what is learned, shown as shots, or indexed becomes part of the release


def check(spec: Spec, known: Known, report: Reporter) -> None:
    """LC0306 for a commercial scope with a non-commercial model, or data that flows into the release."""
    if not spec.scope.commercial:
        return
    used = {
        split_of(text)[0]: entry
        for family in FLOWING
        for entry in spec.entries(family).values()
        for text in strings(entry.body)
    }
    for family in ("model", "data"):
        for name, entry in spec.entries(family).items():
            license = getattr(entry.body, "license", None)
            if license and FORBIDS.search(license) and (family == "model" or name in used):
                _tell(entry, license, used.get(name), report)


def _tell(entry: Bound, license: str, through: Bound | None, report: Reporter) -> None:
    message = f"`{entry.name}` is under `{license}`, and the scope is commercial"
    also: list[tuple[Path, str]] = [(("scope", "commercial"), "commercial use")]
    also += [(through.path, "flows into the release here")] if through else []
    report.error("LC0306", (*entry.path, "license"), message, "choose another one, or agree terms", also=tuple(also))
