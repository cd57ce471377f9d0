"""QLoRA: low-rank adapters that learn on weights kept in 4 or 8 bits, merged into the full-precision weights.

Use it when a model does not fit into memory for `lora`; training takes longer per step. The adapters learn on rounded
weights and are merged into the exact ones: merged into rounded weights they would be rounded too. Needs the extra
`lcspec[qlora]` (bitsandbytes). Dettmers et al. 2023, arXiv:2305.14314.
"""

from lcspec.kinds.api import Bound, Context, Kind, Lowered, StepIO, Subject, option
from lcspec.tuningfields import AdapterBody, QuantizedBody, SupervisedBody, VariantBody
from lcspec.tuningkind import ANSWERS, lower_tuning


class QloraBody(SupervisedBody, AdapterBody, QuantizedBody, VariantBody):
    """A QLoRA recipe."""

    learning_rate: float = option(1e-3, doc="Peak learning rate, reached after the warm-up.", gt=0)


def lower(ctx: Context, entry: Bound, subject: Subject) -> Lowered:
    """One training step on the weights and the prompt of the subject."""
    return lower_tuning(ctx, entry, subject, KIND)


def train(io: StepIO) -> None:
    """Trains the adapters on quantised weights, merges them into the exact ones, and writes model and adapters."""
    from lcspec import examples, training
    from lcspec.adapters import lora_config
    from lcspec.quantbase import load_quantized_base

    loaded = load_quantized_base(io)
    rows = examples.answers(io, loaded, examples.load_prompt(io))
    trainer = training.supervised(io, loaded, rows, adapter=lora_config(io, loaded.model))
    training.fit(io, trainer)
    training.save(io, trainer, loaded.tokenizer)


EXAMPLE = "{kind: qlora, data: tickets.train, rank: 16, base: nf4}"
KIND = Kind(
    family="tuning",
    name="qlora",
    version=1,
    body=QloraBody,
    lower=lower,
    summary="adapters on quantised weights, merged into exact ones",
    example=EXAMPLE,
    actions=("train",),
    libraries=("torch", "transformers", "peft", "trl", "bitsandbytes"),
    needs=ANSWERS,
)
