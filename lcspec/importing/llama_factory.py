"""LLaMA-Factory's training YAML, in its two forms, to a `Training`."""

import re
from typing import Any

from lcspec.importing.llama_factory_data import file_sets, named_sets
from lcspec.importing.llama_factory_keys import FIELDS, MATTERS, METHODS, NEEDLESS, OTHER_OPTIMIZERS, PREFERENCE
from lcspec.importing.model import ADAPTED, CARRIED, DROPPED, Item, Reading, Setting, Training, Unsupported
from lcspec.importing.names import is_repo, short
from lcspec.importing.place import Place
from lcspec.importing.settings import (
    dropped_if_set,
    leftovers,
    needless,
    number,
    optimizer,
    precision,
    put,
    schedule,
    table,
    whole,
)

STAGES = {"sft": "", "pt": "pretrain", "dpo": "dpo", "kto": "kto"}
LOSSES = {"sigmoid": ("dpo", "sigmoid"), "orpo": ("orpo", ""), "ipo": ("dpo", "ipo"), "hinge": ("dpo", "hinge")}
MEDIA = ("image_max_pixels", "video_max_pixels", "freeze_vision_tower", "video_fps", "audio_sampling_rate")


def recognises(data: dict[str, Any]) -> bool:
    """Whether a mapping looks like a training file of LLaMA-Factory."""
    older = "model_name_or_path" in data and bool({"stage", "finetuning_type", "dataset"} & data.keys())
    return older or ("model" in data and "train_dataset" in data)


def read(data: dict[str, Any], place: Place) -> tuple[Training, list[Item]]:
    """The training that `data` describes, and what became of each key.

    Raises:
        Unsupported: lcspec has no such way of training, or cannot read such data.
    """
    reading = Reading(data)
    training = Training("LLaMA-Factory")
    newer = "model" in data
    _refuse(reading, newer=newer)
    _model(training, reading, place, "model" if newer else "model_name_or_path")
    if newer:
        _newer(training, reading, place)
    else:
        _older(training, reading, place)
    table(training, reading, FIELDS)
    table(training, reading, PREFERENCE)
    schedule(training, reading, "lr_scheduler_type")
    _optimizer(training, reading)
    precision(training, reading)
    if reading.get("disable_gradient_checkpointing") is False or reading.get("gradient_checkpointing"):
        put(training, reading, "gradient-checkpointing", True, "gradient_checkpointing")
        reading.carried("tuning.gradient-checkpointing", "disable_gradient_checkpointing")
    if steps := reading.get("save_steps"):
        put(training, reading, "checkpoint", {"every-steps": int(steps)}, "save_steps")
    if template := reading.get("template"):
        reading.note("template", ADAPTED, "prompts.format", f"the model's own chat template in place of `{template}`")
    dropped_if_set(reading, MATTERS)
    needless(reading, NEEDLESS)
    leftovers(reading)
    return training, reading.items


def _refuse(reading: Reading, *, newer: bool) -> None:
    for key in MEDIA:
        if reading.get(key) is not None:
            raise Unsupported(key, "images and sounds are no part of lcspec", "multimodal")
    for key, why in METHODS.items():
        if reading.get(key):
            raise Unsupported(key, why)
    if newer:
        return
    if not reading.get("dataset"):
        raise Unsupported("dataset", "is missing: this file trains nothing", "file")
    if reading.get("do_train") is False or (reading.get("do_predict") and not reading.get("do_train")):
        raise Unsupported("do_predict", "this file predicts, it does not train", "file")
    stage = str(reading.get("stage", "sft"))
    if stage not in STAGES:
        why = {"rm": "lcspec trains no reward model yet", "ppo": "lcspec has no PPO yet"}.get(stage, "is unknown")
        raise Unsupported("stage", why)


def _model(training: Training, reading: Reading, place: Place, key: str) -> None:
    base = str(reading.get(key))
    local = place.find(base)
    if local is not None and (local / "config.json").is_file():
        training.model = {"kind": "folder", "path": place.relative(local)}
    elif is_repo(base):
        training.model = {"kind": "huggingface", "repo": base}
    else:
        raise Unsupported(key, f"`{base}` is neither a folder nor a repository of the hub", "file")
    training.model_name = short(base, "model")
    reading.carried("models", key)
    if revision := reading.get("model_revision"):
        training.model["revision"] = str(revision)
        reading.carried("models.revision", "model_revision")
    if reading.get("trust_remote_code"):
        if training.model["kind"] == "huggingface":
            training.model["remote-code"] = "ignore"
        reading.note(
            "trust_remote_code", ADAPTED, "models.remote-code", "code of a repository runs only where `allow` lists it"
        )


# --- the older form --------------------------------------------------------------------------------------------------


def _older(training: Training, reading: Reading, place: Place) -> None:
    stage = str(reading.get("stage", "sft"))
    training.data = named_sets(reading, place, stage)
    way = str(reading.get("finetuning_type", "lora"))
    if way not in ("lora", "full", "oft", "freeze") or (way in ("oft", "freeze") and STAGES[stage]):
        raise Unsupported("finetuning_type", f"lcspec has no `{way}` here")
    adapter = "none" if way in ("full", "freeze") else "qlora" if reading.get("quantization_bit") else "lora"
    if way == "oft":
        _oft(training, reading)
        adapter = "none"
    else:
        _kind(training, reading, STAGES[stage], adapter)
    if way == "freeze":
        _freeze(training, reading)
    reading.carried("tuning.kind", "stage", "finetuning_type")
    if adapter == "qlora":
        _quantised(training, reading, reading.get("quantization_bit"), "quantization_bit")
        if reading.get("double_quantization", True):
            training.settings["double-quant"] = Setting(True, "double_quantization")
        reading.carried("tuning.double-quant", "double_quantization")
        method = str(reading.get("quantization_method", "bnb"))
        outcome = CARRIED if method in ("bnb", "bitsandbytes") else ADAPTED
        reading.note(
            "quantization_method", outcome, "tuning.base", "" if outcome == CARRIED else "bitsandbytes instead"
        )
    if adapter != "none":
        _lora(training, reading)
    if share := reading.get("val_size"):
        training.held_out = f"{100 * float(share):g}%" if float(share) < 1 else int(share)
        training.held_out_key = "val_size"
        reading.carried("data.split.validation", "val_size")
    reading.note("eval_dataset", DROPPED, "", "rows are held out of the training data instead")


def _kind(training: Training, reading: Reading, stage: str, adapter: str) -> None:
    loss = str(reading.get("pref_loss", "sigmoid"))
    if stage == "dpo":
        if loss not in LOSSES:
            raise Unsupported("pref_loss", f"lcspec has no `{loss}`")
        training.kind, own = LOSSES[loss]
        if own and own != "sigmoid":
            training.settings["loss"] = Setting(own, "pref_loss")
        reading.carried("tuning.loss", "pref_loss")
    elif reading.get("use_dft_loss"):
        stage = training.kind = "dft"
        reading.carried("tuning.kind", "use_dft_loss")
    else:
        training.kind = stage or {"none": "full"}.get(adapter, adapter)
    if stage:
        training.settings["adapter"] = Setting(adapter, "finetuning_type")


def _oft(training: Training, reading: Reading) -> None:
    training.kind = "oft"
    table(training, reading, {"oft_block_size": ("block-size", whole), "module_dropout": ("dropout", number)})
    _layers(training, reading, "oft_target")
    for key in ("quantization_bit", "quantization_method", "double_quantization"):
        reading.note(key, ADAPTED, "", "the base is kept in full precision")


def _freeze(training: Training, reading: Reading) -> None:
    """The last blocks learn; choosing the first ones or parts of blocks is another training."""
    last = int(reading.get("freeze_trainable_layers", 2))
    if last < 1 or str(reading.get("freeze_trainable_modules", "all")) != "all":
        raise Unsupported("freeze_trainable_layers", "lcspec lets the last blocks learn as a whole")
    put(training, reading, "last-blocks", last, "freeze_trainable_layers")
    reading.carried("tuning.last-blocks", "freeze_trainable_modules")
    if extra := reading.get("freeze_extra_modules"):
        names = extra if isinstance(extra, list) else [part.strip() for part in str(extra).split(",")]
        put(training, reading, "train-only", [re.escape(name) for name in names], "freeze_extra_modules")


def _layers(training: Training, reading: Reading, key: str) -> None:
    target = reading.get(key, "all")
    if target == "all":
        put(training, reading, "modules", "all-linear", key)
        return
    names = target if isinstance(target, list) else [part.strip() for part in str(target).split(",")]
    put(training, reading, "target-modules", names, key)


def _quantised(training: Training, reading: Reading, bits: Any, key: str) -> None:
    if int(bits) not in (4, 8):
        raise Unsupported(key, f"lcspec has no base of {bits} bits")
    training.settings["base"] = Setting("int8" if int(bits) == 8 else "nf4", key)
    reading.carried("tuning.base", key)


def _lora(training: Training, reading: Reading) -> None:
    rank = int(reading.get("lora_rank", 8))
    put(training, reading, "rank", rank, "lora_rank")
    put(training, reading, "alpha", int(reading.get("lora_alpha", 2 * rank)), "lora_alpha")
    table(training, reading, {"lora_dropout": ("dropout", number)})
    _layers(training, reading, "lora_target")
    if extra := reading.get("additional_target"):
        names = extra if isinstance(extra, list) else [part.strip() for part in str(extra).split(",")]
        put(training, reading, "also-train", names, "additional_target")
    for key, variant in (("use_dora", "dora"), ("use_rslora", "rslora"), ("pissa_init", "pissa")):
        if reading.get(key):
            put(training, reading, "variant", variant, key)
    reading.needless("adapters are merged in the end", ("pissa_convert", "create_new_adapter"))


def _optimizer(training: Training, reading: Reading) -> None:
    optimizer(training, reading, "optim")
    for name in OTHER_OPTIMIZERS:
        if reading.get(f"use_{name}"):
            put(training, reading, "optimizer", "adamw", f"use_{name}", f"lcspec has no {name}; AdamW", exact=False)
            for key in reading.rest():
                if key.startswith(f"{name}_"):
                    reading.note(key, DROPPED, "", f"lcspec has no {name}")


# --- the newer form --------------------------------------------------------------------------------------------------


def _newer(training: Training, reading: Reading, place: Place) -> None:
    training.data = file_sets(reading, place, "train_dataset")
    peft, quant = reading.get("peft_config", {}), reading.get("quant_config", {})
    way = str(peft.get("name", "full")) if isinstance(peft, dict) else "full"
    if way not in ("lora", "full", "freeze"):
        raise Unsupported("peft_config.name", f"lcspec has no `{way}`")
    adapter = "none" if way in ("full", "freeze") else "qlora" if quant else "lora"
    pairs = "chosen" in training.data[0].shape.columns
    _kind(training, reading, "dpo" if pairs else "", adapter)
    if quant and adapter == "qlora":
        inner = reading.inner("quant_config", quant)
        _quantised(training, inner, quant.get("quantization_bit", 4), "quantization_bit")
        inner.carried("tuning.base", "name")
        leftovers(inner)
    if way == "freeze":
        inner = reading.inner("peft_config", peft)
        _freeze(training, inner)
        inner.carried("tuning.kind", "name")
        leftovers(inner)
    elif adapter != "none":
        _newer_lora(training, reading.inner("peft_config", peft))
    config = reading.get("optim_config")
    if isinstance(config, dict):
        inner = reading.inner("optim_config", config)
        optimizer(training, inner, "name")
        table(training, inner, {"wd": ("weight-decay", number), "weight_decay": ("weight-decay", number)})
        leftovers(inner)


def _newer_lora(training: Training, inner: Reading) -> None:
    fields = {"r": ("rank", whole), "lora_alpha": ("alpha", whole), "lora_dropout": ("dropout", number)}
    table(training, inner, fields)
    _layers(training, inner, "target_modules")
    inner.carried("tuning.kind", "name")
    if inner.get("adapter_name_or_path"):
        why = "training starts from the base, not from an adapter"
        inner.note("adapter_name_or_path", DROPPED, "", why)
    leftovers(inner)
