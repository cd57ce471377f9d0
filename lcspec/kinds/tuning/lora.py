"""LoRA: low-rank adapters on the linear layers, trained with TRL and merged into full precision.

Use it when prompting is not enough and there are some hundred rows. Rows are rendered by `runtime/prompt.py`, the same
code that evaluates and serves; the loss is on answers and their ends only. Hu et al. 2021, arXiv:2106.09685.
Variants: `rslora` scales by the root of the rank (arXiv:2312.03732), `dora` learns length and direction of weights
apart (arXiv:2402.09353), `pissa` (arXiv:2404.02948) and `olora` (arXiv:2406.01775) start from the weights themselves.
"""

from typing import Literal

from lcspec.kinds.api import Bound, Context, Kind, Lowered, StepIO, Subject, option
from lcspec.tuningfields import AdapterBody, SupervisedBody
from lcspec.tuningkind import ANSWERS, lower_tuning


class LoraBody(SupervisedBody, AdapterBody):
    """A LoRA recipe."""

    learning_rate: float = option(1e-3, doc="Peak learning rate, reached after the warm-up.", gt=0)
    variant: Literal["plain", "rslora", "dora", "pissa", "olora"] = option(
        "plain",
        doc="The kind of adapter.",
        effect="`rslora` suits large ranks, `dora` small ones in more time; `pissa` and `olora` start from weights.",
        source="arXiv:2312.03732, arXiv:2402.09353, arXiv:2404.02948, arXiv:2406.01775",
    )


def lower(ctx: Context, entry: Bound, subject: Subject) -> Lowered:
    """One training step on the weights and the prompt of the subject."""
    return lower_tuning(ctx, entry, subject, KIND)


def train(io: StepIO) -> None:
    """Trains the adapters, merges them, and writes the model folder and the adapter folder."""
    from lcspec import examples, training
    from lcspec.adapters import lora_config

    loaded = training.load(io)
    rows = examples.answers(io, loaded, examples.load_prompt(io))
    trainer = training.supervised(io, loaded, rows, adapter=lora_config(io, loaded.model))
    training.fit(io, trainer)
    training.save(io, trainer, loaded.tokenizer)


EXAMPLE = "{kind: lora, data: tickets.train, rank: 16, epochs: 2}"
KIND = Kind(
    family="tuning",
    name="lora",
    version=2,
    body=LoraBody,
    lower=lower,
    summary="low-rank adapters, merged",
    example=EXAMPLE,
    actions=("train",),
    libraries=("torch", "transformers", "peft", "trl"),
    needs=ANSWERS,
)
