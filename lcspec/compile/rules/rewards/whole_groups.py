"""A step holds all completions of its questions: its batch is a multiple of the completions of one."""

from math import gcd

from lcspec.compile.check import Reporter
from lcspec.compile.known import Known
from lcspec.ir.spec import Spec

FIELDS = ("generations", "accumulate", "batch-size")


def check(spec: Spec, known: Known, report: Reporter) -> None:
    """LC0517 for a batch that whole groups do not fill; LC0519 where a completion leaves a question no room."""
    for recipe in spec.entries("tuning").values():
        body = recipe.body
        if not hasattr(body, "generations"):
            continue
        together = body.batch_size * body.accumulate
        if together % body.generations:
            message = f"{together} completions a step are no multiple of {body.generations} for each question"
            note = f"batch-size {body.batch_size} × accumulate {body.accumulate} = {together}"
            times = body.generations // gcd(body.batch_size, body.generations)
            help = f"`accumulate: {times}` fills it, or a multiple of that"
            key = next((one for one in FIELDS if one.replace("-", "_") in body.model_fields_set), "kind")
            report.error("LC0517", (*recipe.path, key), message, help, notes=(note,))
        if body.max_tokens >= body.max_length:
            message = f"completions of up to {body.max_tokens} tokens leave a question no room in {body.max_length}"
            key = "max-tokens" if "max_tokens" in body.model_fields_set else "max-length"
            report.error("LC0519", (*recipe.path, key), message, "raise `max-length`, or lower `max-tokens`")
