"""GRPO: learns from rewards, by holding several completions of one question against each other.

Use it where an answer can be judged but not written down: the model samples `generations` completions for each
question, `rewards` say what each is worth, and those that are worth more than their siblings become more likely. Rows
need a question only; a reward may need more (`exact-match` a right answer). A function of your own gets the row that a
metric of your own gets (`explain metric.python`), with the completion as its `answer`. Start from a model that
sometimes succeeds (`after:` a supervised recipe): where all completions are worth the same, nothing is learnt, and
training ends with LC1238. Shao et al. 2024, arXiv:2402.03300; `dapo` arXiv:2503.14476, `dr-grpo` arXiv:2503.20783.
"""

from typing import Literal

from lcspec.kinds.api import Bound, Context, Kind, Lowered, StepIO, Subject, option
from lcspec.kinds.rewards import lower_rewards
from lcspec.rolloutfields import RolloutBody
from lcspec.tuningkind import QUESTIONS, lower_tuning


class GrpoBody(RolloutBody):
    """A GRPO recipe."""

    loss: Literal["dapo", "grpo", "bnpo", "dr-grpo"] = option(
        "dapo",
        doc="How the tokens of completions are averaged.",
        effect="`dapo` and `bnpo` weigh tokens alike, `grpo` completions, which favours short ones; `dr-grpo` neither.",
        source="arXiv:2503.14476 (DAPO), arXiv:2503.20783 (Dr. GRPO)",
    )
    scale_rewards: Literal["group", "batch", "none"] = option(
        "group",
        doc="Whose spread a reward's distance to its question's mean is divided by.",
        effect="`group` gives very easy and very hard questions more weight; `none` keeps what rewards say.",
        source="Liu et al. 2025, arXiv:2503.20783",
    )


def lower(ctx: Context, entry: Bound, subject: Subject) -> Lowered:
    """One training step on the weights and the prompt of the subject."""
    return lower_tuning(ctx, entry, subject, KIND, *lower_rewards(ctx, entry))


def train(io: StepIO) -> None:
    """Trains on sampled completions; writes the model folder, and the adapter folder when there are adapters."""
    from trl import GRPOConfig, GRPOTrainer

    from lcspec import rollouts

    loss, scale = io.params["loss"].replace("-", "_"), io.params["scale-rewards"]
    rollouts.learn(io, GRPOTrainer, GRPOConfig, loss_type=loss, scale_rewards=scale)


EXAMPLE = "{kind: grpo, after: lora, data: tickets.train, rewards: {right: {metric: exact-match}}}"
KIND = Kind(
    family="tuning",
    name="grpo",
    version=1,
    body=GrpoBody,
    lower=lower,
    summary="learns from rewards, within groups of completions",
    example=EXAMPLE,
    actions=("train",),
    libraries=("torch", "transformers", "peft", "trl"),
    needs=QUESTIONS,
)
