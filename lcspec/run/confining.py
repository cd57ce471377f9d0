"""Before a run: whether the sandbox that the settings demand for code of the project's own is to be had."""

from collections.abc import Sequence
from pathlib import Path

from lcspec.customcode import NO_SANDBOX, SANDBOX_HELP, no_sandbox
from lcspec.diag.model import Diagnostic, LcspecError
from lcspec.ir.plan import PlannedStep
from lcspec.run.settings import RunSettings

_STANDS = ("reuse", "skip", "left-out")


def demand_sandbox(planned: Sequence[PlannedStep], settings: RunSettings, root: Path) -> None:
    """Refuses a run that would come to steps which need a sandbox that is not there; it is tried, not asked for.

    Raises:
        LcspecError: LC1239 (exit 2).
    """
    if settings.code.confine != "sandbox":
        return
    own = [one.step.id for one in planned if one.action not in _STANDS and _runs_code(one)]
    if own and (why := no_sandbox(root)) is not None:
        steps = f"{', '.join(f'`{step}`' for step in own[:3])}{' and others' if len(own) > 3 else ''}"
        raise LcspecError([Diagnostic("LC1239", f"{NO_SANDBOX.format(why)} (for {steps})", help=SANDBOX_HELP)], 2)


def _runs_code(planned: PlannedStep) -> bool:
    return any(mark.startswith("python:") for mark in planned.step.params.get("capabilities", {}))
