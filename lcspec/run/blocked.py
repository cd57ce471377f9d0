"""What could not run because something failed, and because of which step."""

from collections.abc import Collection, Sequence

from lcspec.ir.plan import Output, PlannedStep


def blocked(planned: Sequence[PlannedStep], keys: Collection[str], steps: Collection[str]) -> list[tuple[str, str]]:
    """Step and reason for each step of the last plan that is still to do; `keys` and `steps` are those that failed."""
    failed = {one.step.id: one.step.id for one in planned if one.step.id in steps or one.key in keys}
    causes: dict[str, str] = dict(failed)
    told = []
    for one in planned:
        if one.action in ("reuse", "skip", "left-out") or one.step.id in failed:
            continue
        needed = [ref.step for ref in one.step.inputs.values() if isinstance(ref, Output)]
        cause = next((causes[step] for step in needed if step in causes), None)
        if cause is not None:
            causes[one.step.id] = cause
            told.append((one.step.id, f"it needs `{cause}`, which failed"))
        elif one.action == "run" and one.key:
            told.append((one.step.id, "not started, because another step failed; `--keep-going` runs it"))
        else:
            first = next(iter(failed), "a step")
            told.append((one.step.id, f"it waits for a choice that is open because `{first}` failed"))
    return told
