"""Completions that are sampled while training: questions as the runtime renders them, answers as the service has them.

TRL samples, scores and learns; here is what stands between it and the runtime. A prompt of its data set is the number
of a question, which becomes the token ids that evaluation and service would give the model; sampled ids are read and
cut as the service reads and cuts them before anything judges them.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from lcspec import examples
from lcspec.ir.scored import Scored
from lcspec.kinds.api import StepIO
from lcspec.rowset import Row

Ask = Callable[[Sequence[Scored], Sequence[str]], Sequence[float | None]]  # see `kinds/rewards.py`
SAME = 1e-6  # rewards that differ by less are the same
_SHOWN = 40  # characters of a question in messages


@dataclass(frozen=True)
class Questions:
    """What completions are sampled for.

    Attributes:
        rows: the rows, in the order of training.
        ids: token ids of each question.
        decoder: of the runtime; reads sampled ids.
        input: the column that the user's message fills.
        labels: what a completion may name.
        stop: texts that end a completion.
    """

    rows: Sequence[Row]
    ids: Sequence[list[int]]
    decoder: Any
    input: str
    labels: Sequence[str]
    stop: Sequence[str]

    def cut(self, sampled: Sequence[int]) -> list[int]:
        """The ids that are learnt from: those of the answer, and the end id where the model chose one."""
        kept = len(self.decoder.replay(sampled, self.stop).token_ids)
        ended = kept < len(sampled) and sampled[kept] in self.decoder.loaded.stop_ids
        return list(sampled[: kept + ended])

    def answered(self, number: int, sampled: Sequence[int]) -> Scored:
        """A row with what was sampled for it, as evaluation hands answered rows to metrics."""
        from lcspec.runtime.pipeline import read_label

        row, text = self.rows[number], self.decoder.replay(sampled, self.stop).text.strip()
        return Scored(
            id=row.id,
            row=row.variables,
            target=row.target,
            accepted=row.accepted or ((row.target,) if row.target else ()),
            answer=text,
            label=read_label(text, self.labels),
            source=row.source,
        )

    def name(self, number: int) -> str:
        """How a row is called in messages: its id, and how its input begins."""
        row = self.rows[number]
        text = row.variables[self.input]
        return f"row {row.id[:12]} (`{text if len(text) <= _SHOWN else text[: _SHOWN - 1] + '…'}`)"


def questions(io: StepIO, loaded: Any) -> Questions:
    """The questions of the rows that leave room for a completion.

    Ends the step when there are none, or fewer than a step of training takes.
    """
    from lcspec.runtime.decoder import Decoder
    from lcspec.runtime.prompt import end_of_turn

    params, prompt = io.params, examples.load_prompt(io)
    rows = examples.pick(examples.rows_of(io), params["rows"], io.seed)
    made = [(row, examples.question(io, loaded.tokenizer, prompt, row)) for row in rows]
    kept = examples.short_enough(io, made, [len(ids) + params["max-tokens"] for _, ids in made], loaded.context)
    each = params["batch-size"] * params["accumulate"] // params["generations"]
    if len(kept) < each:
        help = "lower `batch-size` or `accumulate`, or give it more rows"
        io.fail(f"a step takes {each} questions, and there are {len(kept)}", help=help, code="LC1230")
    ends = dict.fromkeys((*loaded.stop_ids, end_of_turn(loaded.tokenizer, prompt)))
    decoder = Decoder(replace(loaded, stop_ids=tuple(ends)))
    shown, known = [row for row, _ in kept], [ids for _, ids in kept]
    return Questions(shown, known, decoder, params["input"], params["labels"], params["stop"])


def learn(io: StepIO, base: Any, config: Any, **own: Any) -> None:
    """Trains with TRL's class `base`; writes the model folder, and the adapter folder when there are adapters.

    `config` is its class of arguments, `own` are those that the other class does not have.
    """
    from lcspec import training
    from lcspec.kinds import rewards

    with rewards.opened(io) as said:  # first: a model with code of its own closes the process to new ones
        loaded = training.load(io)
        made = trainer(io, base, config, loaded, questions(io, loaded), said, **own)
        training.fit(io, made)
    training.save(io, made, loaded.tokenizer)


def trainer(
    io: StepIO, base: Any, config: Any, loaded: Any, asked: Questions, rewards: Mapping[str, Ask], **own: Any
) -> Any:
    """A trainer of TRL's class `base` (GRPO or RLOO) that samples for `asked` and is told what `rewards` say.

    `config` is its class of arguments, `own` are those that the other class does not have.
    """
    from datasets import Dataset

    from lcspec import training
    from lcspec.adapters import adapter_of

    params = io.params
    _refuse_head(io, loaded.model)
    reference = training.reference(io) if params["beta"] else None
    made = _rollouts(base)(
        model=loaded.model,
        reward_funcs=[_reward(name, ask, asked) for name, ask in rewards.items()],
        args=config(
            **training.arguments(io),
            num_generations=params["generations"],
            max_completion_length=params["max-tokens"],
            temperature=params["temperature"],
            beta=params["beta"] if reference is None else 0.0,  # the trainer would load it past our loader
            num_iterations=params["iterations"],
            epsilon=params["clip"],
            epsilon_high=params["clip-high"],
            reward_weights=[params["rewards"][name]["weight"] for name in rewards],
            shuffle_dataset=False,  # rows are shuffled already, and a resumed run must meet them in the same order
            **own,
        ),
        train_dataset=Dataset.from_list([{"prompt": str(number)} for number in range(len(asked.rows))]),
        processing_class=loaded.tokenizer,
        peft_config=adapter_of(io, loaded.model),
    )
    if reference is not None:
        _hold(made, reference, params["beta"])
    made.asked = asked
    made.eos_token_ids = list(asked.decoder.loaded.stop_ids)
    made.generation_config.eos_token_id = made.generation_kwargs["eos_token_id"] = made.eos_token_ids
    return made


def _hold(trainer: Any, reference: Any, beta: float) -> None:
    """Gives the trainer the model that it is held to, as it prepares one itself."""
    from trl.trainer.utils import add_fused_lm_head

    add_fused_lm_head(reference, temperature=trainer.temperature)
    trainer.ref_model = trainer.accelerator.prepare_model(reference, evaluation_mode=True)
    trainer.beta = trainer.args.beta = beta


def _refuse_head(io: StepIO, model: Any) -> None:
    """Ends the step where the layer that makes logits would learn: the trainers read past an adapter on it."""
    head = model.get_output_embeddings()
    name = next((path.rpartition(".")[2] for path, layer in model.named_modules() if layer is head), "")
    for field in ("also-train", "target-modules"):
        if name in io.params[field]:
            help = "leave it out, or say `adapter: none`, with which all weights learn"
            io.fail(f"`{field}` names `{name}`, which learns nothing from rewards", help=help)


def _reward(name: str, ask: Ask, asked: Questions) -> Any:
    def reward(prompts: Sequence[str], completion_ids: Sequence[Sequence[int]], **rest: Any) -> list[float | None]:
        numbers = [int(prompt) for prompt in prompts]
        rows = [asked.answered(number, ids) for number, ids in zip(numbers, completion_ids, strict=True)]
        return list(ask(rows, [asked.name(number) for number in numbers]))

    reward.__name__ = name  # the trainer's logs call it so
    return reward


def _rollouts(base: Any) -> Any:
    """The trainer with the runtime at its two ends: what the model is asked, and what it is taken to have said."""
    import torch

    class Rollouts(base):  # type: ignore[misc]
        asked: Questions

        def _prepare_inputs(self, batch: Any) -> Any:
            if self._buffered_inputs is None:  # a resumed run goes on within its count of batches
                self._step = self.state.global_step * self.args.gradient_accumulation_steps
            return super()._prepare_inputs(batch)

        def _tokenize_prompts(self, prompts: Sequence[str]) -> Any:
            return [list(self.asked.ids[int(number)]) for number in prompts], None, {}

        def _generate_single_turn(self, *inputs: Any, **more: Any) -> Any:
            layers = [layer for layer in self.model.modules() if layer.training and not _packed(layer)]
            _learn(layers, False)  # as the service samples: without dropout
            made = super()._generate_single_turn(*inputs, **more)
            _learn(layers, True)
            ids, *rest = made if isinstance(made, tuple) else (made,)
            cut = [self.asked.cut(one) for one in ids]
            return (cut, *rest) if isinstance(made, tuple) else cut

        def _calculate_rewards(self, *inputs: Any) -> Any:
            each = super()._calculate_rewards(*inputs)
            worth = (each * self.reward_weights.to(each.device)).nansum(dim=1)
            worth[each.isnan().all(dim=1)] = torch.nan
            groups = worth.view(-1, self.num_generations)
            highest, lowest = groups.nan_to_num(-torch.inf).amax(1), groups.nan_to_num(torch.inf).amin(1)
            self._metrics["train"]["equal_groups"].append((highest - lowest < SAME).float().mean().item())
            return each

        def create_model_card(self, *rest: Any, **more: Any) -> None:
            """None: checkpoints are not published."""

    return Rollouts


def _packed(layer: Any) -> bool:
    """Whether a layer is bitsandbytes' own: told not to learn, it packs its weights anew for inference for good."""
    return type(layer).__module__.startswith("bitsandbytes")


def _learn(layers: Sequence[Any], learning: bool) -> None:
    for layer in layers:
        layer.training = learning
