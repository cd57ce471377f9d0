"""Continued pre-training: the model reads documents of the domain before it is taught a task.

Use it, then a supervised recipe with `after:`, when the language of the documents is unlike what the model was trained
on. Documents stand end to end, each closed by the end-of-sequence token, in blocks of `max-length`; the loss is on
every token. Takes a `documents` entry, or rows without answers, whose `input` column is the text and of which it reads
train; all weights learn unless `adapter` says otherwise.
"""

from typing import Literal

from lcspec.kinds.api import Bound, Context, Kind, Lowered, StepIO, Subject, option
from lcspec.tuningfields import ChosenAdapterBody, TrainingBody
from lcspec.tuningkind import DOCUMENTS, lower_tuning


class PretrainBody(TrainingBody, ChosenAdapterBody):
    """A recipe that reads documents."""

    data: str = option(
        doc="The entry of documents, or of rows of text, to read.",
        refers="data",
        effect="The model takes on the language and the facts of these texts, and loses some of what they lack.",
    )
    rows: int | None = option(
        None,
        doc="Documents to use; all when left out.",
        ge=1,
        effect="Fewer documents train in proportionally less time and teach less.",
    )
    max_length: int = option(
        512,
        doc="Tokens of a block.",
        unit="tokens",
        ge=16,
        effect="Longer blocks teach longer dependencies; memory for activations grows in proportion.",
    )
    adapter: Literal["lora", "qlora", "none"] = option(
        "none",
        doc="What learns: adapters, adapters on quantised weights (`qlora`), or all weights (`none`).",
        effect="Adapters forget less and learn less from many texts than all weights do.",
        source="Biderman et al. 2024, arXiv:2405.09673",
    )


def lower(ctx: Context, entry: Bound, subject: Subject) -> Lowered:
    """One training step on the weights of the subject."""
    return lower_tuning(ctx, entry, subject, KIND)


def train(io: StepIO) -> None:
    """Reads the documents and writes the model folder, and the adapter folder when there are adapters."""
    from lcspec import examples, training
    from lcspec.adapters import adapter_of

    loaded = training.load(io)
    rows = examples.blocks(io, loaded.tokenizer, loaded.context)
    trainer = training.supervised(io, loaded, rows, adapter=adapter_of(io, loaded.model))
    training.fit(io, trainer)
    training.save(io, trainer, loaded.tokenizer)


EXAMPLE = "{kind: pretrain, data: handbook, epochs: 2}"
KIND = Kind(
    family="tuning",
    name="pretrain",
    version=1,
    body=PretrainBody,
    lower=lower,
    summary="reads documents before it learns a task",
    example=EXAMPLE,
    actions=("train",),
    libraries=("torch", "transformers", "peft", "trl"),
    needs=DOCUMENTS,
)
