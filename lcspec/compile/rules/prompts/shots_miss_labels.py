"""Shots one of each label, but fewer than there are labels: the model leans to those that it saw."""

from lcspec.compile.asking import prompt_fields
from lcspec.compile.check import Reporter
from lcspec.compile.known import Known
from lcspec.ir.spec import Spec


def check(spec: Spec, known: Known, report: Reporter) -> None:
    """LC0438 for `per-label` shots that do not go round."""
    labels = len(spec.scope.labels)
    for name in spec.entries("prompt"):
        fields = prompt_fields(spec, name)
        shots, path = fields.get("shots"), fields.paths.get("shots", ())
        if shots is None or path[:2] != ("prompts", name) or shots.select != "per-label" or not labels:
            continue
        if shots.count % labels:
            message = f"{shots.count} shots cannot show {labels} labels equally often"
            also = ((("scope", "labels"), f"{labels} labels"),)
            help = f"take a multiple of {labels}, or `select: random`"
            report.warning("LC0438", (*path, "count"), message, help, also=also)
