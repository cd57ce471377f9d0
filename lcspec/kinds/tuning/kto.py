"""KTO: learns from answers that were judged one by one, good or bad, held to the model that it started from.

Use it with feedback from a service: columns `completion` and `desirable`. Good and bad need not be equally many; weigh
the rarer ones more. Batches have at least two rows: each answer is also held against the question of another row.
Ethayarajh et al. 2024, arXiv:2402.01306.
"""

from typing import Any, Literal

from lcspec.kinds.api import Bound, Context, Kind, Lowered, StepIO, Subject, option
from lcspec.tuningfields import AlignmentBody
from lcspec.tuningkind import lower_tuning


class KtoBody(AlignmentBody):
    """A KTO recipe."""

    batch_size: int = option(8, doc="Rows that are in memory at once.", unit="rows", ge=2)
    loss: Literal["kto", "apo-zero-unpaired"] = option(
        "kto",
        doc="The form of the loss.",
        effect="`apo-zero-unpaired` raises good answers outright; `kto` weighs them against the model before.",
        source="arXiv:2402.01306 (KTO), arXiv:2408.06266 (APO)",
    )
    desirable_weight: float = option(
        1.0,
        doc="Weight of answers that were judged good.",
        ge=0,
        effect="Weigh the rarer side more: weight times rows of both sides should be within 1 to 4/3 of each other.",
        source="Ethayarajh et al. 2024, arXiv:2402.01306",
    )
    undesirable_weight: float = option(
        1.0,
        doc="Weight of answers that were judged bad.",
        ge=0,
        effect="Larger values push bad answers down harder.",
        source="Ethayarajh et al. 2024, arXiv:2402.01306",
    )


def lower(ctx: Context, entry: Bound, subject: Subject) -> Lowered:
    """One training step on the weights and the prompt of the subject."""
    return lower_tuning(ctx, entry, subject, KIND)


def train(io: StepIO) -> None:
    """Trains on the judged answers and writes the model folder, and the adapter folder when there are adapters."""
    from datasets import Dataset
    from trl import KTOConfig, KTOTrainer

    from lcspec import examples, training
    from lcspec.adapters import adapter_of

    class Encoded(KTOTrainer):  # type: ignore[misc]
        def _prepare_dataset(self, dataset: Dataset, *rest: object) -> Dataset:
            return dataset  # rendered and tokenised already, by the runtime

    loaded, params = training.load(io), io.params
    rows = examples.judged(io, loaded, examples.load_prompt(io))
    trainer = Encoded(
        model=loaded.model,
        ref_model=training.reference(io),
        args=KTOConfig(
            **training.arguments(io),
            beta=params["beta"],
            loss_type=params["loss"].replace("-", "_"),
            desirable_weight=params["desirable-weight"],
            undesirable_weight=params["undesirable-weight"],
            train_sampling_strategy="sequential",  # answers are crossed within a batch; rows are shuffled already
            max_length=None,
        ),
        train_dataset=Dataset.from_list(crossed(rows, params["batch-size"])),
        processing_class=loaded.tokenizer,
        peft_config=adapter_of(io, loaded.model),
    )
    training.fit(io, trainer)
    training.save(io, trainer, loaded.tokenizer)


def crossed(rows: list[dict[str, Any]], batch: int) -> list[dict[str, Any]]:
    """The rows, each with the answer of the row before it in its batch: what the loss estimates its baseline from."""
    groups = [rows[start : start + batch] for start in range(0, len(rows), batch)]
    return [
        {**row, "KL_completion_ids": group[place - 1]["completion_ids"]}
        for group in groups
        for place, row in enumerate(group)
    ]


EXAMPLE = "{kind: kto, data: feedback.train}"
KIND = Kind(
    family="tuning",
    name="kto",
    version=1,
    body=KtoBody,
    lower=lower,
    summary="learns from answers judged one by one",
    example=EXAMPLE,
    actions=("train",),
    libraries=("torch", "transformers", "peft", "trl"),
    needs=(("completion",), ("desirable",)),
)
