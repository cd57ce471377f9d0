"""Clipping bounds how far later passes over completions move; the first pass has moved nothing yet."""

from lcspec.compile.check import Reporter
from lcspec.compile.known import Known
from lcspec.ir.spec import Spec


def check(spec: Spec, known: Known, report: Reporter) -> None:
    """LC0518 for `clip` and `clip-high` with a single pass."""
    for recipe in spec.entries("tuning").values():
        if getattr(recipe.body, "iterations", 2) > 1:
            continue
        for field in ("clip", "clip_high"):
            if field in recipe.body.model_fields_set:
                key = field.replace("_", "-")
                message = f"`{key}` changes nothing with one pass over the completions of a step"
                path = (*recipe.path, key)
                report.warning("LC0518", path, message, "leave it out, or say `iterations: 2`", key=True)
