"""Training from scratch: tokens against what is compute-optimal, with operations and hours."""

from lcspec.compile.check import Reporter
from lcspec.compile.known import Known
from lcspec.estimate import time
from lcspec.ir.spec import Spec
from lcspec.units import format_count, format_seconds

FEW = 0.25  # of the optimum


def check(spec: Spec, known: Known, report: Reporter) -> None:
    """LC0320 for far fewer tokens than 20 a parameter; LC0321 for hours beyond the budget."""
    device = time.DEVICES[spec.scope.hardware.device if spec.scope.hardware else "cpu"]
    for entry in spec.entries("model").values():
        size, tokens = getattr(entry.body, "parameters", None), getattr(entry.body, "tokens", None)
        if entry.kind != "from-scratch" or not size or not tokens:
            continue
        flops = time.training_flops(size, tokens)
        seconds = flops / device.flops
        note = f"6 × {format_count(size)} parameters × {format_count(tokens)} tokens = {flops:.2g} operations"
        hours = f"about {format_seconds(seconds)} on `{device.name}` at {device.flops:.2g} operations a second"
        path = (*entry.path, "tokens")
        optimal = time.optimal_tokens(size)
        if tokens < FEW * optimal:
            message = (
                f"{format_count(tokens)} tokens for {format_count(size)} parameters: {tokens / size:.1f} a parameter"
            )
            fitting = format_count(tokens / time.TOKENS_PER_PARAMETER)
            help = f"about {format_count(optimal)} tokens are compute-optimal, or a model of {fitting} parameters"
            report.warning("LC0320", path, message, help, notes=(note, hours))
        budget = spec.scope.budget.time
        if budget is not None and seconds > budget:
            also = ((("scope", "budget", "time"), f"{format_seconds(budget)} are allowed"),)
            message = f"training `{entry.name}` takes about {format_seconds(seconds)}, more than the budget"
            help = f"{format_count(tokens * budget / seconds)} tokens fit into it, or raise `budget.time`"
            report.warning("LC0321", path, message, help, notes=(note, hours), also=also)
