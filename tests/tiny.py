"""Tiny models and pipelines for tests: a byte tokenizer and random Llamas, made in well under a second."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

CHAT_TEMPLATE = (
    "{% for m in messages %}<s>{{ m['role'] }}: {{ m['content'] }}</s>{% endfor %}"
    "{% if add_generation_prompt %}<s>assistant: {% endif %}"
)
LABELS = ["oil", "trade", "tradeoff", "grain"]
PASSAGES = [
    {"id": "p1", "title": "Opening hours", "text": "The office opens at nine on weekdays.", "source": "hours.md"},
    {"id": "p2", "title": "Returns", "text": "Goods can be returned within thirty days.", "source": "returns.md"},
    {"id": "p3", "title": "Shipping", "text": "Parcels leave the warehouse every evening.", "source": "shipping.md"},
]


def tiny_tokenizer() -> Any:
    """Return a byte-level tokenizer of 259 tokens with a chat template."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    letters = sorted(pre_tokenizers.ByteLevel.alphabet())
    vocab = {"<pad>": 0, "<s>": 1, "</s>": 2, **{letter: place + 3 for place, letter in enumerate(letters)}}
    raw = Tokenizer(models.BPE(vocab=vocab, merges=[]))
    raw.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    raw.decoder = decoders.ByteLevel()
    made = PreTrainedTokenizerFast(tokenizer_object=raw, pad_token="<pad>", bos_token="<s>", eos_token="</s>")
    made.chat_template = CHAT_TEMPLATE
    return made


def write_tiny_model(
    folder: Path, *, seed: int = 0, tied: bool = False, positions: int = 1024, endless: bool = False
) -> Path:
    """Write a random Llama (2 layers, hidden 32) with the byte tokenizer and return its folder.

    The weights are spread wide (0.3), so that greedy choices are clear and differ from row to row. `endless`
    keeps it from choosing the end-of-sequence token.
    """
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM

    with torch.random.fork_rng():
        torch.manual_seed(seed)
        config = LlamaConfig(
            vocab_size=259,
            hidden_size=32,
            intermediate_size=64,
            num_hidden_layers=2,
            num_attention_heads=4,
            num_key_value_heads=2,
            max_position_embeddings=positions,
            initializer_range=0.3,
            tie_word_embeddings=tied,
            bos_token_id=1,
            eos_token_id=2,
            pad_token_id=0,
        )
        model = LlamaForCausalLM(config)
    if endless:
        model.lm_head.weight.data[2] = 0.0
    model.save_pretrained(folder)
    tiny_tokenizer().save_pretrained(folder)
    return folder


def chat_prompt(**changes: Any) -> dict[str, Any]:
    """Return prompt.json of a few-shot classification in chat format."""
    shots = [{"row": {"text": "crude prices rose"}, "answer": "oil"}]
    return {"format": "chat", "system": "Name the topic.", "user": "News: {{ text }}", "shots": shots} | changes


def text_prompt(**changes: Any) -> dict[str, Any]:
    """Return prompt.json of a zero-shot prompt in text format."""
    return {"format": "text", "user": "News: {{ text }}\nTopic:", "answer_prefix": " "} | changes


def manifest(**changes: Any) -> dict[str, Any]:
    """Return pipeline.json of a classification by likelihood."""
    return {
        "format_version": 1,
        "name": "tiny-topics",
        "task": "classification",
        "input": "text",
        "labels": LABELS,
        "scoring": {"method": "likelihood"},
        "model": "model",
        "prompt": "prompt.json",
        "retrieval": None,
        "guardrails": {"input": [], "output": []},
    } | changes


def generation(**changes: Any) -> dict[str, Any]:
    """Return pipeline.json of a generation task."""
    scoring = {"method": "generation", "max_tokens": 24, "stop": []}
    return manifest(task="generation", labels=None, scoring=scoring, name="tiny-writer") | changes


def write_pipeline(folder: Path, pipeline: dict[str, Any], prompt: dict[str, Any], model: Path) -> Path:
    """Write a pipeline folder whose `model` is a copy of the given one, with index and embedder if it retrieves."""
    import shutil

    folder.mkdir(parents=True, exist_ok=True)
    shutil.copytree(model, folder / "model", dirs_exist_ok=True)
    (folder / "prompt.json").write_text(json.dumps(prompt), encoding="utf-8")
    (folder / "pipeline.json").write_text(json.dumps(pipeline), encoding="utf-8")
    if pipeline.get("retrieval"):
        from lcspec.runtime.retrieval import build_index

        shutil.copytree(model, folder / "embedder", dirs_exist_ok=True)
        build_index(PASSAGES, folder / "embedder", folder / "index")
    return folder
