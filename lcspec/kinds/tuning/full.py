"""Full fine-tuning: every weight learns, or those that `train-only` names.

Use it when there is memory for weights, gradients and two optimiser states (16 bytes a parameter in float32) and when
adapters do not reach the quality that is needed; it forgets more than `lora`. Rows are rendered as for `lora`.
"""

import re
from typing import Any

from lcspec.diag.model import Diagnostic
from lcspec.kinds.api import Bound, Context, Kind, Lowered, StepIO, Subject, option
from lcspec.tuningfields import SupervisedBody
from lcspec.tuningkind import ANSWERS, lower_tuning


class FullBody(SupervisedBody):
    """A recipe for all weights."""

    train_only: tuple[str, ...] = option(
        (),
        doc="Patterns (regular expressions) of the weights that learn, say `layers\\.2[0-9]\\.`; all by default.",
        effect="What is not named keeps its weights and takes no memory for gradients and optimiser states.",
    )
    last_blocks: int | None = option(
        None,
        doc="Only the last blocks of the model learn, this many; with `train-only` also what that names.",
        ge=1,
        effect="Fewer blocks learn in less memory and time, and less is forgotten.",
    )


def lower(ctx: Context, entry: Bound, subject: Subject) -> Lowered:
    """One training step on the weights and the prompt of the subject."""
    return lower_tuning(ctx, entry, subject, KIND)


def check(entry: Bound, spec: Any) -> list[Diagnostic]:
    """LC0552: a pattern that is no regular expression."""
    found = []
    for pattern in entry.body.train_only:
        try:
            re.compile(pattern)
        except re.error as error:
            help = "write a regular expression of Python's `re`"
            found.append(Diagnostic("LC0552", f"`{pattern}` under `train-only`: {error}", help=help))
    return found


def train(io: StepIO) -> None:
    """Trains the weights and writes the model folder."""
    from lcspec import examples, training

    loaded = training.load(io)
    training.learn(io, loaded.model, patterns(io, loaded.model))
    rows = examples.answers(io, loaded, examples.load_prompt(io))
    trainer = training.supervised(io, loaded, rows)
    training.fit(io, trainer)
    training.save(io, trainer, loaded.tokenizer)


def patterns(io: StepIO, model: Any) -> list[str]:
    """The weights that learn, as patterns of their names; the first number in a name is that of its block."""
    named, last = list(io.params["train-only"]), io.params["last-blocks"]
    if not last:
        return named
    blocks = model.config.get_text_config().num_hidden_layers
    if last > blocks:
        io.fail(f"the model has {blocks} blocks, not {last}", help="lower `last-blocks`", code="LC1233")
    numbers = "|".join(str(number) for number in range(blocks - last, blocks))
    return [*named, rf"^[^0-9]*\.(?:{numbers})\."]


EXAMPLE = "{kind: full, data: tickets.train, epochs: 3}"
KIND = Kind(
    family="tuning",
    name="full",
    version=1,
    body=FullBody,
    lower=lower,
    summary="all weights",
    example=EXAMPLE,
    actions=("train",),
    check=check,
    libraries=("torch", "transformers", "trl"),
    needs=ANSWERS,
)
