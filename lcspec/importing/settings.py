"""Numbers and words that both tools share, to the fields of lcspec's tuning kinds."""

import re
from collections.abc import Callable, Mapping
from typing import Any

from lcspec.importing.model import ADAPTED, CARRIED, DROPPED, NEEDLESS, Reading, Setting, Training

Convert = Callable[[Any], Any]

SCHEDULES = {
    "linear": "linear",
    "cosine": "cosine",
    "constant": "constant",
    "constant_with_warmup": "constant",
    "polynomial": "polynomial",
    "inverse_sqrt": "inverse-sqrt",
}


def number(value: Any) -> float:
    """A number, also where YAML read a text (`2e-5` is one to YAML 1.1); whole ones without a decimal point."""
    made = float(value)
    return int(made) if made == int(made) else made


def whole(value: Any) -> int:
    """A whole number."""
    made = float(value)
    if made != int(made):
        raise ValueError(f"{value} is not whole")
    return int(made)


def put(
    training: Training, reading: Reading, field: str, value: Any, key: str, why: str = "", *, exact: bool = True
) -> None:
    """Sets a field of the tuning entry from `key`."""
    training.settings[field] = Setting(value, reading.prefix + key)
    reading.note(key, CARRIED if exact else ADAPTED, f"tuning.{field}", why)


def table(training: Training, reading: Reading, fields: Mapping[str, tuple[str, Convert]]) -> None:
    """Carries every key of `fields` that has a value."""
    for key, (field, convert) in fields.items():
        value = reading.get(key)
        if value is None or field in training.settings:
            continue
        try:
            put(training, reading, field, convert(value), key)
        except (TypeError, ValueError):
            reading.note(key, DROPPED, "", f"`{value}` is not what lcspec takes for `{field}`")


def schedule(training: Training, reading: Reading, key: str) -> None:
    """The learning-rate schedule."""
    said = str(reading.get(key, ""))
    if said in SCHEDULES:
        put(training, reading, "schedule", SCHEDULES[said], key)
    elif said.startswith("cosine"):
        put(training, reading, "schedule", "cosine", key, f"`{said}` became plain cosine", exact=False)
    elif said:
        reading.note(key, DROPPED, "", f"lcspec has no schedule `{said}`")


def optimizer(training: Training, reading: Reading, key: str) -> None:
    """The optimiser: all forms of AdamW are one here, since only their speed and memory differ."""
    said = str(reading.get(key, "")).lower()
    if not said:
        return
    if re.fullmatch(r"adamw(_torch|_hf|_apex)?(_fused|_xla|_npu)?", said):
        put(training, reading, "optimizer", "adamw", key)
    elif re.fullmatch(r"(paged_)?(adamw|adam)_(torch_)?(bnb_)?(8bit|4bit|32bit|fp8)|paged_adamw(_32bit|_8bit)?", said):
        put(training, reading, "optimizer", "adamw", key, "its states are kept in full precision", exact=False)
    elif said in ("adafactor", "sgd", "rmsprop", "adagrad"):
        put(training, reading, "optimizer", said, key)
    else:
        put(training, reading, "optimizer", "adamw", key, f"lcspec has no `{said}`; AdamW instead", exact=False)


def precision(training: Training, reading: Reading, keys: tuple[str, ...] = ("bf16", "bfloat16")) -> None:
    """Mixed precision; float16 becomes bfloat16."""
    for key in keys:
        said = reading.get(key)
        if said is None:
            continue
        on = str(said).lower() in ("true", "auto", "full")
        if "precision" in training.settings:
            reading.note(key, NEEDLESS, "", "said twice")
        elif said == "auto":
            put(training, reading, "precision", "bfloat16", key, "`auto` became bfloat16", exact=False)
        else:
            put(training, reading, "precision", "bfloat16" if on else "float32", key)
    for key in ("fp16", "float16"):
        if reading.get(key) and "precision" not in training.settings:
            put(training, reading, "precision", "bfloat16", key, "float16 became bfloat16", exact=False)


def dropped_if_set(reading: Reading, reasons: Mapping[str, str]) -> None:
    """Notes keys that matter when they are on, and say nothing when they are off."""
    for key, why in reasons.items():
        if key in reading.data:
            reading.note(
                key, DROPPED if _on(reading.data[key]) else NEEDLESS, "", why if _on(reading.data[key]) else "off"
            )


def needless(reading: Reading, groups: Mapping[str, tuple[str, ...]]) -> None:
    """Notes keys that match a pattern of a group, whose name is the reason."""
    compiled = {why: re.compile("|".join(f"(?:{pattern})" for pattern in patterns)) for why, patterns in groups.items()}
    for key in reading.rest():
        for why, expression in compiled.items():
            if expression.fullmatch(key):
                reading.note(key, NEEDLESS, "", why)
                break


def leftovers(reading: Reading) -> None:
    """What nothing was said about: off, or dropped because this importer does not know it."""
    for key in reading.rest():
        on = _on(reading.data[key])
        reading.note(key, DROPPED if on else NEEDLESS, "", "lcspec has nothing like it" if on else "off")


def _on(value: Any) -> bool:
    return value not in (None, False, "", [], {}, 0, 0.0) and str(value).lower() not in ("none", "no", "off")
