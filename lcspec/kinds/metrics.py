"""Metrics by the name that a suite calls them: an entry of `evaluation.metrics`, else the kind of that name.

A kind named by itself stands in a key with its version; an entry stands there with all its fields.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from lcspec.ir.scored import Scored
from lcspec.kinds import registry
from lcspec.kinds.api import Bound, Context, Ref, StepIO


def lower_metrics(ctx: Context, names: Sequence[str]) -> tuple[dict[str, Any], dict[str, Ref]]:
    """What a score step's params say of its metrics, and the inputs with the files that these run."""
    params: dict[str, Any] = {}
    inputs: dict[str, Ref] = {}
    allowed: dict[str, list[str]] = {}
    for name in names:
        entry = ctx.entry("metric", name)
        if entry is None:
            params[name] = registry.load("metric", name).version
            continue
        kind, module = registry.load("metric", entry.kind), registry.module("metric", entry.kind)
        params[name] = {"kind": entry.kind, "version": kind.version, **kind.lower(ctx, entry)}
        if hasattr(module, "files"):
            source = Bound("source", "from", "path", None, entry.path)
            inputs[f"code.{name}"] = ctx.fetch(entry, source, module.files(entry.body))
            for file in module.files(entry.body):
                allowed |= ctx.allowed("python", file)
    labels = list(ctx.scope.labels)
    return {"metrics": params, "labels": labels, **({"capabilities": allowed} if allowed else {})}, inputs


def version(name: str) -> int:
    """The version of a kind that is named by itself; 0 for an entry, whose values carry what made them."""
    return registry.load("metric", name).version if name in registry.names("metric") else 0


def measure(io: StepIO, name: str, rows: Sequence[Scored]) -> tuple[dict[str, Any], list[float | None]]:
    """A metric over all rows as it is recorded, and its value for each row."""
    said = io.params["metrics"][name]
    own: Mapping[str, Any] = said if isinstance(said, Mapping) else {"kind": name}
    module, params = registry.module("metric", str(own["kind"])), {**own, "labels": io.params["labels"]}
    if hasattr(module, "judge"):
        made: tuple[dict[str, Any], list[float | None]] = module.judge(io, name, rows, params)
        return made
    whole = getattr(module, "per_rows", None)  # metrics that are no mean over rows give pseudo-values
    each = whole(rows, params) if whole else [module.per_row(row) for row in rows]
    return module.compute(rows, params), list(each)
