"""Loading a model folder: float32, safetensors only; code that came with the weights only where it is allowed."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import torch
from transformers import AutoConfig, AutoModelForCausalLM, AutoTokenizer, GenerationConfig
from transformers.dynamic_module_utils import get_class_from_dynamic_module
from transformers.models.auto.modeling_auto import MODEL_FOR_CAUSAL_LM_MAPPING

from .modelcode import Place, place_of
from .scan import NO_CODE, Code, check_folder
from .weights import QUANTIZED_NAME, load_quantized

Device = Literal["auto", "cpu", "cuda"]


@dataclass(frozen=True)
class LoadedModel:
    """A model ready to be asked.

    Attributes:
        model: the transformers causal language model, in evaluation mode, float32.
        tokenizer: its tokenizer.
        stop_ids: ids that end a generation; the tokenizer's end-of-sequence id comes first.
        context: the number of positions of the model, or None where its configuration names none.
    """

    model: Any
    tokenizer: Any
    stop_ids: tuple[int, ...]
    context: int | None = None


def load_model(
    folder: Path, *, threads: int | None = None, device: Device = "cpu", code: Code = NO_CODE
) -> LoadedModel:
    """Return the model and tokenizer of a Hugging Face folder, or of one that `weights.quantize_folder` wrote.

    Args:
        folder: holds config.json, the tokenizer, and model*.safetensors or weights.lcq.safetensors.
        threads: torch's thread count, which is one for the whole process; None leaves it.
        device: `auto` takes CUDA where there is one.
        code: Python files of the folder that may run, each with the SHA-256 of what may be in it.

    Raises:
        FileNotFoundError: no configuration or no safetensors weights.
        UnsafeModelError: what `scan` refuses.
        ValueError: the weights do not fit the configuration, or `cuda` where there is none.
    """
    folder = Path(folder)
    check_folder(folder, code)
    place = place_of(folder, code)
    if threads is not None:
        torch.set_num_threads(threads)
    target = pick_device(device)
    tokenizer = AutoTokenizer.from_pretrained(place.folder, trust_remote_code=place.trusted, local_files_only=True)
    model = _load_quantized_model(place) if (folder / QUANTIZED_NAME).exists() else _load_plain_model(place)
    model.eval().requires_grad_(False).to(target)
    limit = getattr(model.config.get_text_config(), "max_position_embeddings", None)
    return LoadedModel(model, tokenizer, stop_ids_of(model, tokenizer), limit)


def pick_device(device: Device) -> str:
    """Return the torch device name.

    Raises:
        ValueError: an unknown name, or CUDA was asked for and there is none.
    """
    if device not in ("auto", "cpu", "cuda"):
        raise ValueError(f"unknown device {device!r}")
    if device == "cuda" and not torch.cuda.is_available():
        raise ValueError("CUDA was asked for, and this machine has none")
    return "cuda" if device != "cpu" and torch.cuda.is_available() else "cpu"


def _load_plain_model(place: Place) -> Any:
    model, report = AutoModelForCausalLM.from_pretrained(
        place.folder,
        dtype=torch.float32,
        use_safetensors=True,
        trust_remote_code=place.trusted,
        local_files_only=True,
        output_loading_info=True,
    )
    _refuse_gaps(report)
    return model


def _load_quantized_model(place: Place) -> Any:
    folder = place.folder
    config = AutoConfig.from_pretrained(folder, trust_remote_code=place.trusted, local_files_only=True)
    # The class itself, because the auto class takes no state dict without a folder of weights.
    kind = _own_class(place, config)
    if kind is None and type(config) not in MODEL_FOR_CAUSAL_LM_MAPPING:
        raise ValueError(f"{config.model_type} is no causal language model")
    kind = kind or MODEL_FOR_CAUSAL_LM_MAPPING[type(config)]
    state = load_quantized(folder)
    model, report = kind.from_pretrained(
        None, config=config, state_dict=state, dtype=torch.float32, output_loading_info=True
    )
    _refuse_gaps(report)
    if (folder / "generation_config.json").exists():
        model.generation_config = GenerationConfig.from_pretrained(folder, local_files_only=True)
    return model


def _own_class(place: Place, config: Any) -> Any:
    """The class of the model's own code; None when it has none, or may not run."""
    named = (getattr(config, "auto_map", None) or {}).get("AutoModelForCausalLM")
    return (
        get_class_from_dynamic_module(named, place.folder, local_files_only=True) if place.trusted and named else None
    )


def _refuse_gaps(report: Any) -> None:
    """Refuse weights that transformers would fill with random numbers: it only warns about them."""
    absent = sorted(str(key) for name in ("missing_keys", "mismatched_keys") for key in report.get(name) or ())
    if absent:
        raise ValueError(f"the weights do not fit the configuration: {', '.join(absent[:5])}")


def stop_ids_of(model: Any, tokenizer: Any) -> tuple[int, ...]:
    """Return the ids that end a generation: the tokenizer's own, then those that the model's configurations name."""
    ends = [tokenizer.eos_token_id]
    for config in (getattr(model, "generation_config", None), model.config):
        declared = getattr(config, "eos_token_id", None)
        ends += declared if isinstance(declared, (list, tuple)) else [declared]
    return tuple(dict.fromkeys(int(end) for end in ends if end is not None))
