"""LoRA: low-rank adapters on the linear layers, trained with TRL and merged into full precision.

Use it when prompting is not enough and there are some hundred rows. Rows are rendered by `runtime/prompt.py`, the same
code that evaluates and serves; the loss is on the answer and its end only. Hu et al. 2021, arXiv:2106.09685.
"""

import json
import random
from typing import Any, Literal

from lcspec.kinds.api import (
    Body,
    Bound,
    Context,
    Estimate,
    Kind,
    Lowered,
    Output,
    Resources,
    Step,
    StepIO,
    Subject,
    option,
    plain,
)
from lcspec.rowset import Row, read_rows


class LoraBody(Body):
    """A LoRA recipe."""

    data: str = option(doc="Rows to learn from: `data.train` of an entry, say `tickets.train`.")
    after: str | None = option(None, doc="A recipe that runs before this one.", key=False)
    rank: int = option(8, doc="Rank of the adapters.", ge=1, le=1024)
    alpha: int = option(16, doc="Scale of the adapters; the update is multiplied by alpha / rank.", ge=1)
    dropout: float = option(0.0, doc="Dropout on the adapters' input.", ge=0, lt=1)
    modules: Literal["all-linear", "attention"] = option("all-linear", doc="Layers that get adapters.")
    rows: int | None = option(None, doc="Rows to use; all when left out.", ge=1)
    sampling: Literal["random", "balanced"] = option("random", doc="`balanced` takes labels in turn.")
    epochs: float = option(1.0, doc="Passes over the rows.", gt=0)
    batch_size: int = option(8, doc="Rows per step.", unit="rows", ge=1)
    learning_rate: float = option(1e-3, doc="Peak learning rate, reached after the warm-up.", gt=0)
    warmup_steps: int = option(5, doc="Steps until the peak.", unit="steps", ge=0)
    max_length: int = option(512, doc="Rows longer than this are left out, never cut.", unit="tokens", ge=16)
    seed: int = option(0, doc="Seed of sampling, order and initial weights.")


def lower(ctx: Context, entry: Bound, subject: Subject) -> Lowered:
    """One training step on the weights and the prompt of the subject."""
    body = entry.body
    data, _, split = body.data.partition(".")
    params = plain(body, leave_out=("data", "after", "seed"))
    step = Step(
        id=f"train:{subject.id}",
        kind=entry.kind_id,
        action="train",
        version=KIND.version,
        params={**params, "split": split or "train"},
        inputs={
            "model": subject.slots["model"],
            "prompt": subject.slots["prompt"],
            "rows": ctx.slots("data", data)["rows"],
        },
        libraries=KIND.libraries,
        resources=Resources(cpus=2, memory=4 << 30),
        estimate=_estimate(body),
        source=entry.path,
        seed=body.seed,
    )
    return Lowered((step,), {"model": Output(step.id, "model")})


def _estimate(body: Any) -> Estimate:
    """6 FLOPs per parameter and token at a few to a hundred GFLOP/s: a wide bracket until history is known."""
    rows = (body.rows or 1000) * body.epochs
    return Estimate((20 + 0.3 * rows, 40 + 0.9 * rows), 3 << 30, "formula", size=rows)


def train(io: StepIO) -> None:
    """Trains the adapters, merges them, and writes the model folder and the adapter folder."""
    import torch
    from peft import LoraConfig, get_peft_model

    from lcspec.runtime.model import load_model
    from lcspec.runtime.prompt import Prompt

    params = io.params
    prompt = Prompt.from_json(json.loads((io.input("prompt") / "prompt.json").read_text(encoding="utf-8")))
    loaded = load_model(io.input("model"), threads=io.threads)
    rows = pick(read_rows(io.input("rows"), params["split"]), params["rows"], params["sampling"], io.seed)
    examples = encode(io, loaded.tokenizer, prompt, rows)
    torch.manual_seed(io.seed)
    targets: Any = "all-linear" if params["modules"] == "all-linear" else ["q_proj", "k_proj", "v_proj", "o_proj"]
    adapters = get_peft_model(
        loaded.model,
        LoraConfig(
            r=params["rank"],
            lora_alpha=params["alpha"],
            lora_dropout=params["dropout"],
            target_modules=targets,
            task_type="CAUSAL_LM",
        ),
    )
    io.metric("trainable_parameters", sum(p.numel() for p in adapters.parameters() if p.requires_grad))
    curve = fit(io, adapters, loaded.tokenizer, examples)
    io.metric("curve", curve)
    io.metric("rows", len(examples))
    adapters.save_pretrained(io.output("adapter"))
    merged = adapters.merge_and_unload()
    target = io.output("model")
    merged.save_pretrained(target, safe_serialization=True)
    loaded.tokenizer.save_pretrained(target)
    io.metric("bytes", sum(path.stat().st_size for path in target.rglob("*") if path.is_file()))


def pick(rows: list[Row], count: int | None, sampling: str, seed: int) -> list[Row]:
    """The rows to learn from, in the order of a seeded shuffle; `balanced` takes labels in turn."""
    shuffled = sorted((row for row in rows if row.target or row.accepted), key=lambda row: row.id)
    random.Random(seed).shuffle(shuffled)
    if sampling == "balanced":
        groups: dict[str, list[Row]] = {}
        for row in shuffled:
            groups.setdefault(row.target or "", []).append(row)
        longest = max(map(len, groups.values()), default=0)
        shuffled = [g[turn] for turn in range(longest) for _, g in sorted(groups.items()) if turn < len(g)]
    return shuffled[:count]


def encode(io: StepIO, tokenizer: Any, prompt: Any, rows: list[Row]) -> list[dict[str, list[int]]]:
    """Token ids and completion mask of each row, as the runtime renders it; too long rows are left out and counted."""
    from lcspec.runtime.prompt import encode_example

    made = [encode_example(tokenizer, prompt, dict(row.variables), row.target or row.accepted[0]) for row in rows]
    fit_in = [one for one in made if len(one.input_ids) <= io.params["max-length"]]
    if len(fit_in) < len(made):
        io.warn(f"{len(made) - len(fit_in)} of {len(made)} rows are longer than max-length and were left out")
    if not fit_in:
        io.fail("no row is short enough to learn from", help="raise `max-length`, or cut the input with `truncate`")
    return [{"input_ids": one.input_ids, "labels": _labels(one)} for one in fit_in]


def _labels(example: Any) -> list[int]:
    """The ids that count for the loss; -100 elsewhere. TRL refuses mask columns on data that is tokenised already."""
    pairs = zip(example.input_ids, example.completion_mask, strict=True)
    return [token if counts else -100 for token, counts in pairs]


def fit(io: StepIO, model: Any, tokenizer: Any, examples: list[dict[str, list[int]]]) -> list[dict[str, float]]:
    """Runs TRL's SFT trainer; the loss curve as [{"step", "loss", "learning_rate"}]."""
    from datasets import Dataset
    from transformers import TrainerCallback
    from trl import SFTConfig, SFTTrainer

    params, curve = io.params, []

    class Report(TrainerCallback):  # type: ignore[misc]
        def on_log(self, args: Any, state: Any, control: Any, logs: Any = None, **_: Any) -> None:
            if logs and "loss" in logs:
                loss = float(logs["loss"])
                curve.append({"step": state.global_step, "loss": loss, "learning_rate": float(logs["learning_rate"])})
                io.progress(state.global_step, state.max_steps, loss=loss)
                if loss != loss or loss == float("inf"):
                    io.fail("the loss is not a number", help="lower `learning-rate`")

    config = SFTConfig(
        output_dir=str(io.checkpoint()),
        num_train_epochs=params["epochs"],
        per_device_train_batch_size=params["batch-size"],
        learning_rate=params["learning-rate"],
        warmup_steps=params["warmup-steps"],
        lr_scheduler_type="linear",
        optim="adamw_torch",
        seed=io.seed,
        data_seed=io.seed,
        logging_steps=1,
        logging_strategy="steps",
        save_strategy="no",
        report_to=[],
        use_cpu=not _cuda(),
        bf16=False,  # no hardware for it on most CPUs: many times slower than float32
        gradient_checkpointing=False,
        dataloader_pin_memory=False,
        disable_tqdm=True,
        max_length=None,
        completion_only_loss=True,
        dataset_kwargs={"skip_prepare_dataset": True},
    )
    trainer = SFTTrainer(
        model=model,
        args=config,
        train_dataset=Dataset.from_list(examples),
        processing_class=tokenizer,
        callbacks=[Report()],
    )
    trainer.train()
    return curve


def _cuda() -> bool:
    import torch

    return bool(torch.cuda.is_available())


EXAMPLE = "{kind: lora, data: tickets.train, rank: 16, epochs: 2}"
KIND = Kind(
    family="tuning",
    name="lora",
    version=1,
    body=LoraBody,
    lower=lower,
    summary="low-rank adapters, merged",
    example=EXAMPLE,
    actions=("train",),
    libraries=("torch", "transformers", "peft", "trl"),
)
