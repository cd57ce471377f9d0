"""OFT: orthogonal adapters that turn the weights' input without stretching it, merged into full precision.

Use it where `lora` makes the model lose too much of what it knew: angles between neurons are kept. Each layer learns
rotations in blocks of `block-size` inputs; larger blocks can say more and cost more. Qiu et al. 2023, arXiv:2306.07280,
in the form of Qiu et al. 2025 (OFTv2), arXiv:2506.19847.
"""

from typing import Any

from lcspec.kinds.api import Bound, Context, Kind, Lowered, StepIO, Subject, option
from lcspec.tuningfields import ModulesBody, SupervisedBody
from lcspec.tuningkind import ANSWERS, lower_tuning


class OftBody(SupervisedBody, ModulesBody):
    """An OFT recipe."""

    learning_rate: float = option(1e-3, doc="Peak learning rate, reached after the warm-up.", gt=0)
    block_size: int = option(
        32,
        doc="Inputs that are turned together; divides the width of the layers.",
        ge=2,
        effect="Larger blocks can turn further and train more numbers, in proportion to the size.",
        source="Qiu et al. 2023, arXiv:2306.07280",
    )
    dropout: float = option(
        0.0,
        doc="Share of blocks that are left unturned in a step.",
        ge=0,
        lt=1,
        effect="Larger values fit few rows less closely.",
    )


def lower(ctx: Context, entry: Bound, subject: Subject) -> Lowered:
    """One training step on the weights and the prompt of the subject."""
    return lower_tuning(ctx, entry, subject, KIND)


def train(io: StepIO) -> None:
    """Trains the rotations, merges them, and writes the model folder and the adapter folder."""
    from lcspec import examples, training

    loaded = training.load(io)
    rows = examples.answers(io, loaded, examples.load_prompt(io))
    trainer = training.supervised(io, loaded, rows, adapter=_config(io, loaded.model))
    training.fit(io, trainer)
    training.save(io, trainer, loaded.tokenizer)


def _config(io: StepIO, model: Any) -> Any:
    from peft import OFTConfig

    from lcspec.adapters import target_modules

    size = io.params["block-size"]
    targets = target_modules(io, model)
    chosen = None if isinstance(targets, str) else set(targets)
    for path, module in model.named_modules():
        width = getattr(module, "in_features", None)
        if width and (chosen is None or path.rpartition(".")[2] in chosen) and width % size and "lm_head" not in path:
            help = f"choose a `block-size` that divides {width}"
            io.fail(f"`{path}` has {width} inputs, which blocks of {size} do not divide", help=help, code="LC0580")
    return OFTConfig(
        oft_block_size=size, module_dropout=io.params["dropout"], target_modules=targets, task_type="CAUSAL_LM"
    )


EXAMPLE = "{kind: oft, data: tickets.train, block-size: 32}"
KIND = Kind(
    family="tuning",
    name="oft",
    version=1,
    body=OftBody,
    lower=lower,
    summary="orthogonal adapters, merged",
    example=EXAMPLE,
    actions=("train",),
    libraries=("torch", "transformers", "peft", "trl"),
    needs=ANSWERS,
)
