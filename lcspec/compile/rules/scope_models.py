"""A candidate model must fit the scope: licence always, parameters and context as far as the lock knows them."""

from typing import Any

from lcspec.compile.check import Reporter
from lcspec.compile.known import Known
from lcspec.compile.ladders import generators
from lcspec.ir.spec import Spec
from lcspec.units import format_bytes, format_count

BYTES_PER_PARAMETER = 4  # float32, the form in which the runtime computes


def check(spec: Spec, known: Known, report: Reporter) -> None:
    """LC0301 and LC0303 with the arithmetic."""
    requires = spec.scope.requires
    for name, entry in spec.entries("model").items():
        _license(spec, name, entry.body.license, entry.path, report)
    for name in generators(spec):
        facts, path = known.models.get(name, {}), spec.entries("model")[name].path
        parameters, context = facts.get("parameters"), facts.get("context")
        if parameters and requires.parameters and parameters > requires.parameters.max:
            limit = format_count(requires.parameters.max)
            message = f"`{name}` has {format_count(parameters)} parameters, the scope allows {limit}"
            also = ((("scope", "requires", "parameters"), "limited here"),)
            report.error("LC0301", path, message, "choose a smaller model, or raise the limit", key=True, also=also)
        if context and requires.context and context < requires.context.min:
            message = f"`{name}` reads {context} tokens, the scope needs {requires.context.min}"
            also = ((("scope", "requires", "context"), "needed here"),)
            report.error("LC0301", path, message, "choose a model with a longer context", key=True, also=also)
        if parameters and requires.memory and parameters * BYTES_PER_PARAMETER > requires.memory.max:
            size = parameters * BYTES_PER_PARAMETER
            limit = format_bytes(requires.memory.max)
            message = f"`{name}` needs {format_bytes(size)} for its weights alone; the scope allows {limit}"
            note = f"{format_count(parameters)} parameters × {BYTES_PER_PARAMETER} bytes (float32)"
            report.error("LC0301", path, message, "choose a smaller model, or raise the limit", key=True, notes=(note,))


def _license(spec: Spec, name: str, license: str | None, path: Any, report: Reporter) -> None:
    allowed = spec.scope.requires.licenses
    if license is None and (allowed or spec.scope.commercial):
        message = f"the licence of `{name}` is not stated"
        report.error("LC0303", path, message, "add `license: …` after reading the model's terms", key=True)
    elif license is not None and allowed and license.lower() not in {text.lower() for text in allowed}:
        message = f"`{name}` is under {license}; the scope allows {', '.join(allowed)}"
        report.error("LC0303", (*path, "license"), message, "choose another model, or allow the licence in the scope")
