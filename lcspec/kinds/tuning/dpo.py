"""DPO: learns from pairs of answers which one is better, held to the model that it started from.

Use it after a supervised recipe (`after: …`) when there are pairs: columns `chosen` and `rejected`. Question and
answers are rendered as evaluation and service render them. Rafailov et al. 2023, arXiv:2305.18290; `ipo`
arXiv:2310.12036, `robust` arXiv:2403.00409, `hinge` arXiv:2305.10425, `apo-zero` and `apo-down` arXiv:2408.06266.
"""

from typing import Literal

from lcspec.kinds.api import Bound, Context, Kind, Lowered, StepIO, Subject, option
from lcspec.tuningfields import AlignmentBody
from lcspec.tuningkind import PAIRS, lower_tuning


class DpoBody(AlignmentBody):
    """A DPO recipe."""

    loss: Literal["sigmoid", "hinge", "ipo", "robust", "exo-pair", "nca-pair", "sppo-hard", "apo-zero", "apo-down"] = (
        option(
            "sigmoid",
            doc="The form of the loss; `sigmoid` is the original.",
            effect="`ipo` leaves decided pairs alone, `robust` expects wrong labels, `hinge` stops at a margin.",
            source="arXiv:2310.12036 (IPO), arXiv:2403.00409 (robust), arXiv:2305.10425 (hinge)",
        )
    )
    label_smoothing: float = option(
        0.0,
        doc="Share of pairs that may be the wrong way round.",
        ge=0,
        lt=0.5,
        effect="Larger values trust single pairs less, which helps where people disagreed.",
        source="Mitchell 2023, cDPO",
    )
    sft_weight: float = option(
        0.0,
        doc="Weight of the loss on the better answer itself, added to the pairs'.",
        ge=0,
        effect="Keeps the better answers themselves probable, which pairs alone may lower.",
        source="Pang et al. 2024, arXiv:2404.19733",
    )


def lower(ctx: Context, entry: Bound, subject: Subject) -> Lowered:
    """One training step on the weights and the prompt of the subject."""
    return lower_tuning(ctx, entry, subject, KIND)


def train(io: StepIO) -> None:
    """Trains on the pairs and writes the model folder, and the adapter folder when there are adapters."""
    from datasets import Dataset
    from trl import DPOConfig, DPOTrainer

    from lcspec import examples, training
    from lcspec.adapters import adapter_of

    class Encoded(DPOTrainer):  # type: ignore[misc]
        def _prepare_dataset(self, dataset: Dataset, *rest: object) -> Dataset:
            return dataset  # rendered and tokenised already, by the runtime

    loaded, params = training.load(io), io.params
    trainer = Encoded(
        model=loaded.model,
        ref_model=training.reference(io),
        args=DPOConfig(
            **training.arguments(io),
            beta=params["beta"],
            loss_type=[params["loss"].replace("-", "_"), *(["sft"] if params["sft-weight"] else [])],
            loss_weights=[1.0, params["sft-weight"]] if params["sft-weight"] else None,
            label_smoothing=params["label-smoothing"],
            max_length=None,
        ),
        train_dataset=Dataset.from_list(examples.pairs(io, loaded, examples.load_prompt(io))),
        processing_class=loaded.tokenizer,
        peft_config=adapter_of(io, loaded.model),
    )
    training.fit(io, trainer)
    training.save(io, trainer, loaded.tokenizer)


EXAMPLE = "{kind: dpo, after: lora, data: preferences.train, beta: 0.1}"
KIND = Kind(
    family="tuning",
    name="dpo",
    version=1,
    body=DpoBody,
    lower=lower,
    summary="learns from pairs of answers",
    example=EXAMPLE,
    actions=("train",),
    libraries=("torch", "transformers", "peft", "trl"),
    needs=PAIRS,
)
