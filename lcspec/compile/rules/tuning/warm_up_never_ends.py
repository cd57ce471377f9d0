"""A recipe whose steps end before its warm-up does never reaches its learning rate."""

from math import ceil

from lcspec.compile.asking import tuned_on
from lcspec.compile.check import Reporter
from lcspec.compile.known import Known
from lcspec.ir.spec import Spec


def check(spec: Spec, known: Known, report: Reporter) -> None:
    """LC0508 with the number of steps, where the number of rows is known."""
    for entry in spec.entries("tuning").values():
        body = entry.body
        data, split = tuned_on(entry) or ("", "")
        there = (known.rows(data) or {}).get(split)
        counts = [n for n in (getattr(body, "rows", None), len(there) if there else None) if n]
        batch, warm = getattr(body, "batch_size", None), getattr(body, "warmup_steps", None)
        if not counts or not batch or not warm or getattr(body, "warmup_share", None) is not None:
            continue
        each, again = getattr(body, "generations", 1), getattr(body, "iterations", 1)
        batch = max(1, batch * getattr(body, "accumulate", 1) // each)  # rows, also where it counts completions
        steps = ceil(min(counts) / batch * getattr(body, "epochs", 1.0)) * again
        steps = min(steps, getattr(body, "max_steps", None) or steps)
        if steps <= warm:
            note = f"{min(counts)} rows × {getattr(body, 'epochs', 1.0):g} epochs / {batch} rows a step = {steps} steps"
            message = f"the warm-up takes {warm} steps, and there are {steps}: the learning rate is never reached"
            key = "warmup-steps" if "warmup_steps" in body.model_fields_set else "kind"
            report.warning(
                "LC0508", (*entry.path, key), message, "lower `warmup-steps`, or train longer", notes=(note,)
            )
