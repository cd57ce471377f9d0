"""A candidate must fit the hardware that the scope declares: while it answers, and while it is tuned."""

from collections.abc import Mapping
from typing import Any

from lcspec.compile.asking import answering_tokens
from lcspec.compile.check import Reporter
from lcspec.compile.known import Known
from lcspec.compile.ladders import generators
from lcspec.estimate import memory
from lcspec.estimate.recipe import training_memory
from lcspec.estimate.time import DEVICES
from lcspec.ir.spec import Bound, Spec
from lcspec.units import format_bytes, format_count

SHOWN = ("weights", "adapter", "gradients", "optimizer", "activations", "logits", "cache", "copy", "overhead")


def check(spec: Spec, known: Known, report: Reporter) -> None:
    """LC0311 for weights and cache beyond the memory; LC0312 and LC0313 for a recipe beyond it."""
    hardware = spec.scope.hardware
    if hardware is None:
        return
    limit = hardware.memory or DEVICES[hardware.device].memory
    where = (("scope", "hardware"), f"has {format_bytes(limit)}")
    for name in generators(spec):
        facts, entry = known.models.get(name, {}), spec.find("model", name)
        config, parameters = facts.get("config") or {}, facts.get("parameters")
        if not parameters:
            continue
        device = "cpu" if hardware.device == "cpu" else "cuda"
        tokens = answering_tokens(spec, facts)
        answering = memory.inference(config, parameters, tokens=tokens, device=device)
        if answering.total > limit:
            message = f"`{name}` needs {format_bytes(answering.total)} to answer; there are {format_bytes(limit)}"
            notes = (f"{format_count(parameters)} parameters in float32, {tokens} tokens: {parts(answering)}",)
            smaller = memory.inference(config, parameters, tokens=tokens, bits=16, device=device).total
            help = f"choose a smaller model or more memory; even in 16 bits it would take {format_bytes(smaller)}"
            report.error("LC0311", entry.path, message, help, key=True, also=(where,), notes=notes)
            continue
        for recipe in spec.entries("tuning").values():
            _recipe(recipe, entry, config, parameters, limit, device, report, where)


def _recipe(
    recipe: Bound,
    model: Bound,
    config: Mapping[str, Any],
    parameters: int,
    limit: float,
    device: str,
    report: Reporter,
    where: Any,
) -> None:
    needs = training_memory(recipe.kind, recipe.body, config, parameters, device)
    least = training_memory(recipe.kind, recipe.body, config, parameters, device, batch=1, tokens=1)
    if needs is None or least is None or needs.total <= limit:
        return
    there = format_bytes(limit)
    rows, length = recipe.body.batch_size, recipe.body.max_length
    also = ((model.path, f"{format_count(parameters)} parameters"), where)
    help = _cheapest(recipe, config, parameters, limit, device)
    if least.total > limit:
        message = f"`{recipe.name}` on `{model.name}` takes {format_bytes(least.total)} at least; there are {there}"
        report.error("LC0312", recipe.path, message, help, key=True, also=also, notes=(parts(least),))
    else:
        message = f"`{recipe.name}` on `{model.name}` needs up to {format_bytes(needs.total)}; there are {there}"
        notes = (f"{parts(needs)} (batch {rows} × {length} tokens)",)
        report.warning("LC0313", recipe.path, message, help, key=True, also=also, notes=notes)


def _cheapest(recipe: Bound, config: Mapping[str, Any], parameters: int, limit: float, device: str) -> str:
    """The least change that fits, by arithmetic; a smaller model where none does."""
    changes: list[tuple[str, dict[str, Any]]] = [
        ("`batch-size: 1`", {"batch": 1}),
        ("`batch-size: 1` and `gradient-checkpointing: true`", {"batch": 1, "checkpointing": True}),
    ]
    if recipe.kind == "full":
        changes += [
            ("`kind: lora`", {"method": "lora"}),
            ("`kind: lora`, `batch-size: 1`", {"method": "lora", "batch": 1}),
        ]
    for text, change in changes:
        found = training_memory(recipe.kind, recipe.body, config, parameters, device, **change)
        if found is not None and found.total <= limit:
            return f"{text} needs {format_bytes(found.total)}"
    return "choose a smaller model or more memory: no smaller batch or adapter fits at this `max-length`"


def parts(needs: memory.Memory) -> str:
    """`weights 513 MiB + gradients 513 MiB + …`, without what is nothing."""
    shown = ((name, getattr(needs, name)) for name in SHOWN)
    return " + ".join(f"{name} {format_bytes(value)}" for name, value in shown if value >= 1 << 20)
