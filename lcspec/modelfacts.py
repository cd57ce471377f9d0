"""What is read of a model without loading it: its config, its tokenizer's control tokens, the headers of its weights.

Everything comes from small JSON files or the first megabytes of a weight file; what they do not say is absent.
"""

import hashlib
import json
import re
import struct
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from lcspec.estimate.architecture import parameters
from lcspec.runtime.scan import references

Open = Callable[[str], Path | None]
FACTS_VERSION = 3  # rises when facts gain something that a lock should hold
_SIZES = """
    model_type hidden_size num_hidden_layers num_attention_heads num_key_value_heads head_dim intermediate_size
    vocab_size max_position_embeddings tie_word_embeddings attention_bias mlp_bias sliding_window type_vocab_size
    n_embd n_layer n_head n_inner n_positions d_model d_ff d_kv num_layers num_decoder_layers num_heads
    feed_forward_proj relative_attention_num_buckets is_encoder_decoder dtype torch_dtype
"""
KEPT = frozenset(_SIZES.split())  # what arithmetic reads of a config, and a lock keeps
MOST_HEADER = 100 << 20
TEMPLATE, GENERATION, CARD = "chat_template.jinja", "generation_config.json", "README.md"


def of_folder(folder: str, open: Open) -> dict[str, Any]:
    """The facts of a folder in Hugging Face form; `open` gives a copy of a member, None where there is none."""

    def member(name: str) -> Path | None:
        return open(f"{folder}/{name}" if folder else name)

    def read(name: str) -> Any:
        path = member(name)
        return json.loads(path.read_text(encoding="utf-8")) if path is not None else None

    config = read("config.json")
    if not isinstance(config, dict):
        return {}
    tokenizer = read("tokenizer_config.json")
    template, card = member(TEMPLATE), member(CARD)
    text = template.read_text(encoding="utf-8") if template is not None else None
    facts = of_config(config, tokenizer, read(GENERATION), text)
    facts["languages"] = of_card(card.read_text(encoding="utf-8", errors="replace")) if card is not None else None
    if facts["parameters"] is None:
        weights = member("model.safetensors")
        facts["parameters"] = safetensors_parameters(weights) if weights is not None else None
    named = references([config, tokenizer])
    return {**facts, "auto_map": named} if named else facts


def source_facts(data: bytes) -> dict[str, Any]:
    """A Python file that came with a model: its SHA-256, and the files beside it that it imports.

    Imports are found as transformers finds them when it copies such files, by the text of a line.
    """
    found = re.findall(rb"^\s*(?:import\s+\.(\S+)\s*$|from\s+\.(\S+)\s+import)", data, re.MULTILINE)
    names = sorted({(one or other).decode("utf-8", "replace") for one, other in found})
    return {"sha256": hashlib.sha256(data).hexdigest(), "imports": [f"{name}.py" for name in names]}


def of_config(config: Mapping[str, Any], tokenizer: Any, generation: Any, template: str | None) -> dict[str, Any]:
    """The facts of the parsed files; `template` is the text of `chat_template.jinja`."""
    inner = config.get("text_config")
    own = (
        {**inner, "model_type": inner.get("model_type", config.get("model_type"))}
        if isinstance(inner, dict)
        else config
    )
    kept = {key: own[key] for key in KEPT if own.get(key) is not None}
    return {
        "architecture": config.get("model_type"),
        "config": kept,
        "context": next((own[key] for key in ("max_position_embeddings", "n_positions") if own.get(key)), None),
        "parameters": parameters(kept),
        "quantization": packing(config.get("quantization_config")),
        "tokenizer": of_tokenizer(tokenizer, generation, template)
        if isinstance(tokenizer, dict) and tokenizer
        else None,
        "version": FACTS_VERSION,
    }


def packing(said: Any) -> str | None:
    """How weights are packed, by the name that `estimate.formats` has for it; None for plain ones.

    The method is transformers' `quant_method`; bitsandbytes and torchao name their width apart from it.
    """
    if not isinstance(said, dict):
        return None
    method = str(said.get("quant_method") or "unknown").lower().replace("_", "-")
    if method == "bitsandbytes":
        return "bitsandbytes-4bit" if said.get("load_in_4bit") else "bitsandbytes-8bit"
    if method == "compressed-tensors":
        groups = said.get("config_groups") or {}
        first: Any = next(iter(groups.values()), {}) if isinstance(groups, dict) else {}
        weights = first.get("weights") if isinstance(first, dict) else None
        return "compressed-tensors-fp8" if isinstance(weights, dict) and weights.get("type") == "float" else method
    return method


def of_card(text: str) -> list[str] | None:
    """The languages that a model card names in its front matter (`language:`), as it writes them; None without."""
    match = re.match(r"---\r?\n(.*?)\r?\n---\s", text, re.DOTALL)
    block = re.search(r"^languages?:[ \t]*(.*(?:\n[ \t]*-[ \t]*.*)*)", match.group(1), re.MULTILINE) if match else None
    if block is None:
        return None
    return languages_of(re.findall(r"[\w-]*\w", re.sub(r"#.*", "", block.group(1))))


def languages_of(said: Any) -> list[str] | None:
    """`en` or `["en", "de"]` as a list of tags; None for what names no language."""
    listed = [said] if isinstance(said, str) else said if isinstance(said, list) else []
    names = [
        one.strip() for one in listed if isinstance(one, str) and re.fullmatch(r"[A-Za-z]{2,12}(-\w+)*", one.strip())
    ]
    return names or None


def of_tokenizer(tokenizer: Mapping[str, Any], generation: Any, template: str | None) -> dict[str, Any]:
    """Control tokens and the chat template: eos, pad, what stops a generation, what ends a turn of a chat."""
    template = template or _template(tokenizer.get("chat_template"))
    names = {number: _text(token) for number, token in (tokenizer.get("added_tokens_decoder") or {}).items()}
    eos = _text(tokenizer.get("eos_token"))
    declared = (generation or {}).get("eos_token_id") if isinstance(generation, dict) else None
    ids = declared if isinstance(declared, list) else [declared] if declared is not None else []
    stops = [eos, *(names.get(str(number)) for number in ids)]
    return control(
        template, eos, _text(tokenizer.get("pad_token")), [one for one in stops if one], list(names.values())
    )


def control(
    template: str | None, eos: str | None, pad: str | None, stops: list[str], controls: list[str | None]
) -> dict[str, Any]:
    """The facts of a tokenizer; `controls` are the texts of all its control tokens."""
    return {
        "chat_template": bool(template),
        "eos": eos,
        "pad": pad,
        "stops": sorted(set(stops)),
        "system_role": _system_role(template) if template else None,
        "turn_end": _turn_end(template, [one for one in controls if one], eos) if template else None,
    }


def _template(value: Any) -> str | None:
    if isinstance(value, list):  # several templates by name
        value = next((one.get("template") for one in value if one.get("name") == "default"), None)
    return value if isinstance(value, str) else None


def _text(token: Any) -> str | None:
    return token.get("content") if isinstance(token, dict) else token if isinstance(token, str) else None


def _system_role(template: str) -> bool:
    """False for a template that knows no system message, or refuses one."""
    refuses = "raise_exception" in template and "ystem role not supported" in template
    generic = re.search(r"""\{\{[^}]*(\[['"]role['"]\]|\.role\b)""", template) is not None  # it prints any role
    return not refuses and ("system" in template or generic)


def _turn_end(template: str, controls: list[str], eos: str | None) -> str | None:
    """The control token that ends a turn, for the usual names of it; None when the template shows none of them."""
    usual = ("<|im_end|>", "<|eot_id|>", "<end_of_turn>", "<|end|>", "<|eot|>", "<|END_OF_TURN_TOKEN|>", "<turn|>")
    found = [token for token in usual if token in template and token in controls]
    if found:
        return found[0]
    return eos if "eos_token" in template or (eos is not None and eos in template) else None


def safetensors_parameters(path: Path) -> int | None:
    """Numbers in a safetensors file, from its header; None when that is none."""
    with path.open("rb") as file:
        start = file.read(8)
        size = struct.unpack("<Q", start)[0] if len(start) == 8 else 0
        if not 0 < size <= MOST_HEADER:
            return None
        header = json.loads(file.read(size))
    total = 0
    for name, tensor in header.items():
        count = 1
        for side in tensor.get("shape", ()) if name != "__metadata__" else (0,):
            count *= side
        total += count
    return total
