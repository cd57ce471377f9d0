"""ORPO: learns the better answer of a pair and to avoid the worse one, in one go and without a reference model.

Use it in place of a supervised recipe and DPO when there are pairs (columns `chosen`, `rejected`) and memory is short.
Hong et al. 2024, arXiv:2403.07691.
"""

from typing import Any

from lcspec.kinds.api import Bound, Context, Kind, Lowered, StepIO, Subject, option
from lcspec.tuningfields import AlignmentBody
from lcspec.tuningkind import PAIRS, lower_tuning


class OrpoBody(AlignmentBody):
    """An ORPO recipe."""

    learning_rate: float = option(8e-6, doc="Peak learning rate, reached after the warm-up.", gt=0)
    beta: float = option(
        0.1,
        doc="Weight of the odds ratio beside the loss on the better answer.",
        gt=0,
        effect="Larger values push harder away from the worse answer; 0 is plain training on the better one.",
        source="Hong et al. 2024, arXiv:2403.07691",
    )


def lower(ctx: Context, entry: Bound, subject: Subject) -> Lowered:
    """One training step on the weights and the prompt of the subject."""
    return lower_tuning(ctx, entry, subject, KIND)


def train(io: StepIO) -> None:
    """Trains on the pairs and writes the model folder, and the adapter folder when there are adapters."""
    from datasets import Dataset
    from trl.experimental.orpo import ORPOConfig, ORPOTrainer

    from lcspec import examples, training
    from lcspec.adapters import adapter_of

    class Encoded(ORPOTrainer):  # type: ignore[misc]
        def tokenize_row(self, feature: dict[str, Any], model: object = None) -> dict[str, Any]:
            return encoded(feature["ids"])  # rendered and tokenised already, by the runtime

    loaded = training.load(io)
    rows = examples.pairs(io, loaded, examples.load_prompt(io))
    texts = {"prompt": "", "chosen": "", "rejected": ""}  # the trainer looks for them
    trainer = Encoded(
        model=loaded.model,
        args=ORPOConfig(
            **training.arguments(io),
            beta=io.params["beta"],
            max_length=io.params["max-length"],
            remove_unused_columns=False,
        ),
        train_dataset=Dataset.from_list([{**texts, "ids": row} for row in rows]),
        processing_class=loaded.tokenizer,
        peft_config=adapter_of(io, loaded.model),
    )
    training.fit(io, trainer)
    training.save(io, trainer, loaded.tokenizer)


def encoded(row: dict[str, list[int]]) -> dict[str, list[int]]:
    """One pair as the trainer's collator wants it; labels are -100 on the question."""
    question = row["prompt_ids"]
    made = {"prompt_input_ids": question, "prompt_attention_mask": [1] * len(question)}
    for side in ("chosen", "rejected"):
        answer = row[f"{side}_ids"]
        made[f"{side}_input_ids"] = question + answer
        made[f"{side}_attention_mask"] = [1] * len(question + answer)
        made[f"{side}_labels"] = [-100] * len(question) + answer
    return made


EXAMPLE = "{kind: orpo, data: preferences.train}"
KIND = Kind(
    family="tuning",
    name="orpo",
    version=1,
    body=OrpoBody,
    lower=lower,
    summary="learns answers and preferences in one go",
    example=EXAMPLE,
    actions=("train",),
    libraries=("torch", "transformers", "peft", "trl"),
    needs=PAIRS,
)
