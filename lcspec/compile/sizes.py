"""Estimates of steps that stand on a model, from the parameters that the lock knows: time, memory, bytes left on disk.

Kinds say what a step takes with a model of `REFERENCE` parameters and which part of that grows with the model; the
graph says which model it is (the candidates of a choice give an interval). Where the parameters are not known, what a
kind said is a constant. Pure.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, NamedTuple

from lcspec.estimate import memory
from lcspec.ir.plan import REFERENCE, Chosen, Estimate, Graph, Output, Ref, Step

FAMILIES = ("model", "tuning", "optimize")  # steps that write weights
WIDEST, NARROWEST = 4.0, 2.0  # bytes per parameter: float32, bfloat16
OTHER = 16 << 20  # tokenizer, configuration, scales
TOKENS = 2048  # of the longest prompt that memory is counted for, where the model reads as many


class Model(NamedTuple):
    """The model of a step: fewest and most parameters it may have, and what is known of the largest."""

    low: int
    high: int
    facts: Mapping[str, Any]


def with_model_sizes(graph: Graph, models: Mapping[str, Mapping[str, Any]]) -> Graph:
    """The graph whose steps have estimates for the model that they stand on."""
    work = _Sizes(graph, models)
    steps = tuple(work.sized(step) for step in graph.steps)
    return graph if steps == graph.steps else replace(graph, steps=steps)


class _Sizes:
    def __init__(self, graph: Graph, models: Mapping[str, Mapping[str, Any]]) -> None:
        self.graph, self.models = graph, models
        self.steps = {step.id: step for step in graph.steps}
        self.choices = {choice.id: choice for choice in graph.choices}
        self.known: dict[str, Model | None] = {}
        self.peaks: dict[tuple[str, int, int, Any], int] = {}

    def sized(self, step: Step) -> Step:
        estimate = step.estimate
        writes = estimate.disk is None and step.kind.partition(".")[0] in FAMILIES
        if not writes and not estimate.needs and estimate.growing == (0.0, 0.0):
            return step
        model = self.model(step.id)
        if model is None:
            made = replace(estimate, basis="constant") if estimate.growing != (0.0, 0.0) else estimate
        else:
            made = replace(
                estimate,
                seconds=_seconds(estimate, model),
                memory=self.peak(estimate, model, step.params),
                disk=_disk(step, model) if writes else estimate.disk,
            )
        return step if made == estimate else replace(step, estimate=made)

    def peak(self, estimate: Estimate, model: Model, params: Mapping[str, Any]) -> int:
        """Bytes at the peak, by the formula that the kind names; computed once for each model."""
        bits = params.get("bits", 8)
        asked = (estimate.needs, model.high, id(model.facts), bits)
        if asked not in self.peaks:
            config = model.facts.get("config") or {}
            if estimate.needs == "answering":
                tokens = min(model.facts.get("context") or TOKENS, TOKENS)
                self.peaks[asked] = memory.inference(config, model.high, tokens=tokens).total
            elif estimate.needs == "quantising":
                self.peaks[asked] = memory.quantising(config, model.high, bits=bits).total
            else:
                return estimate.memory
        return self.peaks[asked]

    def model(self, step_id: str) -> Model | None:
        """The model that a step writes or stands on; a choice may have several candidates."""
        if step_id in self.known:
            return self.known[step_id]
        self.known[step_id] = None
        step = self.steps[step_id]
        found: Model | None = None
        if step.kind.startswith("model.") and len(step.source) > 1:
            facts = self.models.get(str(step.source[1]), {})
            count = facts.get("parameters")
            found = Model(int(count), int(count), facts) if count else None
        else:
            above = step.inputs.get("model") or step.inputs.get("service")
            found = self._of(above) if above is not None else None
        self.known[step_id] = found
        return found

    def _of(self, ref: Ref) -> Model | None:
        if isinstance(ref, Output):
            return self.model(ref.step)
        if not isinstance(ref, Chosen):
            return None
        candidates = self.choices[ref.choice].candidates
        refs = [Chosen(one, ref.slot) if one in self.choices else self._slot(one, ref.slot) for one in candidates]
        found = [model for one in refs if one is not None and one != ref and (model := self._of(one)) is not None]
        if not found:
            return None
        largest = max(found, key=lambda model: model.high)
        return Model(min(model.low for model in found), largest.high, largest.facts)

    def _slot(self, candidate: str, slot: str) -> Ref | None:
        return self.graph.candidates[candidate].slots.get(slot)


def _seconds(estimate: Estimate, model: Model) -> tuple[float, float]:
    """Seconds in proportion to the model, as far as the kind says that they grow."""
    if estimate.growing == (0.0, 0.0):
        return estimate.seconds
    (low, high), (some, most) = estimate.seconds, estimate.growing
    return low + some * (model.low / REFERENCE - 1), high + most * (model.high / REFERENCE - 1)


def _disk(step: Step, model: Model) -> tuple[int, int]:
    bits = step.params.get("bits")
    least, most = (bits / 8, bits / 8 * 1.6) if isinstance(bits, int) else (NARROWEST, WIDEST * 1.05)
    return int(model.low * least), int(model.high * most) + OTHER
