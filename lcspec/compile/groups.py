"""Which part of the lifecycle a step belongs to: inputs, a rung, the finalist, variants, … Pure."""

from collections.abc import Mapping

from lcspec.ir.plan import Graph, Output, Step

INPUTS, VARIANTS, DEPLOYMENT = "inputs", "optimised forms", "deployment"


def groups(graph: Graph) -> Mapping[str, tuple[str, str]]:
    """Step id to its group and, within a rung, the candidate that it is for (else an empty text).

    What measures a candidate goes with it; what only measuring steps use goes with the first of them.
    """
    owner = _measured(graph)
    for step in reversed(graph.steps):  # users come after what they use
        if step.id in owner and not _shared(step):
            for ref in step.inputs.values():
                if isinstance(ref, Output):
                    owner.setdefault(ref.step, owner[step.id])
    rung_of = _rungs(graph)
    return {step.id: _group(step, owner.get(step.id), rung_of) for step in graph.steps}


def order(graph: Graph) -> tuple[str, ...]:
    """The groups in the order of the lifecycle; those that a graph lacks are in it too."""
    rungs = tuple(choice.id for choice in graph.choices if choice.rule == "rung")
    return (INPUTS, *rungs, "finalist", VARIANTS, "release", DEPLOYMENT)


def _measured(graph: Graph) -> dict[str, str]:
    """Step id to the candidate that it scores or compares."""
    owner: dict[str, str] = {}
    for candidate in graph.candidates.values():
        for splits in candidate.scores.values():
            for step in splits.values():
                owner.setdefault(step, candidate.id)
    for place, step in graph.comparisons.items():
        owner.setdefault(step, place.split("|")[1])
    return owner


def _shared(step: Step) -> bool:
    return step.kind.partition(".")[0] in ("source", "data", "model", "prompt", "augment", "environment")


def _rungs(graph: Graph) -> dict[str, str]:
    return {
        candidate: choice.id for choice in graph.choices if choice.rule == "rung" for candidate in choice.candidates
    }


def _group(step: Step, candidate: str | None, rung_of: Mapping[str, str]) -> tuple[str, str]:
    family = step.kind.partition(".")[0]
    if _shared(step):
        return INPUTS, ""
    if family == "deploy":
        return DEPLOYMENT, ""
    if candidate is not None and candidate in rung_of:
        return rung_of[candidate], candidate
    if family == "optimize" or (candidate or "").startswith("finalist/"):
        return VARIANTS, candidate or ""
    if candidate == "release":
        return "release", ""
    if candidate == "base":
        return "finalist", "base"
    return "finalist" if candidate or family != "tuning" else INPUTS, ""
