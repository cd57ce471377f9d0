"""A lifecycle needs a model, a prompt, a suite and something that decides."""

from lcspec.compile.check import Reporter
from lcspec.compile.known import Known
from lcspec.compile.ladders import generators
from lcspec.ir.spec import Spec


def check(spec: Spec, known: Known, report: Reporter) -> None:
    """LC0203 for each section without which nothing can be judged."""
    needs = (
        (bool(generators(spec)), "models", "a model that generates", "add `models: {base: {kind: folder, path: …}}`"),
        (bool(spec.entries("prompt")), "prompts", "a prompt", 'add `prompts: {plain: {user: "{{ text }}"}}`'),
        (
            bool(spec.entries("suite")),
            "evaluation",
            "a suite",
            "add `evaluation: {suites: {main: {data: …, metrics: […]}}}`",
        ),
    )
    for there, section, what, help in needs:
        if not there:
            path = (section,) if spec.entries(section.rstrip("s")) else ("scope",)
            report.error("LC0203", path, f"the spec has no {what}", help, key=True)
    if spec.entries("suite") and not spec.gates:
        message = "no gate decides: the best candidate is released whatever it reaches"
        report.warning(
            "LC0203", ("evaluation",), message, "add `gates: {good-enough: {metric: …, at-least: …}}`", key=True
        )
