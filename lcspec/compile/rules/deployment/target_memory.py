"""A target must have memory for the weights and for the keys and values of all answers that it works on at once."""

from collections.abc import Mapping
from typing import Any

from lcspec.compile.asking import answering_tokens
from lcspec.compile.check import Reporter
from lcspec.compile.known import Known
from lcspec.compile.ladders import generators
from lcspec.compile.rules.models.fits_hardware import parts
from lcspec.estimate import memory
from lcspec.estimate.time import DEVICES
from lcspec.ir.document import Path
from lcspec.ir.spec import Bound, Spec
from lcspec.units import format_bytes


def check(spec: Spec, known: Known, report: Reporter) -> None:
    """LC0804 for a target whose declared concurrency does not fit; LC0301 and LC0311 judge a single answer."""
    limit, where = _limit(spec)
    if limit is None:
        return
    device = "cpu" if spec.scope.hardware is None or spec.scope.hardware.device == "cpu" else "cuda"
    for target in spec.entries("deploy").values():
        for name in generators(spec):
            facts = known.models.get(name, {})
            if facts.get("parameters"):
                _target(
                    target, spec.find("model", name), facts, answering_tokens(spec, facts), limit, device, where, report
                )


def _limit(spec: Spec) -> tuple[float | None, Path]:
    """The smaller of what the hardware has and what the scope allows, and where that is said."""
    found: list[tuple[float, Path]] = []
    hardware, allowed = spec.scope.hardware, spec.scope.requires.memory
    if hardware is not None:
        found.append((hardware.memory or DEVICES[hardware.device].memory, ("scope", "hardware")))
    if allowed is not None:
        found.append((allowed.max, ("scope", "requires", "memory")))
    return min(found, default=(None, ()))


def _target(
    target: Bound,
    model: Bound,
    facts: Mapping[str, Any],
    tokens: int,
    limit: float,
    device: str,
    where: Path,
    report: Reporter,
) -> None:
    config, parameters = facts.get("config") or {}, facts["parameters"]

    def needs(sequences: int) -> memory.Memory:
        return memory.inference(config, parameters, tokens=tokens, sequences=sequences, device=device)

    asked = getattr(target.body, "concurrency", None)
    if asked is None or memory.weight_bytes(parameters) > limit or needs(asked).total <= limit:
        return
    if where == ("scope", "hardware") and needs(1).total > limit:
        return  # LC0311
    fitting = max((n for n in range(1, asked) if needs(n).total <= limit), default=0)
    one = needs(1)
    message = (
        f"`{target.name}` with `{model.name}` needs {format_bytes(needs(asked).total)} for {asked} answers at once; "
        f"there are {format_bytes(limit)}"
    )
    if asked == 1:
        message = (
            f"`{target.name}` with `{model.name}` needs {format_bytes(one.total)}; there are {format_bytes(limit)}"
        )
    help = "choose a smaller model, or more memory: a single answer does not fit either"
    if fitting:
        help = f"`concurrency: {fitting}` needs {format_bytes(needs(fitting).total)}; more requests wait in the queue"
    path = (*target.path, "concurrency") if "concurrency" in target.body.model_fields_set else target.path
    also = ((model.path, "may be served"), (where, format_bytes(limit)))
    note = f"{asked} × {tokens} tokens in float32: {parts(needs(asked))}"
    report.error("LC0804", path, message, help, also=also, notes=(note,))
