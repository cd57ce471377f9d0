"""The training core that all tuning kinds run on: rows to token ids, guarded and resumable training, merged weights.

A kind's `train` reads top to bottom: `load`, `pick`, encode, a TRL trainer with `arguments`, `fit`, `save`. Heavy
imports stay inside functions.
"""

import json
import random
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from lcspec import checkpoints
from lcspec.kinds.api import StepIO
from lcspec.rowset import Row, read_rows
from lcspec.trainwatch import Watch, make_callback

Curve = list[dict[str, float]]
OPTIMIZERS = {"adamw": "adamw_torch"}
SCHEDULES = {"constant": "constant_with_warmup", "inverse-sqrt": "inverse_sqrt"}
LOGGED = {"rewards/margins": "margin", "rewards/accuracies": "accuracy"}  # TRL's name to ours


def load(io: StepIO) -> Any:
    """The model to start from (float32) and its tokenizer, as `runtime.model.LoadedModel`."""
    from lcspec.runtime.model import load_model

    return load_model(io.input("model"), threads=io.threads)


def load_prompt(io: StepIO) -> Any:
    """The prompt that rows are put through."""
    from lcspec.runtime.prompt import Prompt

    return Prompt.from_json(json.loads((io.input("prompt") / "prompt.json").read_text(encoding="utf-8")))


def rows_of(io: StepIO) -> list[Row]:
    """The rows of the split that the recipe names."""
    try:
        return read_rows(io.input("rows"), io.params["split"])
    except FileNotFoundError:
        help = "name a split that the data has, or let `split` carve one out"
        io.fail(f"the data has no split `{io.params['split']}`", help=help, code="LC1230")


def pick(rows: Sequence[Row], count: int | None, seed: int, sampling: str = "random") -> list[Row]:
    """`count` rows in the order of a seeded shuffle; `balanced` takes labels in turn."""
    shuffled = sorted(rows, key=lambda row: row.id)
    random.Random(seed).shuffle(shuffled)
    if sampling == "balanced":
        groups: dict[str, list[Row]] = {}
        for row in shuffled:
            groups.setdefault(row.target or "", []).append(row)
        longest = max(map(len, groups.values()), default=0)
        shuffled = [g[turn] for turn in range(longest) for _, g in sorted(groups.items()) if turn < len(g)]
    return shuffled[:count]


def short_enough(io: StepIO, made: Sequence[Any], lengths: Sequence[int], context: int | None) -> list[Any]:
    """The examples that fit `max-length` and the model; what is left out is counted.

    Ends the step when nothing is left to learn from.
    """
    limit = min(io.params["max-length"], context or io.params["max-length"])
    kept = [one for one, length in zip(made, lengths, strict=True) if length <= limit]
    if not made:
        help = "check that the rows have what this method learns from: an answer, pairs, or judged completions"
        io.fail("the data has no row to learn from", help=help, code="LC1230")
    if len(kept) < len(made):
        io.warn(f"{len(made) - len(kept)} of {len(made)} rows are longer than {limit} tokens and were left out")
    if not kept:
        help = "raise `max-length`, or cut the input with the prompt's `truncate`"
        io.fail(f"none of {len(made)} rows is as short as {limit} tokens", help=help, code="LC1230")
    return kept


def answers(io: StepIO, loaded: Any, prompt: Any) -> list[dict[str, list[int]]]:
    """Token ids and labels of each row with an answer, as the runtime renders it; -100 where the loss does not look.

    In a conversation the loss is on every answer of the assistant.
    """
    from lcspec.runtime.prompt import encode_conversation

    usable = [row for row in rows_of(io) if row.target or row.accepted]
    rows = pick(usable, io.params["rows"], io.seed, io.params["sampling"])
    made = []
    for row in rows:
        turns = [*turns_of(io, row), shot(row.variables, row.target or row.accepted[0])]
        made += encode_conversation(loaded.tokenizer, prompt, turns, row.system)
    kept = short_enough(io, made, [len(one.input_ids) for one in made], loaded.context)
    return [{"input_ids": one.input_ids, "labels": labels(one)} for one in kept]


def question(io: StepIO, tokenizer: Any, prompt: Any, row: Row) -> list[int]:
    """Token ids of what comes before an answer of this row, earlier turns included."""
    from lcspec.runtime.prompt import conversation, encode_prompt

    whole = conversation(tokenizer, prompt, turns_of(io, row), row.system)
    return list(encode_prompt(tokenizer, whole, dict(row.variables)))


def answer(tokenizer: Any, prompt: Any, text: str) -> list[int]:
    """Token ids of an answer and its end."""
    from lcspec.runtime.prompt import encode_answer, end_of_turn

    return [*encode_answer(tokenizer, prompt, text), end_of_turn(tokenizer, prompt)]


def turns_of(io: StepIO, row: Row) -> list[Any]:
    """The turns before a row's input; other columns have in them the values that they have in the row."""
    return [shot({**row.variables, io.params["input"]: user}, assistant) for user, assistant in row.history]


def shot(variables: Mapping[str, str], answer: str) -> Any:
    """A question and its answer, as prompts hold them."""
    from lcspec.runtime.prompt import Shot

    return Shot(dict(variables), answer)


def labels(example: Any) -> list[int]:
    """The ids that count for the loss; -100 elsewhere. TRL refuses mask columns on data that is tokenised already."""
    pairs = zip(example.input_ids, example.completion_mask, strict=True)
    return [token if counts else -100 for token, counts in pairs]


def arguments(io: StepIO) -> dict[str, Any]:
    """Keyword arguments of TRL's configurations that every kind has in common."""
    import torch

    params = io.params
    share = params["warmup-share"]
    return {
        "output_dir": str(io.checkpoint() / "writing"),
        "num_train_epochs": params["epochs"],
        "max_steps": params["max-steps"] or -1,
        "per_device_train_batch_size": params["batch-size"],
        "gradient_accumulation_steps": params["accumulate"],
        "learning_rate": params["learning-rate"],
        "lr_scheduler_type": SCHEDULES.get(params["schedule"], params["schedule"]),
        "warmup_steps": params["warmup-steps"] if share is None else share,  # below 1 it is a share of all steps
        "optim": OPTIMIZERS.get(params["optimizer"], params["optimizer"]),
        "weight_decay": params["weight-decay"],
        "adam_beta1": params["beta1"],
        "adam_beta2": params["beta2"],
        "adam_epsilon": params["epsilon"],
        "max_grad_norm": params["max-grad-norm"],
        "bf16": params["precision"] == "bfloat16",
        "gradient_checkpointing": params["gradient-checkpointing"],
        "seed": io.seed,
        "data_seed": io.seed,
        "logging_steps": 1,
        "logging_strategy": "steps",
        "logging_nan_inf_filter": False,  # a loss that is no number must be seen, not replaced by the mean
        "save_strategy": "no",  # `trainwatch.py` decides when
        "report_to": [],
        "use_cpu": not torch.cuda.is_available(),
        "dataloader_pin_memory": False,
        "disable_tqdm": True,
    }


def fit(io: StepIO, trainer: Any) -> None:
    """Trains, from the newest valid checkpoint if there is one; records the loss curve.

    Ends the step as interrupted when it was told to stop, and with a diagnostic when the loss is lost.
    """
    folder = io.checkpoint()
    settings = io.settings.get("checkpoint", {})
    start = checkpoints.newest(folder, io.warn)
    watch = Watch(
        io,
        folder,
        every=settings.get("every", 300.0),
        every_steps=settings.get("every-steps"),
        keep=settings.get("keep", 2),
    )
    trainer.add_callback(make_callback(watch))
    trainable = sum(one.numel() for one in trainer.model.parameters() if one.requires_grad)
    io.metric("trainable_parameters", trainable)
    if start is not None:
        io.measure("resumed_from_step", checkpoints.step_of(start))
    trainer.train(resume_from_checkpoint=str(start) if start else None)
    if watch.stopped:
        io.interrupted()
    if watch.fault is not None:
        io.fail(watch.fault.message, help=watch.fault.help, code=watch.fault.code)
    io.metric("curve", curve_of(trainer.state.log_history))
    io.metric("rows", len(trainer.train_dataset))


def curve_of(history: Sequence[dict[str, Any]]) -> Curve:
    """The loss curve as [{"step", "loss", "learning_rate", …}], with what else the method shows of its progress."""
    made = []
    for entry in history:
        if "loss" in entry:
            point = {"step": entry["step"], "loss": entry["loss"], "learning_rate": entry["learning_rate"]}
            made.append(point | {ours: entry[theirs] for theirs, ours in LOGGED.items() if theirs in entry})
    return made


def save(io: StepIO, trainer: Any, tokenizer: Any) -> None:
    """Writes the trained weights as a model folder; adapters also by themselves, before they are merged."""
    model = trainer.accelerator.unwrap_model(trainer.model)
    if hasattr(model, "merge_and_unload"):
        save_adapter(io, model)
        model = model.merge_and_unload()
    write_model(io, model, tokenizer)


def save_adapter(io: StepIO, model: Any) -> Path:
    """Writes the adapters alone; nothing of this machine is in the files."""
    for config in model.peft_config.values():
        config.base_model_name_or_path = None
    target = io.output("adapter")
    model.save_pretrained(target, safe_serialization=True)
    (target / "README.md").unlink(missing_ok=True)
    return target


def write_model(io: StepIO, model: Any, tokenizer: Any) -> None:
    """Writes the model folder that evaluation and service load."""
    model.config.use_cache = True  # trainers turn it off
    target = io.output("model")
    model.save_pretrained(target, safe_serialization=True)
    tokenizer.save_pretrained(target)
    io.metric("bytes", sum(path.stat().st_size for path in target.rglob("*") if path.is_file()))
