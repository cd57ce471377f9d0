"""RLOO: learns from rewards by REINFORCE, each completion against the mean of the others to the same question.

Use it as `grpo`: the model samples `generations` completions for each question and `rewards` say what each is worth.
It keeps the scale of rewards and, with `beta`, takes the distance to the model before out of the reward itself; what
GRPO does with the loss. Ahmadian et al. 2024, arXiv:2402.14740.
"""

from lcspec.kinds.api import Bound, Context, Kind, Lowered, StepIO, Subject, option
from lcspec.kinds.rewards import lower_rewards
from lcspec.rolloutfields import RolloutBody
from lcspec.tuningkind import QUESTIONS, lower_tuning


class RlooBody(RolloutBody):
    """An RLOO recipe."""

    beta: float = option(
        0.05,
        doc="What a completion's distance to the model before costs of its reward; 0 does without that model.",
        ge=0,
        source="Ahmadian et al. 2024, arXiv:2402.14740",
    )
    normalize: bool = option(
        False,
        doc="Bring what completions are worth beyond their siblings to mean 0 and spread 1 in each step.",
        effect="`true` makes steps alike in size, whatever the scale of the rewards.",
    )


def lower(ctx: Context, entry: Bound, subject: Subject) -> Lowered:
    """One training step on the weights and the prompt of the subject."""
    return lower_tuning(ctx, entry, subject, KIND, *lower_rewards(ctx, entry))


def train(io: StepIO) -> None:
    """Trains on sampled completions; writes the model folder, and the adapter folder when there are adapters."""
    from trl import RLOOConfig, RLOOTrainer

    from lcspec import rollouts

    rollouts.learn(io, RLOOTrainer, RLOOConfig, normalize_advantages=io.params["normalize"])


EXAMPLE = "{kind: rloo, after: lora, data: tickets.train, rewards: {right: {metric: exact-match}}}"
KIND = Kind(
    family="tuning",
    name="rloo",
    version=1,
    body=RlooBody,
    lower=lower,
    summary="learns from rewards, by leaving one out",
    example=EXAMPLE,
    actions=("train",),
    libraries=("torch", "transformers", "peft", "trl"),
    needs=QUESTIONS,
)
