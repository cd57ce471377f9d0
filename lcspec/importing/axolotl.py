"""axolotl's training YAML to a `Training`."""

import re
from typing import Any

from lcspec.importing.axolotl_data import data_sets
from lcspec.importing.axolotl_keys import ADAPTER, FIELDS, MATTERS, METHODS, NEEDLESS, PREFERENCE
from lcspec.importing.model import (
    ADAPTED,
    CARRIED,
    DROPPED,
    Item,
    Reading,
    Setting,
    Training,
    Unsupported,
)
from lcspec.importing.model import NEEDLESS as NOT_NEEDED
from lcspec.importing.names import is_repo, short
from lcspec.importing.place import Place
from lcspec.importing.settings import (
    dropped_if_set,
    leftovers,
    needless,
    optimizer,
    precision,
    put,
    schedule,
    table,
)

RL = {"dpo": ("dpo", "sigmoid"), "ipo": ("dpo", "ipo"), "kto": ("kto", ""), "orpo": ("orpo", "")}
VISION = ("processor_type", "image_size", "image_resize_algorithm", "freeze_mm_modules")


def recognises(data: dict[str, Any]) -> bool:
    """Whether a mapping looks like a training file of axolotl."""
    return "base_model" in data and bool({"datasets", "pretraining_dataset", "micro_batch_size"} & data.keys())


def read(data: dict[str, Any], place: Place) -> tuple[Training, list[Item]]:
    """The training that `data` describes, and what became of each key.

    Raises:
        Unsupported: lcspec has no such way of training, or cannot read such data.
    """
    reading = Reading(data)
    training = Training("axolotl")
    _refuse(reading)
    _model(training, reading, place)
    rl = str(reading.get("rl")) if reading.get("rl") else None
    for key in ("datasets", "pretraining_dataset"):
        training.data += data_sets(reading, place, key, rl)
    if not training.data:
        raise Unsupported("datasets", "names no data set", "file")
    _method(training, reading, rl)
    _numbers(training, reading)
    _held_out(training, reading, place, rl)
    _side(training, reading)
    return training, reading.items


def _refuse(reading: Reading) -> None:
    rl = reading.get("rl")
    if rl and str(rl) not in RL:
        if str(rl) == "grpo":
            raise Unsupported("rl", "its rewards are code, which is not carried over", "rewards")
        raise Unsupported("rl", f"lcspec has no `{rl}`")
    for key, why in METHODS.items():
        if reading.get(key):
            raise Unsupported(key, why)
    if reading.get("processor_type"):
        raise Unsupported("processor_type", "images and sounds are no part of lcspec", "multimodal")


def _model(training: Training, reading: Reading, place: Place) -> None:
    base = str(reading.get("base_model"))
    local = place.find(base)
    if local is not None and (local / "config.json").is_file():
        training.model = {"kind": "folder", "path": place.relative(local)}
    elif is_repo(base):
        training.model = {"kind": "huggingface", "repo": base}
    else:
        raise Unsupported("base_model", f"`{base}` is neither a folder nor a repository of the hub", "file")
    training.model_name = short(base, "model")
    reading.carried("models", "base_model")
    if revision := reading.get("revision_of_model"):
        training.model["revision"] = str(revision)
        reading.carried("models.revision", "revision_of_model")
    if reading.get("hf_use_auth_token") and training.model["kind"] == "huggingface":
        training.model["token"] = {"env": "HF_TOKEN"}
        reading.carried("models.token", "hf_use_auth_token")
    if reading.get("trust_remote_code"):
        if training.model["kind"] == "huggingface":
            training.model["remote-code"] = "ignore"
        reading.note(
            "trust_remote_code", ADAPTED, "models.remote-code", "code of a repository runs only where `allow` lists it"
        )
    for key in ("chat_template", "chat_template_jinja"):
        if said := reading.get(key):
            own = said == "tokenizer_default"
            why = "" if own else "the chat template of the model's own tokenizer is used"
            reading.note(key, CARRIED if own else ADAPTED, "prompts.format", why)


def _method(training: Training, reading: Reading, rl: str | None) -> None:
    adapter = str(reading.get("adapter", "none"))
    if adapter not in ("none", "lora", "qlora"):
        raise Unsupported("adapter", f"lcspec has no adapter `{adapter}`")
    if adapter == "lora" and (reading.get("load_in_8bit") or reading.get("load_in_4bit")):
        adapter = "qlora"
    texts = [one for one in training.data if one.shape.text]
    if texts and len(texts) < len(training.data):
        raise Unsupported("datasets", "mixes rows to answer with texts to continue", "data")
    if rl:
        training.kind, loss = RL[rl]
        if loss and loss != "sigmoid":
            training.settings["loss"] = Setting(loss, "rl")
    else:
        training.kind = "pretrain" if texts else {"none": "full"}.get(adapter, adapter)
    if rl or texts:
        training.settings["adapter"] = Setting(adapter, "adapter")
    reading.carried("tuning.kind", "rl", "adapter")
    if adapter == "qlora":
        eight = bool(reading.get("load_in_8bit"))
        training.settings["base"] = Setting("int8" if eight else "nf4", "load_in_8bit" if eight else "load_in_4bit")
        reading.carried("tuning.base", "load_in_8bit", "load_in_4bit")
        if (reading.get("bnb_config_kwargs") or {}).get("bnb_4bit_use_double_quant"):
            put(training, reading, "double-quant", True, "bnb_config_kwargs")
    else:
        reading.needless("off", ("load_in_8bit", "load_in_4bit"))
    if adapter != "none":
        _adapter(training, reading)
    else:
        unused = [key for key in reading.data if key.startswith(("lora_", "peft_"))]
        reading.needless("there is no adapter", [key for key in unused if not key.endswith("_kernel")])
    if patterns := reading.get("unfrozen_parameters"):
        put(training, reading, "train-only", [str(one) for one in patterns], "unfrozen_parameters")


def _adapter(training: Training, reading: Reading) -> None:
    table(training, reading, ADAPTER)
    names = reading.get("lora_target_modules")
    if reading.get("lora_target_linear"):
        put(training, reading, "modules", "all-linear", "lora_target_linear")
        reading.note("lora_target_modules", NOT_NEEDED, "", "`lora_target_linear` takes them all")
    elif isinstance(names, list):
        put(training, reading, "target-modules", [str(name) for name in names], "lora_target_modules")
    elif isinstance(names, str):
        found = sorted(set(re.findall(r"[a-z]+_proj|[qkvo](?=\||\))|gate|up|down", names)))
        full = [name if name.endswith("_proj") else f"{name}_proj" for name in found]
        if full:
            why = "only the names in the expression; it may have meant fewer layers"
            put(training, reading, "target-modules", full, "lora_target_modules", why, exact=False)
        else:
            put(training, reading, "modules", "all-linear", "lora_target_modules", "an expression", exact=False)
    for key, variant in (("peft_use_dora", "dora"), ("peft_use_rslora", "rslora")):
        if reading.get(key):
            put(training, reading, "variant", variant, key)
    if (init := str(reading.get("peft_init_lora_weights", ""))) in ("pissa", "olora"):
        put(training, reading, "variant", init, "peft_init_lora_weights")
    reading.note("peft", DROPPED, "", "adapters start as LoRA does, at zero")


def _numbers(training: Training, reading: Reading) -> None:
    table(training, reading, FIELDS)
    table(training, reading, PREFERENCE)
    steps = reading.get("warmup_steps")
    if steps is not None and float(steps) < 1:
        put(training, reading, "warmup-share", float(steps), "warmup_steps")
    elif steps is not None:
        put(training, reading, "warmup-steps", int(steps), "warmup_steps")
    schedule(training, reading, "lr_scheduler")
    optimizer(training, reading, "optimizer")
    precision(training, reading)
    if said := reading.get("gradient_checkpointing"):
        exact = said is True
        why = "" if exact else f"`{said}`: on, without moving activations"
        put(training, reading, "gradient-checkpointing", True, "gradient_checkpointing", why, exact=exact)
    if (steps := reading.get("save_steps")) and float(steps) >= 1:
        put(training, reading, "checkpoint", {"every-steps": int(steps)}, "save_steps")


def _held_out(training: Training, reading: Reading, place: Place, rl: str | None) -> None:
    share = reading.get("val_set_size")
    if share:
        training.held_out = f"{100 * float(share):g}%" if float(share) < 1 else int(share)
        training.held_out_key = "val_set_size"
        reading.carried("data.split.validation", "val_set_size")
    tests = reading.get("test_datasets")
    if not tests:
        return
    first, own = tests[0] if isinstance(tests, list) else tests, training.data[0]
    same = isinstance(first, dict) and first.get("path") == own.body.get("repo") and "splits" in own.body
    if len(training.data) == 1 and same and re.fullmatch(r"[\w.-]+", str(first.get("split", "train"))):
        own.body["splits"]["validation"] = str(first.get("split", "train"))
        reading.note("test_datasets", CARRIED, "data.splits.validation")
    else:
        reading.note("test_datasets", DROPPED, "", "rows are held out of the training data instead")


def _side(training: Training, reading: Reading) -> None:
    """Everything that is neither model, data nor method."""
    if qat := reading.get("qat"):
        weights = str(qat.get("weight_dtype", "int8")) if isinstance(qat, dict) else "int8"
        bits = 8 if "8" in weights else 4
        training.optimize[f"int{bits}"] = {"kind": "quantize", "bits": bits}
        reading.note("qat", ADAPTED, "deployment.optimize", f"quantised to {bits} bits after training, and gated again")
    tokens = reading.get("special_tokens")
    if isinstance(tokens, dict):
        harmless = set(tokens) <= {"pad_token"}
        why = "padding is no part of a row" if harmless else "the tokens of the model's own tokenizer are used"
        reading.note("special_tokens", NOT_NEEDED if harmless else ADAPTED, "", why)
    dropped_if_set(reading, MATTERS)
    needless(reading, NEEDLESS)
    leftovers(reading)
