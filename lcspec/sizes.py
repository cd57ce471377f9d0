"""How many parameters a decoder of given sizes has, and which sizes come closest to a number of parameters."""

from collections.abc import Mapping
from typing import NamedTuple

ARCHITECTURES = ("llama", "mistral", "qwen2", "gpt2")
HEAD = 32  # width of an attention head in sizes that we choose
WIDTHS = tuple(range(32, 4097, 32))
ASPECT = 64  # hidden size per layer that small decoders do well with


class Sizes(NamedTuple):
    """The shape of a decoder."""

    hidden: int
    layers: int
    heads: int
    kv_heads: int
    intermediate: int


def parameters(architecture: str, sizes: Sizes, *, vocabulary: int, context: int, tied: bool) -> int:
    """The exact number of weights, embeddings included."""
    h, i = sizes.hidden, sizes.intermediate
    head = 0 if tied else vocabulary * h
    if architecture == "gpt2":
        layer = 4 * h * h + 2 * h * i + 9 * h + i  # with biases and two norms
        return vocabulary * h + context * h + sizes.layers * layer + 2 * h + head
    kv = h // sizes.heads * sizes.kv_heads
    layer = 2 * h * h + 2 * h * kv + 3 * h * i + 2 * h + (h + 2 * kv if architecture == "qwen2" else 0)
    return vocabulary * h + sizes.layers * layer + h + head


def choose(architecture: str, wanted: int, *, vocabulary: int, context: int, tied: bool) -> Sizes:
    """The sizes whose number of parameters is closest to `wanted`; within a tenth, those of the usual aspect."""
    best: tuple[tuple[float, float], Sizes] | None = None
    for hidden in WIDTHS:
        one = _shape(architecture, hidden, 1)
        rest = parameters(architecture, one, vocabulary=vocabulary, context=context, tied=tied)
        two = parameters(architecture, one._replace(layers=2), vocabulary=vocabulary, context=context, tied=tied)
        layers = max(1, 1 + round((wanted - rest) / (two - rest)))
        made = one._replace(layers=layers)
        off = abs(parameters(architecture, made, vocabulary=vocabulary, context=context, tied=tied) - wanted) / wanted
        aspect = hidden / layers / ASPECT
        badness = (max(off, 0.1), max(aspect, 1 / aspect) + off)
        if best is None or badness < best[0]:
            best = (badness, made)
        if rest > 2 * wanted:
            break
    assert best is not None  # noqa: S101 - WIDTHS is not empty
    return best[1]


def _shape(architecture: str, hidden: int, layers: int) -> Sizes:
    heads = hidden // HEAD
    inner = 4 * hidden if architecture == "gpt2" else -(-hidden * 8 // 3 // 32) * 32
    return Sizes(hidden, layers, heads, heads, inner)


def read_sizes(said: Mapping[str, int | None], architecture: str) -> Sizes:
    """The sizes that a spec gives, with what it leaves out filled in."""
    shape = _shape(architecture, int(said["hidden"] or 0), int(said["layers"] or 0))
    heads = said.get("heads") or max(1, shape.heads)
    return Sizes(
        shape.hidden, shape.layers, heads, said.get("kv-heads") or heads, said.get("intermediate") or shape.intermediate
    )
