"""The training core that all tuning kinds run on: guarded, resumable training, and merged weights.

A kind's `train` reads top to bottom: `load`, examples (`examples.py`), a TRL trainer with `arguments`, `fit`, `save`.
Heavy imports stay inside functions.
"""

import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from lcspec import checkpoints
from lcspec.kinds.api import StepIO
from lcspec.modelcode import code_of, shut_in
from lcspec.ownhead import use_own_logits
from lcspec.trainwatch import Watch, make_callback

Curve = list[dict[str, float]]
OPTIMIZERS = {"adamw": "adamw_torch"}
SCHEDULES = {"constant": "constant_with_warmup", "inverse-sqrt": "inverse_sqrt"}
REWARD = re.compile(r"rewards/(.*)/mean")
LOGGED = {  # TRL's name to ours
    "rewards/margins": "margin",
    "rewards/accuracies": "accuracy",
    "reward": "reward",
    "equal_groups": "equal_groups",
    "completions/mean_length": "completion_tokens",
    "kl": "kl",
}


def load(io: StepIO) -> Any:
    """The model to start from and its tokenizer, as `runtime.model.LoadedModel`.

    In float32; with frozen weights quantised where the recipe wants that. Without adapters every weight may learn.
    """
    from lcspec.runtime.model import load_model

    adapter = io.params.get("adapter", "lora")
    if adapter == "qlora":
        from lcspec.quantbase import load_quantized_base

        return load_quantized_base(io)
    loaded = load_model(io.input("model"), threads=io.threads, code=shut_in(io))
    loaded.model.requires_grad_(adapter == "none")
    return loaded


def reference(io: StepIO) -> Any:
    """The model that preferences are measured against; None where adapters can be left out for that."""
    from lcspec.runtime.model import load_model

    return load_model(io.input("model"), code=code_of(io)).model if io.params["adapter"] == "none" else None


def learn(io: StepIO, model: Any, patterns: Sequence[str]) -> None:
    """Lets the weights learn whose names match a pattern; all of them when there is none."""
    named = dict(model.named_parameters())
    chosen = [name for name in named if not patterns or any(re.search(pattern, name) for pattern in patterns)]
    if not chosen:
        help = f"names look like `{next(iter(named), '')}`"
        io.fail(f"no weight matches {', '.join(f'`{one}`' for one in patterns)}", help=help, code="LC1233")
    for name in chosen:
        named[name].requires_grad_(True)


def supervised(io: StepIO, loaded: Any, rows: Any, adapter: Any = None, steps: int | None = None) -> Any:
    """TRL's trainer for examples with labels (a list or a `Dataset`).

    `adapter` is a PEFT configuration or None, `steps` their number where the recipe counts otherwise.
    """
    from datasets import Dataset
    from trl import SFTConfig, SFTTrainer

    return SFTTrainer(
        model=loaded.model,
        args=SFTConfig(
            **(arguments(io) | ({"max_steps": steps} if steps else {})),
            neftune_noise_alpha=io.params.get("neftune-alpha"),
            max_length=None,
            completion_only_loss=True,
            dataset_kwargs={"skip_prepare_dataset": True},
        ),
        train_dataset=Dataset.from_list(rows) if isinstance(rows, list) else rows,
        processing_class=loaded.tokenizer,
        peft_config=adapter,
    )


def arguments(io: StepIO) -> dict[str, Any]:
    """Keyword arguments of TRL's configurations that every kind has in common."""
    import torch

    params = io.params
    share = params["warmup-share"]
    return {
        "output_dir": str(io.checkpoint() / "writing"),
        "num_train_epochs": params["epochs"],
        "max_steps": params.get("max-steps") or -1,
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
    settle(io, trainer.model)
    for model in (trainer.model, getattr(trainer, "ref_model", None)) if code_of(io) else ():
        use_own_logits(model, getattr(trainer, "temperature", 1.0))
    folder = io.checkpoint()
    settings = io.settings.get("checkpoint", {})
    start = checkpoints.newest(folder, io.warn)
    watch = Watch(
        io,
        folder,
        every=settings.get("every", 300.0),
        every_steps=settings.get("every-steps"),
        keep=settings.get("keep", 2),
        patience=io.settings.get("patience"),
        each=io.params.get("iterations", 1),
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


def settle(io: StepIO, model: Any) -> None:
    """Undoes what trainers do to quantised models: adapters in bfloat16 learn nothing from small steps."""
    for parameter in model.parameters():
        if parameter.requires_grad and io.params["precision"] == "float32":
            parameter.data = parameter.data.float()


def curve_of(history: Sequence[dict[str, Any]]) -> Curve:
    """The loss curve as [{"step", "loss", "learning_rate", …}], with what else the method shows of its progress."""
    made = []
    for entry in history:
        if "loss" in entry:
            point = {"step": entry["step"], "loss": entry["loss"], "learning_rate": entry["learning_rate"]}
            point |= {ours: entry[theirs] for theirs, ours in LOGGED.items() if theirs in entry}
            single = {f"reward.{name[1]}": entry[name[0]] for name in map(REWARD.fullmatch, entry) if name}
            made.append(point | (single if len(single) > 1 else {}))
    return made


def save(io: StepIO, trainer: Any, tokenizer: Any) -> None:
    """Writes the trained weights as a model folder; adapters also by themselves, before they are merged.

    Adapters that learnt on quantised weights are merged into the full-precision ones: merging into quantised weights
    would round the update away.
    """
    model = trainer.accelerator.unwrap_model(trainer.model)
    if hasattr(model, "merge_and_unload"):
        adapter = save_adapter(io, model)
        if getattr(model.get_base_model(), "is_quantized", False):
            from peft import PeftModel

            from lcspec.runtime.model import load_model

            model = PeftModel.from_pretrained(load_model(io.input("model"), code=code_of(io)).model, adapter)
        model = model.merge_and_unload()
    write_model(io, model, tokenizer)


def save_adapter(io: StepIO, model: Any) -> Path:
    """Writes the adapters alone; equal adapters give equal files on every machine."""
    target = io.output("adapter")
    model.save_pretrained(target, safe_serialization=True)
    (target / "README.md").unlink(missing_ok=True)
    path = target / "adapter_config.json"
    config = json.loads(path.read_text(encoding="utf-8"))
    config["base_model_name_or_path"] = None  # a path of this machine
    config = {name: sorted(value) if isinstance(value, list) else value for name, value in config.items()}
    path.write_text(json.dumps(config, indent=2, sort_keys=True), encoding="utf-8")
    return target


def write_model(io: StepIO, model: Any, tokenizer: Any) -> None:
    """Writes the model folder that evaluation and service load, with the model's own code where it may run."""
    from lcspec.runtime.modelcode import carry

    model.config.use_cache = True  # trainers turn it off
    target = io.output("model")
    model.save_pretrained(target, safe_serialization=True)
    tokenizer.save_pretrained(target)
    if code := code_of(io):
        carry(io.input("model"), target, code)
    io.metric("bytes", sum(path.stat().st_size for path in target.rglob("*") if path.is_file()))
