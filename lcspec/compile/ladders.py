"""What the ladder says, asked of the spec alone: its rungs, its models, the metric that ranks, names of candidates."""

from collections.abc import Mapping

from lcspec.ir.spec import Rung, Spec

AXES = ("models", "prompts", "tuning", "augmentation")
SERVING = "serving"


def effective_ladder(spec: Spec) -> tuple[Rung, ...]:
    """The rungs as lowered: without a ladder, prompts first and then every tuning recipe."""
    if spec.ladder:
        return spec.ladder
    tuning = tuple(spec.entries("tuning"))
    return (Rung(prompts=tuple(spec.entries("prompt"))), *((Rung(tuning=tuning),) if tuning else ()))


def generators(spec: Spec) -> tuple[str, ...]:
    """The models that can be candidates (an embedder cannot)."""
    return tuple(name for name, entry in spec.entries("model").items() if entry.body.role == "generator")


def select_by(spec: Spec) -> tuple[str, str]:
    """The metric that ranks candidates: what the spec says, else the first gate's, else the first suite's first."""
    said = spec.select_by or next((g.metric for g in spec.gates.values() if not g.metric.startswith(SERVING)), None)
    if said is None:
        for name, entry in spec.entries("suite").items():
            said = f"{name}.{entry.body.metrics[0]}"
            break
    suite, _, metric = (said or ".").partition(".")
    return suite, metric


def candidate_id(parts: Mapping[str, str], below: str | None) -> str:
    """`smollm2/few-shot/lora/-` without trailing dashes; what is inherited collapses to `rung-1.winner`."""
    if below is None:
        named = [parts[axis] or "-" for axis in AXES]
        while named and named[-1] == "-":
            named.pop()
        return "/".join(named)
    return "/".join([f"{below}.winner", *(parts[axis] for axis in AXES if parts[axis])])
