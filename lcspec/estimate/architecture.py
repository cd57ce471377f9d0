"""The shape of every weight of a model, from its config alone: exact for the families listed here.

Llama, Mistral, Qwen2, Qwen3, Gemma 1 to 3 (text), GPT-2, T5 and BERT; the layouts are those of the published configs
and of transformers' implementations, held against them by a test. `T5` counts the conditional-generation model, `BERT`
the encoder with its pooler.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple

Config = Mapping[str, Any]
GATED = ("llama", "mistral", "qwen2", "qwen3", "gemma", "gemma2", "gemma3_text", "gemma3")
DECODERS = frozenset(
    (*GATED, "gpt2", "gpt_neox", "gptj", "phi", "phi3", "falcon", "bloom", "mpt", "mixtral", "qwen2_moe", "olmo")
) | {"qwen3_moe", "olmo2", "stablelm", "starcoder2", "cohere", "granite", "smollm3", "opt", "llama4_text"}
ENCODERS = frozenset(
    {"bert", "roberta", "xlm-roberta", "distilbert", "deberta", "deberta-v2", "electra", "albert", "mpnet"}
) | {"modernbert", "nomic_bert", "new"}
ENCODER_DECODERS = frozenset({"t5", "mt5", "bart", "mbart", "marian", "pegasus", "m2m_100", "longt5", "umt5", "led"})


class Weight(NamedTuple):
    """One weight matrix or vector: the module's last name, rows (out) × columns (in), and how many layers have it.

    `kind` is linear, embedding, norm or bias; `place` is embedding, attention, cross, mlp, norm, pooler or head.
    """

    name: str
    rows: int
    columns: int
    times: int
    kind: str
    place: str

    @property
    def numbers(self) -> int:
        """Numbers in all layers."""
        return self.rows * self.columns * self.times


class Sizes(NamedTuple):
    """The sizes that arithmetic needs, by one name for all families."""

    layers: int
    hidden: int
    heads: int
    kv_heads: int
    head_dim: int
    intermediate: int
    vocabulary: int
    tied: bool


def family(architecture: str | None) -> str | None:
    """`decoder`, `encoder` or `encoder-decoder`; None for an architecture that is not known here."""
    for name, known in (("decoder", DECODERS), ("encoder", ENCODERS), ("encoder-decoder", ENCODER_DECODERS)):
        if architecture in known:
            return name
    return None


def sizes(config: Config) -> Sizes | None:
    """The sizes of a config of any family that says them; None when it does not."""
    hidden = _whole(config, "hidden_size", "n_embd", "d_model")
    layers = _whole(config, "num_hidden_layers", "n_layer", "num_layers")
    heads = _whole(config, "num_attention_heads", "n_head", "num_heads")
    vocabulary = _whole(config, "vocab_size")
    if not (hidden and layers and heads and vocabulary):
        return None
    kv = _whole(config, "num_key_value_heads") or heads
    dim = _whole(config, "head_dim", "d_kv") or hidden // heads
    intermediate = _whole(config, "intermediate_size", "n_inner", "d_ff") or 4 * hidden
    return Sizes(layers, hidden, heads, kv, dim, intermediate, vocabulary, _tied(config))


def _whole(config: Config, *names: str) -> int | None:
    """The first of these that is a positive whole number (some configs list one for each layer)."""
    found = (config.get(name) for name in names)
    return next((value for value in found if isinstance(value, int) and value > 0), None)


def _tied(config: Config) -> bool:
    """Whether the head is the embedding; where the config is silent, as the family's default."""
    default = config.get("model_type") in ("gpt2", "t5", "bert", "gemma", "gemma2", "gemma3_text", "gemma3")
    return bool(config.get("tie_word_embeddings", default))


def parameters(config: Config) -> int | None:
    """How many numbers the weights hold; None for a family whose layout is not known here."""
    listed = weights(config)
    return sum(weight.numbers for weight in listed) if listed is not None else None


def weights(config: Config) -> list[Weight] | None:
    """Every weight of a model; None for a family whose layout is not known here."""
    known = sizes(config)
    model = config.get("model_type")
    if known is None:
        return None
    if model in GATED:
        return _gated(str(model), config, known)
    made = {"gpt2": _gpt2, "t5": _t5, "mt5": _t5, "bert": _bert}.get(str(model))
    return made(config, known) if made else None


def _gated(model: str, config: Config, s: Sizes) -> list[Weight]:
    """Llama and what descends from it: rotary positions, RMS norms, grouped queries, a gated MLP."""
    n, h, query, kv = s.layers, s.hidden, s.heads * s.head_dim, s.kv_heads * s.head_dim
    made = [Weight("embed_tokens", s.vocabulary, h, 1, "embedding", "embedding")]
    for name, rows, columns in (("q_proj", query, h), ("k_proj", kv, h), ("v_proj", kv, h), ("o_proj", h, query)):
        made.append(Weight(name, rows, columns, n, "linear", "attention"))
        biased = name != "o_proj" if model == "qwen2" else config.get("attention_bias", False)
        if biased and model != "mistral":
            made.append(Weight(name, rows, 1, n, "bias", "attention"))
    for name, rows, columns in (("gate_proj", s.intermediate, h), ("up_proj", s.intermediate, h)):
        made.append(Weight(name, rows, columns, n, "linear", "mlp"))
    made.append(Weight("down_proj", h, s.intermediate, n, "linear", "mlp"))
    if config.get("mlp_bias", False) and model == "llama":
        made += [Weight("mlp", 2 * s.intermediate + h, 1, n, "bias", "mlp")]
    norms = 4 if model in ("gemma2", "gemma3_text", "gemma3") else 2
    made.append(Weight("norm", norms * h, 1, n, "norm", "norm"))
    if model in ("qwen3", "gemma3_text", "gemma3"):
        made.append(Weight("qk_norm", 2 * s.head_dim, 1, n, "norm", "norm"))
    made.append(Weight("norm", h, 1, 1, "norm", "norm"))
    return made if s.tied else [*made, Weight("lm_head", s.vocabulary, h, 1, "linear", "head")]


def _gpt2(config: Config, s: Sizes) -> list[Weight]:
    n, h = s.layers, s.hidden
    positions = config.get("n_positions") or config.get("max_position_embeddings") or 1024
    made = [
        Weight("wte", s.vocabulary, h, 1, "embedding", "embedding"),
        Weight("wpe", positions, h, 1, "embedding", "embedding"),
        Weight("norm", 4 * h, 1, n, "norm", "norm"),
        Weight("norm", 2 * h, 1, 1, "norm", "norm"),
    ]
    for name, rows, columns, place in (
        ("c_attn", 3 * h, h, "attention"),
        ("attn.c_proj", h, h, "attention"),
        ("c_fc", s.intermediate, h, "mlp"),
        ("mlp.c_proj", h, s.intermediate, "mlp"),
    ):
        made += [Weight(name, rows, columns, n, "linear", place), Weight(name, rows, 1, n, "bias", place)]
    return made if s.tied else [*made, Weight("lm_head", s.vocabulary, h, 1, "linear", "head")]


def _t5(config: Config, s: Sizes) -> list[Weight]:
    """Raffel et al. 2020: no biases, relative positions in the first layer of each stack."""
    encoder, decoder = s.layers, config.get("num_decoder_layers") or s.layers
    h, inner, buckets = s.hidden, s.heads * s.head_dim, config.get("relative_attention_num_buckets", 32)
    both = encoder + decoder
    made = [Weight("shared", s.vocabulary, h, 1, "embedding", "embedding")]
    for name, rows, columns in (("q", inner, h), ("k", inner, h), ("v", inner, h), ("o", h, inner)):
        made.append(Weight(name, rows, columns, both, "linear", "attention"))
        made.append(Weight(name, rows, columns, decoder, "linear", "cross"))
    gated = str(config.get("feed_forward_proj", "relu")).startswith("gated")
    for name in ("wi_0", "wi_1") if gated else ("wi",):
        made.append(Weight(name, s.intermediate, h, both, "linear", "mlp"))
    made.append(Weight("wo", h, s.intermediate, both, "linear", "mlp"))
    made.append(Weight("relative_attention_bias", buckets, s.heads, 2, "embedding", "attention"))
    made.append(Weight("layer_norm", h * (2 * encoder + 3 * decoder + 2), 1, 1, "norm", "norm"))
    return made if s.tied else [*made, Weight("lm_head", s.vocabulary, h, 1, "linear", "head")]


def _bert(config: Config, s: Sizes) -> list[Weight]:
    """Devlin et al. 2019: learned positions, biases everywhere, norms after each half of a layer."""
    n, h = s.layers, s.hidden
    tables = s.vocabulary + config.get("max_position_embeddings", 512) + config.get("type_vocab_size", 2)
    made = [
        Weight("embeddings", tables, h, 1, "embedding", "embedding"),
        Weight("norm", 2 * h, 1, 1, "norm", "norm"),
        Weight("norm", 4 * h, 1, n, "norm", "norm"),
    ]
    for name, rows, columns, times, place in (
        ("query", h, h, n, "attention"),
        ("key", h, h, n, "attention"),
        ("value", h, h, n, "attention"),
        ("attention.output.dense", h, h, n, "attention"),
        ("intermediate.dense", s.intermediate, h, n, "mlp"),
        ("output.dense", h, s.intermediate, n, "mlp"),
        ("pooler.dense", h, h, 1, "pooler"),
    ):
        made += [Weight(name, rows, columns, times, "linear", place), Weight(name, rows, 1, times, "bias", place)]
    return made
