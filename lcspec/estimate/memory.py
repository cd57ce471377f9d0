"""How much memory a model takes while it trains or answers, from sizes alone; each part on its own, so it can be shown.

Weights, gradients and optimiser states are exact (numbers × bytes). Activations count what a layer keeps for its
backward pass, after Korthikanti et al. 2022 (arXiv:2205.05198), with fused attention that keeps no matrix of scores
(Dao et al. 2022, arXiv:2205.14135). `OVERHEAD`, `LOGIT_COPIES`, `RETAINED` and what an adapter's outputs cost are
constants: measured on a CPU with `benchmarks/memory.py` on SmolLM2-135M and a Llama of 31M parameters, and held against
a third model by a test. They hold for this trainer and allocator, not for every one.
"""

from typing import NamedTuple

from lcspec.estimate.architecture import Config, Sizes, sizes

OVERHEAD = {"cpu": 440 << 20, "cuda": 900 << 20}  # libraries in a worker: measured on a CPU; assumed with CUDA
LOGIT_COPIES = 9.7  # logits, what the loss and the trainer's statistics make of them, and their gradient
TILE = (4096, 32768)  # tokens and words of the vocabulary whose logits the loss on rewards makes at a time
TILE_COPIES = 16  # of such a tile: with its statistics and their gradient, measured on SmolLM2-135M
SAMPLED_COPIES = 4  # of the logits that a token is sampled from: scaled, sorted, as probabilities
RETAINED = {"cpu": 2.0, "cuda": 1.0}  # a CPU's heap keeps freed blocks: a forward pass is twice what a layer holds
STATES = {"adamw": 2, "adafactor": 0.01, "sgd": 0, "rmsprop": 1, "adagrad": 1, "lion": 1}  # numbers per trained number


class Memory(NamedTuple):
    """Bytes of each part at the peak."""

    weights: float = 0
    adapter: float = 0
    gradients: float = 0
    optimizer: float = 0
    activations: float = 0
    logits: float = 0
    cache: float = 0
    copy: float = 0
    overhead: float = 0

    @property
    def total(self) -> int:
        """All of them."""
        return round(sum(self))


def weight_bytes(parameters: float, bits: float = 32) -> float:
    """Bytes of weights in `bits` each; a quantised form keeps one 16-bit scale for 32 weights."""
    return parameters * (bits + (0.5 if bits < 16 else 0)) / 8


def cache_bytes(config: Config, *, tokens: int, sequences: int = 1, bits: int = 32) -> float:
    """Bytes of keys and values of `sequences` texts of `tokens`: 2 × layers × kv heads × head size each token."""
    known = sizes(config)
    if known is None:
        return 0.0
    return 2 * known.layers * known.kv_heads * known.head_dim * tokens * sequences * bits / 8


def inference(
    config: Config, parameters: float, *, tokens: int, sequences: int = 1, bits: float = 32, device: str = "cpu"
) -> Memory:
    """The peak of answering `sequences` prompts of `tokens` at once.

    `bits` are those that the engine computes with: weights that are stored smaller and computed in float32 take 32.
    """
    computing = 32 if bits >= 32 else 16
    known = sizes(config)
    working = 0.0
    if known is not None:  # one layer's intermediates while the prompt is read
        working = RETAINED[device] * tokens * sequences * (4 * known.intermediate + 6 * known.hidden) * computing / 8
    return Memory(
        weights=weight_bytes(parameters, bits),
        activations=working,
        logits=known.vocabulary * sequences * computing / 8 if known else 0,
        cache=cache_bytes(config, tokens=tokens, sequences=sequences, bits=computing),
        overhead=OVERHEAD[device],
    )


def quantising(config: Config, parameters: float, *, bits: float = 8) -> Memory:
    """The peak of packing weights one matrix at a time: what is packed so far, and five copies of the largest matrix.

    The largest is the embedding; the copies are its float32 form, its groups, their quotients, codes and error.
    """
    known = sizes(config)
    largest = known.vocabulary * known.hidden * 4 if known is not None else parameters * 4 / 10
    return Memory(weights=weight_bytes(parameters, bits), copy=5 * largest, overhead=OVERHEAD["cpu"])


def training(
    config: Config,
    parameters: float,
    *,
    trainable: float,
    batch: int,
    tokens: int,
    bits: float = 32,
    mixed: bool = False,
    optimizer: str = "adamw",
    checkpointing: bool = False,
    sequences: int = 1,
    reference: bool = False,
    kept: float | None = None,
    tiled: bool = False,
    device: str = "cpu",
) -> Memory:
    """The peak of training: the largest of the loss, the optimiser's step and the writing of the weights.

    Args:
        config: the model's config.
        parameters: numbers of the whole model.
        trainable: numbers that learn: all, or those of an adapter (then counted beside the weights).
        batch: rows in memory at once.
        tokens: tokens of a row.
        bits: of a frozen base weight (4 or 8 for QLoRA); what learns is float32.
        mixed: whether activations are bfloat16.
        optimizer: by its name in the spec.
        checkpointing: whether only layer inputs are kept and the rest is computed again.
        sequences: texts that a row stands for: 2 for pairs (DPO, ORPO).
        reference: whether a second, frozen copy of the weights is kept.
        kept: numbers that a layer keeps for each token, when it is not the usual (`full_numbers`, `frozen_numbers`).
        tiled: whether the loss makes logits of a `TILE` at a time, as that of rewards does.
        device: cpu or cuda.
    """
    full = trainable >= parameters
    width = 2 if mixed else 4
    rows = batch * tokens * sequences
    known = sizes(config)
    activations = logits = 0.0
    if known is not None:
        usual = full_numbers(known) if full else frozen_numbers(known)
        layer = usual if kept is None else kept
        depth = known.hidden * known.layers + layer if checkpointing else layer * known.layers
        activations = float(rows * depth * width)
        logits = rows * known.vocabulary * 4 * LOGIT_COPIES
        if tiled:
            logits = min(rows, TILE[0]) * min(known.vocabulary, TILE[1]) * 4 * TILE_COPIES
    base = Memory(
        weights=weight_bytes(parameters, bits) * (2 if reference else 1),
        adapter=0.0 if full else trainable * 4,
        overhead=OVERHEAD[device],
    )
    states = trainable * 4 * STATES.get(optimizer, 2)
    stages = (
        base._replace(
            optimizer=states, activations=activations, logits=logits
        ),  # at the loss: gradients are not there yet
        base._replace(optimizer=states, gradients=trainable * 4, copy=trainable * 4),  # at the step, all at once
        base._replace(copy=weight_bytes(parameters)),  # writing the merged weights
    )
    return max(stages, key=lambda stage: stage.total)


def sampling(config: Config, learning: Memory, *, tokens: int, sequences: int, device: str = "cpu") -> Memory:
    """The peak of sampling `sequences` completions that are `tokens` long with their question, all at once.

    The weights, and what the optimiser keeps between steps, are those of `learning`; the keys and values of all
    completions grow by a copy with each token.
    """
    made = inference(config, 0, tokens=tokens, sequences=sequences, device=device)
    kept = learning._replace(gradients=0, copy=0, activations=made.activations, logits=made.logits * SAMPLED_COPIES)
    return kept._replace(cache=2 * made.cache)


def full_numbers(known: Sizes) -> int:
    """Numbers that a layer keeps for each token until the backward pass, when every weight learns.

    Two norms (input, its normalised form, and what they give), queries, keys, values (grouped, as they are) and the
    attention's output, twice; of the gated MLP the gate, its activation, the other half and their product.
    """
    return 6 * known.hidden + 3 * known.heads * known.head_dim + _keys(known) + 4 * known.intermediate


def frozen_numbers(known: Sizes) -> int:
    """As `full_numbers`, under frozen weights: layers then keep no input of their own, and norms only theirs."""
    return 2 * known.hidden + 2 * known.heads * known.head_dim + _keys(known) + 3 * known.intermediate


def _keys(known: Sizes) -> int:
    return 2 * known.kv_heads * known.head_dim
