"""Before a run: whether the sandbox that the settings demand for code of the project's own is to be had."""

from collections.abc import Sequence
from pathlib import Path

from lcspec import modelcode
from lcspec.customcode import NO_SANDBOX, SANDBOX_HELP, no_sandbox
from lcspec.diag.model import Diagnostic, LcspecError
from lcspec.ir.plan import PlannedStep, Step
from lcspec.kinds import registry
from lcspec.lmeval import closing
from lcspec.run.settings import RunSettings

_STANDS = ("reuse", "skip", "left-out")


def demand_sandbox(planned: Sequence[PlannedStep], settings: RunSettings, root: Path) -> None:
    """Refuses a run that would come to steps which need a sandbox that is not there; it is tried, not asked for.

    A kind whose module says `CONFINED = False` runs code of the project's own in none.

    Raises:
        LcspecError: LC1239 (exit 2).
    """
    if settings.code.confine != "sandbox":
        return
    due = [one.step for one in planned if one.action not in _STANDS]
    if brought := [step for step in due if _runs_code(step, f"{modelcode.KIND}:")]:
        raise _refused(modelcode.NO_SANDBOX, modelcode.SANDBOX_HELP, brought)
    own = [step for step in due if _runs_code(step, "python:")]
    beside = [step for step in own if not getattr(registry.module(*step.kind.split(".", 1)), "CONFINED", True)]
    if beside:
        raise _refused(closing.NO_SANDBOX, closing.SANDBOX_HELP, beside)
    if own and (why := no_sandbox(root)) is not None:
        raise _refused(NO_SANDBOX.format(why), SANDBOX_HELP, own)


def _refused(message: str, help: str, steps: Sequence[Step]) -> LcspecError:
    named = f"{', '.join(f'`{step.id}`' for step in steps[:3])}{' and others' if len(steps) > 3 else ''}"
    return LcspecError([Diagnostic("LC1239", f"{message} (for {named})", help=help)], 2)


def _runs_code(step: Step, kind: str) -> bool:
    return any(mark.startswith(kind) for mark in step.params.get("capabilities", {}))
