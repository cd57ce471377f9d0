"""The fields of recipes that learn from rewards: what a completion is worth, how completions are sampled and used."""

from collections.abc import Mapping

from lcspec.ir.strict import Strict, option
from lcspec.tuningfields import ChosenAdapterBody, TrainingBody

_SAMPLED = "Shao et al. 2024, GRPO, arXiv:2402.03300"


class Reward(Strict):
    """What one reward judges a completion by: a metric, a function of the project, or its length."""

    metric: str | None = option(
        None,
        doc="A metric that judges single answers: `exact-match`, …, or an entry of `evaluation.metrics`.",
        refers="metric",
        effect="The reward is what the metric says of the completion; where less is better it counts with a minus.",
    )
    path: str | None = option(
        None,
        doc="A Python file of the project with the reward, relative to the folder of the spec and inside it.",
        effect="The file runs in the step; it must stand under `allow` with its digest.",
    )
    function: str | None = option(
        None,
        doc="The function in `path`: takes a row as a dictionary, returns a number, or None where it does not judge.",
        effect="Completions that no reward judges are not learnt from.",
        pattern=r"^[A-Za-z_][A-Za-z0-9_]*$",
    )
    words_at_most: int | None = option(
        None,
        doc="Reward 1 for completions of at most so many words, and in proportion less for longer ones.",
        unit="words",
        ge=1,
        effect="Completions are drawn to that length from above; shorter ones gain nothing.",
    )
    weight: float = option(
        1.0,
        doc="What the reward is multiplied by before all are summed.",
        gt=0,
        effect="Larger values make this reward outweigh the others; only ratios count where rewards are scaled.",
    )


class RolloutBody(TrainingBody, ChosenAdapterBody):
    """Training on completions that the model writes itself, by what they are worth."""

    rewards: Mapping[str, Reward] = option(
        doc="What completions are worth, by names of your own: `{right: {metric: exact-match}}`; weighed and summed.",
        min_length=1,
        effect="The model learns what raises their sum, and whatever else does: judge it by other metrics too.",
        source=_SAMPLED,
    )
    rows: int | None = option(None, doc="Questions to use; all when left out.", ge=1)
    epochs: float = option(
        1.0,
        doc="Passes over the questions; each pass samples new completions.",
        gt=0,
        effect="Time grows in proportion. Completions are new each time, so more passes than of answers are usual.",
    )
    max_length: int = option(
        512,
        doc="Questions that are longer than this less `max-tokens` are left out, never cut.",
        unit="tokens",
        ge=16,
    )
    batch_size: int = option(
        8, doc="Completions that are in memory at once when weights change.", unit="completions", ge=1
    )
    accumulate: int = option(
        4,
        doc="Batches that make one step; all completions of a step are sampled at once.",
        unit="batches",
        ge=1,
        effect="`batch-size` × `accumulate` / `generations` questions make a step: more make it steadier and slower.",
    )
    learning_rate: float = option(1e-5, doc="Peak learning rate, reached after the warm-up.", gt=0)
    generations: int = option(
        8,
        doc="Completions that are sampled for each question, and held against each other.",
        ge=2,
        effect="More are likelier to hold a good one and show better what it is worth, in proportionally more time.",
        source=_SAMPLED,
    )
    max_tokens: int = option(
        64,
        doc="Longest completion.",
        unit="tokens",
        ge=1,
        effect="Completions are cut there and judged as they are; sampling takes most of the time, token by token.",
    )
    stop: tuple[str, ...] = option(
        (),
        doc="Texts that end a completion, as a suite's `stop`.",
        effect="Completions end before these texts, are judged so, and what follows is not learnt from.",
    )
    temperature: float = option(
        1.0,
        doc="Temperature of the sampling.",
        gt=0,
        effect="Higher values try more, and more nonsense; without differences between completions nothing is learnt.",
    )
    beta: float = option(
        0.0,
        doc="How closely the model is held to the one it started from; 0 does without that one.",
        ge=0,
        effect="Larger values stay closer to the model before; above 0 each completion is read once more.",
        source=_SAMPLED,
    )
    iterations: int = option(
        1,
        doc="Passes over the completions of a step before new ones are sampled.",
        ge=1,
        effect="More use sampled completions longer, which saves time and drifts from what the model would now say.",
        source="Schulman et al. 2017, PPO, arXiv:1707.06347",
    )
    clip: float = option(
        0.2,
        doc="How far the probability ratio to the sampling model may move; counts with `iterations` above 1.",
        gt=0,
        lt=1,
        effect="Smaller values change less with each set of completions.",
        source="Schulman et al. 2017, PPO, arXiv:1707.06347",
    )
    clip_high: float | None = option(
        None,
        doc="The same upwards, where it is not `clip`; counts with `iterations` above 1.",
        gt=0,
        effect="Larger than `clip`, it lets rare tokens gain more, which keeps completions diverse.",
        source="Yu et al. 2025, DAPO, arXiv:2503.14476",
    )
    patience: int = option(
        20,
        doc="Steps after which training ends when no question had completions of different worth so far.",
        unit="steps",
        key=False,
        ge=1,
        effect="Larger values wait longer for a first success; without one the weights do not move at all.",
    )
