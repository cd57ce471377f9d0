"""DFT: supervised tuning whose loss on a token is weighted by the probability that the model gives it.

Use it in place of `lora` or `full` when the answers are of several styles or partly wrong: tokens that the model finds
improbable pull less, which keeps rare ones from taking over. Rows are rendered as for `lora`. Wu et al. 2025,
arXiv:2508.05629. Limits: where the model knows nothing yet, next to nothing is learnt.
"""

from lcspec.kinds.api import Bound, Context, Kind, Lowered, StepIO, Subject, option
from lcspec.tuningfields import ChosenAdapterBody, SupervisedBody
from lcspec.tuningkind import ANSWERS, lower_tuning


class DftBody(SupervisedBody, ChosenAdapterBody):
    """A DFT recipe."""

    learning_rate: float = option(1e-4, doc="Peak learning rate, reached after the warm-up.", gt=0)


def lower(ctx: Context, entry: Bound, subject: Subject) -> Lowered:
    """One training step on the weights and the prompt of the subject."""
    return lower_tuning(ctx, entry, subject, KIND)


def train(io: StepIO) -> None:
    """Trains and writes the model folder, and the adapter folder when there are adapters."""
    from datasets import Dataset
    from trl import SFTConfig, SFTTrainer

    from lcspec import examples, training
    from lcspec.adapters import adapter_of

    loaded = training.load(io)
    rows = examples.answers(io, loaded, examples.load_prompt(io))
    trainer = SFTTrainer(
        model=loaded.model,
        args=SFTConfig(
            **training.arguments(io),
            loss_type="dft",
            neftune_noise_alpha=io.params["neftune-alpha"],
            max_length=None,
            completion_only_loss=True,
            dataset_kwargs={"skip_prepare_dataset": True},
        ),
        train_dataset=Dataset.from_list(rows),
        processing_class=loaded.tokenizer,
        peft_config=adapter_of(io, loaded.model),
    )
    training.fit(io, trainer)
    training.save(io, trainer, loaded.tokenizer)


EXAMPLE = "{kind: dft, data: tickets.train, adapter: none}"
KIND = Kind(
    family="tuning",
    name="dft",
    version=1,
    body=DftBody,
    lower=lower,
    summary="supervised, weighted by the model's own probability",
    example=EXAMPLE,
    actions=("train",),
    libraries=("torch", "transformers", "peft", "trl"),
    needs=ANSWERS,
)
