"""How many numbers an adapter trains: exact against PEFT's own modules, by a test.

LoRA (Hu et al. 2021, arXiv:2106.09685) adds r × (in + out) to each targeted matrix, DoRA (Liu et al. 2024,
arXiv:2402.09353) a magnitude for each of its rows, IA3 (Liu et al. 2022, arXiv:2205.05638) one factor for each output
of keys and values and for each input of the last MLP matrix, prompt tuning (Lester et al. 2021, arXiv:2104.08691) a
few embeddings.
"""

from collections.abc import Sequence

from lcspec.estimate.architecture import Config, Weight, sizes, weights
from lcspec.estimate.memory import frozen_numbers

ATTENTION = ("q_proj", "k_proj", "v_proj", "o_proj")
FACTORS = {  # PEFT's defaults: modules that get factors, and those of them that get them on their input
    "gpt2": (("c_attn", "mlp.c_proj"), ("mlp.c_proj",)),
    "t5": (("k", "v", "wo"), ("wo",)),
    "mt5": (("k", "v", "wi_1"), ()),
    "bert": (("key", "value", "output.dense", "attention.output.dense"), ("output.dense", "attention.output.dense")),
    "llama": (("k_proj", "v_proj", "down_proj"), ("down_proj",)),
    "mistral": (("k_proj", "v_proj", "down_proj"), ("down_proj",)),
}
OTHERWISE = (("q_proj", "v_proj", "down_proj"), ("down_proj",))


def lora(
    config: Config,
    *,
    rank: int,
    modules: str | Sequence[str] = "all-linear",
    layers: int | None = None,
    dora: bool = False,
) -> int | None:
    """Trainable numbers of LoRA or DoRA; None for a family whose layout is not known.

    Args:
        config: the model's config.
        rank: r.
        modules: `all-linear` (every linear layer but the head), `attention`, or names of modules.
        layers: how many layers get adapters; all when None.
        dora: whether magnitudes are trained too.
    """
    targets = targeted(config, modules)
    if targets is None:
        return None
    per = [(rank * (one.rows + one.columns) + (one.rows if dora else 0), one.times) for one in targets]
    return sum(count * (min(times, layers) if layers is not None else times) for count, times in per)


def targeted(config: Config, modules: str | Sequence[str]) -> list[Weight] | None:
    """The linear layers that `modules` means."""
    listed = weights(config)
    if listed is None:
        return None
    linear = [weight for weight in listed if weight.kind == "linear" and weight.place != "head"]
    if modules == "all-linear":
        return linear
    names = ATTENTION if modules == "attention" else (modules,) if isinstance(modules, str) else tuple(modules)
    return [one for one in linear if any(one.name == name or one.name.endswith(f".{name}") for name in names)]


def lora_kept(config: Config, rank: int, modules: str | Sequence[str] = "all-linear") -> float | None:
    """Numbers that a layer keeps for each token under LoRA; None for a family whose layout is not known.

    Beside those of frozen weights: the inputs of adapted layers, what goes into each second matrix (the rank), and once
    the output of each adapted layer, which was measured: the sum is a tensor beside what the frozen layer gave.
    """
    targets, known = targeted(config, modules), sizes(config)
    if targets is None or known is None:
        return None
    places = {one.place for one in targets}
    inputs = (known.hidden + known.heads * known.head_dim) * ("attention" in places)
    inputs += (known.hidden + known.intermediate) * ("mlp" in places)
    return frozen_numbers(known) + inputs + sum(rank + one.rows for one in targets)


def ia3_kept(config: Config) -> float | None:
    """Numbers that a layer keeps for each token under IA3: keys, values and the MLP's product before scaling too."""
    known = sizes(config)
    if known is None:
        return None
    return frozen_numbers(known) + 2 * known.kv_heads * known.head_dim + known.intermediate


def ia3(config: Config) -> int | None:
    """Trainable factors of IA3 on PEFT's default modules; None for a family whose layout is not known."""
    listed = weights(config)
    if listed is None:
        return None
    modules, on_input = FACTORS.get(str(config.get("model_type")), OTHERWISE)
    linear = [weight for weight in listed if weight.kind == "linear" and weight.name in modules]
    return sum((one.columns if one.name in on_input else one.rows) * one.times for one in linear)


def prompt_tuning(config: Config, *, tokens: int) -> int | None:
    """Trainable numbers of soft prompts: one for each stack of an encoder-decoder."""
    known = sizes(config)
    if known is None:
        return None
    return tokens * known.hidden * (2 if config.get("model_type") in ("t5", "mt5") else 1)


def prefix_tuning(config: Config, *, tokens: int) -> int | None:
    """Trainable numbers of prefix tuning without projection (Li and Liang 2021): keys and values of every layer."""
    known = sizes(config)
    return None if known is None else tokens * known.layers * 2 * known.kv_heads * known.head_dim
