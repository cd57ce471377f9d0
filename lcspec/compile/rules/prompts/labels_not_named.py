"""A model that writes its answer freely cannot know labels that nothing shows it."""

from lcspec.compile.asking import prompt_fields, scoring_of
from lcspec.compile.check import Reporter
from lcspec.compile.known import Known
from lcspec.compile.ladders import effective_ladder
from lcspec.ir.spec import Spec


def check(spec: Spec, known: Known, report: Reporter) -> None:
    """LC0439 for an untuned prompt under `scoring: generation` that names fewer than half of the labels."""
    suites = list(spec.entries("suite").values())
    if not spec.scope.labels or not any(scoring_of(spec, suite) == "generation" for suite in suites):
        return
    first = effective_ladder(spec)[0]
    for name in first.prompts or spec.entries("prompt"):
        fields = prompt_fields(spec, name)
        shown = f"{fields.get('system') or ''} {fields.get('user') or ''}".lower()
        named = sum(label.lower() in shown for label in spec.scope.labels)
        if (
            "user" in fields.paths
            and not first.tuning
            and not fields.get("shots")
            and named * 2 < len(spec.scope.labels)
        ):
            message = f"the prompt names {named} of {len(spec.scope.labels)} labels, and the answer is written freely"
            help = "list the labels in `system`, add `shots`, or score with `likelihood`"
            also = ((("scope", "labels"), "the labels"),)
            report.warning("LC0439", fields.paths["user"], message, help, also=also)
