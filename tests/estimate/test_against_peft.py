"""Counts from a config are those of transformers' and PEFT's own modules, for every family that claims to be exact."""

from typing import Any

import pytest

from lcspec.estimate import adapters, architecture

pytestmark = pytest.mark.ml

COMMON = {"vocab_size": 97, "hidden_size": 32, "num_hidden_layers": 3, "num_attention_heads": 4}
GATED = {**COMMON, "intermediate_size": 40, "num_key_value_heads": 2, "max_position_embeddings": 64}
CONFIGS: dict[str, tuple[str, dict[str, Any]]] = {
    "llama": ("llama", {**GATED, "tie_word_embeddings": False}),
    "llama tied, biased": ("llama", {**GATED, "tie_word_embeddings": True, "attention_bias": True, "mlp_bias": True}),
    "llama with its own head size": ("llama", {**GATED, "head_dim": 16, "tie_word_embeddings": False}),
    "mistral": ("mistral", {**GATED, "tie_word_embeddings": False}),
    "qwen2": ("qwen2", {**GATED, "tie_word_embeddings": True}),
    "qwen3": ("qwen3", {**GATED, "head_dim": 16, "tie_word_embeddings": False}),
    "gemma": ("gemma", {**GATED, "head_dim": 16}),
    "gemma2": ("gemma2", {**GATED, "head_dim": 16}),
    "gemma3": ("gemma3_text", {**GATED, "head_dim": 16}),
    "gpt2": ("gpt2", {"vocab_size": 97, "n_embd": 32, "n_layer": 3, "n_head": 4, "n_positions": 64}),
    "t5": ("t5", {"vocab_size": 97, "d_model": 32, "d_kv": 8, "d_ff": 40, "num_layers": 3, "num_heads": 4}),
    "t5 gated, uneven": (
        "t5",
        {"vocab_size": 97, "d_model": 32, "d_kv": 8, "d_ff": 40, "num_layers": 3, "num_decoder_layers": 2}
        | {"num_heads": 4, "feed_forward_proj": "gated-gelu", "tie_word_embeddings": False},
    ),
    "bert": ("bert", {**COMMON, "intermediate_size": 40, "max_position_embeddings": 64}),
}
TASKS = {"t5": "SEQ_2_SEQ_LM", "bert": "FEATURE_EXTRACTION"}


def built(name: str) -> tuple[Any, dict[str, Any]]:
    from transformers import AutoConfig, AutoModel, AutoModelForCausalLM, AutoModelForSeq2SeqLM

    kind, fields = CONFIGS[name]
    config = AutoConfig.for_model(kind, **fields)
    loader = {"t5": AutoModelForSeq2SeqLM, "bert": AutoModel}.get(kind, AutoModelForCausalLM)
    return loader.from_config(config), dict(config.to_dict())


def trainable(model: Any) -> int:
    return sum(weight.numel() for weight in model.parameters() if weight.requires_grad)


def test_all_families_are_here() -> None:
    assert {kind for kind, _ in CONFIGS.values()} >= {
        "llama",
        "qwen2",
        "qwen3",
        "mistral",
        "gemma",
        "gpt2",
        "t5",
        "bert",
    }
    assert len(CONFIGS) == 13


@pytest.mark.parametrize("name", CONFIGS)
def test_parameters_are_exact(name: str) -> None:
    model, config = built(name)
    assert architecture.parameters(config) == sum(weight.numel() for weight in model.parameters())


@pytest.mark.parametrize("dora", [False, True], ids=["lora", "dora"])
@pytest.mark.parametrize("name", CONFIGS)
def test_lora_and_dora_are_exact(name: str, dora: bool) -> None:
    from peft import LoraConfig, get_peft_model

    model, config = built(name)
    task = TASKS.get(CONFIGS[name][0], "CAUSAL_LM")
    made = get_peft_model(model, LoraConfig(r=4, target_modules="all-linear", task_type=task, use_dora=dora))
    assert adapters.lora(config, rank=4, dora=dora) == trainable(made)


def test_lora_on_attention_is_exact() -> None:
    from peft import LoraConfig, get_peft_model

    for name in ("llama", "qwen2", "mistral", "gemma"):
        model, config = built(name)
        modules = list(adapters.ATTENTION)
        made = get_peft_model(model, LoraConfig(r=4, target_modules=modules, task_type="CAUSAL_LM"))
        assert adapters.lora(config, rank=4, modules="attention") == trainable(made)


@pytest.mark.parametrize("name", CONFIGS)
def test_ia3_is_exact(name: str) -> None:
    from peft import IA3Config, get_peft_model

    model, config = built(name)
    made = get_peft_model(model, IA3Config(task_type=TASKS.get(CONFIGS[name][0], "CAUSAL_LM")))
    assert adapters.ia3(config) == trainable(made)


@pytest.mark.parametrize("name", CONFIGS)
def test_prompt_tuning_is_exact(name: str) -> None:
    from peft import PromptTuningConfig, get_peft_model

    model, config = built(name)
    task = TASKS.get(CONFIGS[name][0], "CAUSAL_LM")
    made = get_peft_model(model, PromptTuningConfig(num_virtual_tokens=5, task_type=task))
    assert adapters.prompt_tuning(config, tokens=5) == trainable(made)


def test_prefix_tuning_is_exact() -> None:
    from peft import PrefixTuningConfig, get_peft_model

    for name in ("llama", "gpt2"):
        model, config = built(name)
        made = get_peft_model(model, PrefixTuningConfig(num_virtual_tokens=5, task_type="CAUSAL_LM"))
        assert adapters.prefix_tuning(config, tokens=5) == trainable(made)
