"""Bytes that model steps leave on disk, from the parameters that the lock knows and the bytes per weight. Pure."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from lcspec.ir.plan import Chosen, Graph, Output, Ref, Step

FAMILIES = ("model", "tuning", "optimize")
WIDEST, NARROWEST = 4.0, 2.0  # bytes per parameter: float32, bfloat16
OTHER = 16 << 20  # tokenizer, configuration, scales


def with_model_sizes(graph: Graph, models: Mapping[str, Mapping[str, Any]]) -> Graph:
    """The graph whose steps that write weights have an estimate of their disk, where the parameters are known."""
    work = _Sizes(graph, models)
    steps = tuple(work.sized(step) for step in graph.steps)
    return graph if steps == graph.steps else replace(graph, steps=steps)


class _Sizes:
    def __init__(self, graph: Graph, models: Mapping[str, Mapping[str, Any]]) -> None:
        self.graph, self.models = graph, models
        self.steps = {step.id: step for step in graph.steps}
        self.choices = {choice.id: choice for choice in graph.choices}
        self.known: dict[str, tuple[int, int] | None] = {}

    def sized(self, step: Step) -> Step:
        if step.estimate.disk is not None or step.kind.partition(".")[0] not in FAMILIES:
            return step
        parameters = self.parameters(step.id)
        if parameters is None:
            return step
        bits = step.params.get("bits")
        least, most = (bits / 8, bits / 8 * 1.6) if isinstance(bits, int) else (NARROWEST, WIDEST * 1.05)
        disk = (int(parameters[0] * least), int(parameters[1] * most) + OTHER)
        return replace(step, estimate=replace(step.estimate, disk=disk))

    def parameters(self, step_id: str) -> tuple[int, int] | None:
        """Fewest and most parameters of what a step writes or stands on; a choice may have several candidates."""
        if step_id in self.known:
            return self.known[step_id]
        self.known[step_id] = None
        step = self.steps[step_id]
        found: tuple[int, int] | None = None
        if step.kind.startswith("model.") and len(step.source) > 1:
            count = self.models.get(str(step.source[1]), {}).get("parameters")
            found = (int(count), int(count)) if count else None
        elif "model" in step.inputs:
            found = self._of(step.inputs["model"])
        self.known[step_id] = found
        return found

    def _of(self, ref: Ref) -> tuple[int, int] | None:
        if isinstance(ref, Output):
            return self.parameters(ref.step)
        if not isinstance(ref, Chosen):
            return None
        candidates = self.choices[ref.choice].candidates
        refs = [Chosen(one, ref.slot) if one in self.choices else self._slot(one, ref.slot) for one in candidates]
        found = [size for one in refs if one is not None and one != ref and (size := self._of(one)) is not None]
        return (min(low for low, _ in found), max(high for _, high in found)) if found else None

    def _slot(self, candidate: str, slot: str) -> Ref | None:
        return self.graph.candidates[candidate].slots.get(slot)
