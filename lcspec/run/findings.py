"""What `verify` finds: values only."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from lcspec.diag.model import Diagnostic

VERIFY_FORMAT = 1
ALTERED, MISSING, EXTRA = "altered", "missing", "extra"


class Finding(NamedTuple):
    """One fault of a store.

    Attributes:
        fault: altered, missing or extra.
        what: blob, record, release, ledger, format, environment or file.
        path: relative to the store.
        message: what is wrong, a sentence without a final stop.
        steps: ids of the steps that must rerun, sorted.
        releases: `name number` of the releases that hold it, sorted.
    """

    fault: str
    what: str
    path: str
    message: str
    steps: tuple[str, ...] = ()
    releases: tuple[str, ...] = ()


@dataclass
class Report:
    """What was checked and found; `notes` are no faults: what a killed process left, and what heals by itself."""

    checked: dict[str, int] = field(default_factory=dict)
    findings: list[Finding] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    repaired: list[str] = field(default_factory=list)

    @property
    def rerun(self) -> list[str]:
        """Ids of the steps that must rerun, sorted."""
        return sorted({step for finding in self.findings for step in finding.steps})

    def to_json(self) -> dict[str, Any]:
        """The report as plain data: schema `schemas/verify/v1.json`."""
        return {
            "format_version": VERIFY_FORMAT,
            "ok": not self.findings,
            "checked": dict(self.checked),
            "findings": [
                one._asdict() | {"steps": list(one.steps), "releases": list(one.releases)} for one in self.findings
            ],
            "notes": list(self.notes),
            "rerun": self.rerun,
            "repaired": list(self.repaired),
        }


def summary(findings: Sequence[Finding], rerun: Sequence[str], remote: str | None = None) -> Diagnostic:
    """The one diagnostic that all findings come to: LC1104, or LC1127 where they are those of a `remote` store."""
    count = f"{len(findings)} fault{'s' if len(findings) > 1 else ''}"
    shown = ", ".join(f"`{step}`" for step in rerun[:8]) + (f" and {len(rerun) - 8} more" if len(rerun) > 8 else "")
    if remote is not None:
        help = f"`lcspec verify --store {remote} --repair` uploads what is here and sets the rest aside"
        help += f"; then `lcspec apply` reruns {shown}" if rerun else ""
        return Diagnostic("LC1127", f"{count} found in the remote store", help=help)
    if rerun:
        help = f"`lcspec verify --repair` sets what is damaged aside; then `lcspec apply` reruns {shown}"
    elif all(one.fault == MISSING and one.releases for one in findings):
        help = "`lcspec apply` makes what the releases lack again, from specs as they were released"
    else:
        help = "`lcspec verify --repair` sets what is damaged aside and restores the rest"
    return Diagnostic("LC1104", f"{count} found in the store", help=help)
