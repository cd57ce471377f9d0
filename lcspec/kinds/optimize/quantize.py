"""Weight-only quantisation: weights in 8 or 4 bits with one float16 scale per group, computed in float32 when served.

What it changes is the size on disk and in transfer. Every variant is measured and gated again: quality is never
assumed. Tune first, merge into full precision, then quantise.
"""

from typing import Literal

from lcspec.kinds.api import (
    Body,
    Bound,
    Context,
    Estimate,
    Kind,
    Lowered,
    Output,
    Resources,
    Step,
    StepIO,
    Subject,
    option,
)
from lcspec.modelcode import code_of
from lcspec.units import Share


class QuantizeBody(Body):
    """A quantised form of the finalist."""

    bits: Literal[8, 4] = option(
        8,
        doc="Bits per weight.",
        effect="8 bits lose next to nothing at a quarter of the size; 4 halve it again and cost small models more.",
        source="Dettmers and Zettlemoyer 2022, arXiv:2212.09720",
    )
    group: int = option(
        32,
        doc="Weights that share one scale.",
        ge=8,
        le=1024,
        effect="Smaller groups follow the weights more closely; each takes 16 bits for its scale.",
    )
    max_drop: Share = option(
        0.02,
        doc="How much worse the ranking metric may be, paired, at 95 %.",
        key=False,
        effect="Smaller values keep fewer forms: what may be worse than this is not released.",
    )


def lower(ctx: Context, entry: Bound, subject: Subject) -> Lowered:
    """One step that writes the quantised folder."""
    step = Step(
        id=f"optimize:{subject.id}",
        kind=entry.kind_id,
        action="quantize",
        version=KIND.version,
        params={"bits": entry.body.bits, "group": entry.body.group},
        inputs={"model": subject.slots["model"]},
        libraries=KIND.libraries,
        resources=Resources(cpus=2, memory=2 << 30),
        estimate=Estimate((2.0, 20.0), 2 << 30, "formula", growing=(1.0, 15.0), needs="quantising"),
        source=entry.path,
    )
    return Lowered((step,), {"model": Output(step.id, "model")})


def quantize(io: StepIO) -> None:
    """Writes the quantised folder and records its size."""
    from lcspec.runtime.weights import quantize_folder

    target = io.output("model")
    bits, group = io.params["bits"], io.params["group"]
    stats = quantize_folder(io.input("model"), target, bits=bits, group=group, code=code_of(io))
    for name, value in stats.items():
        if name != "bytes":
            io.metric(name, value)
    io.metric("bytes", sum(path.stat().st_size for path in target.rglob("*") if path.is_file()))


EXAMPLE = "{kind: quantize, bits: 8}"
KIND = Kind(
    family="optimize",
    name="quantize",
    version=1,
    body=QuantizeBody,
    lower=lower,
    summary="8 or 4 bits per weight",
    example=EXAMPLE,
    actions=("quantize",),
    libraries=("torch", "transformers"),
    form="lcq",
)
