"""IA3: three learnt vectors per block that scale keys, values and the inner activations, merged into the weights.

Use it when a `lora` recipe still has too many parameters for few rows: it learns about ten times fewer. Learning rates
are larger than for other methods. Liu et al. 2022, arXiv:2205.05638.
"""

from lcspec.kinds.api import Bound, Context, Kind, Lowered, StepIO, Subject, option
from lcspec.tuningfields import SupervisedBody
from lcspec.tuningkind import ANSWERS, lower_tuning


class Ia3Body(SupervisedBody):
    """An IA3 recipe."""

    learning_rate: float = option(
        5e-3,
        doc="Peak learning rate, reached after the warm-up.",
        gt=0,
        effect="Few numbers learn, from 1: they need far larger steps than weights do.",
        source="Liu et al. 2022, arXiv:2205.05638",
    )
    target_modules: tuple[str, ...] = option(
        (),
        doc="Names of layers that are scaled; by default those of the paper.",
        effect="More layers can say more; each costs one number for each of its outputs.",
        source="Liu et al. 2022, arXiv:2205.05638",
    )
    feedforward_modules: tuple[str, ...] = option(
        (),
        doc="Those of them whose input is scaled, not their output.",
        effect="Scaling the input weighs what goes in, scaling the output what comes out.",
    )


def lower(ctx: Context, entry: Bound, subject: Subject) -> Lowered:
    """One training step on the weights and the prompt of the subject."""
    return lower_tuning(ctx, entry, subject, KIND)


def train(io: StepIO) -> None:
    """Trains the vectors, merges them, and writes the model folder and the adapter folder."""
    from lcspec import examples, training
    from lcspec.adapters import ia3_config

    loaded = training.load(io)
    rows = examples.answers(io, loaded, examples.load_prompt(io))
    trainer = training.supervised(io, loaded, rows, adapter=ia3_config(io, loaded.model))
    training.fit(io, trainer)
    training.save(io, trainer, loaded.tokenizer)


EXAMPLE = "{kind: ia3, data: tickets.train, epochs: 3}"
KIND = Kind(
    family="tuning",
    name="ia3",
    version=1,
    body=Ia3Body,
    lower=lower,
    summary="learnt scales of activations, merged",
    example=EXAMPLE,
    actions=("train",),
    libraries=("torch", "transformers", "peft", "trl"),
    needs=ANSWERS,
)
