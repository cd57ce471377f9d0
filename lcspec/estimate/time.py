"""How long arithmetic takes: floating-point operations over what a device sustains.

Training costs 6 operations for each parameter and token (2 forward, 4 backward), answering 2 (Kaplan et al. 2020,
arXiv:2001.08361); with frozen weights the backward pass is spared their gradients, so 4; recomputing activations adds a
forward pass. Answering one token at a time reads every weight once: bandwidth decides. Compute-optimal training takes
about 20 tokens for each parameter (Hoffmann et al. 2022, arXiv:2203.15556).
"""

from typing import NamedTuple

TOKENS_PER_PARAMETER = 20
MOST_REPEATS = 4  # passes over data that count almost like new data (Muennighoff et al. 2023, arXiv:2305.16264)


class Device(NamedTuple):
    """What a device sustains: operations a second, bytes read a second, bytes of memory; `name` as a spec says it.

    Operations are what training reaches, not the data sheet's peak. `capability` is CUDA's compute capability
    (https://developer.nvidia.com/cuda-gpus), None for a CPU.
    """

    name: str
    flops: float
    bandwidth: float
    memory: float
    capability: float | None = None


_GB = 1e9
_GIB = 1 << 30
# CPU figures are measured (two threads of an AVX2 server); accelerators at 40 % of the data sheet's bfloat16 peak.
DEVICES = {
    device.name: device
    for device in (
        Device("cpu", 6e10, 25 * _GB, 8 * _GIB),
        Device("t4", 0.4 * 65e12, 320 * _GB, 15 * _GIB, 7.5),
        Device("l4", 0.4 * 121e12, 300 * _GB, 22.5 * _GIB, 8.9),
        Device("a10g", 0.4 * 70e12, 600 * _GB, 22.5 * _GIB, 8.6),
        Device("rtx-4090", 0.4 * 165e12, 1008 * _GB, 23.5 * _GIB, 8.9),
        Device("a100-40gb", 0.4 * 312e12, 1555 * _GB, 39.5 * _GIB, 8.0),
        Device("a100-80gb", 0.4 * 312e12, 2039 * _GB, 79 * _GIB, 8.0),
        Device("h100-80gb", 0.4 * 989e12, 3350 * _GB, 79 * _GIB, 9.0),
        Device("h200", 0.4 * 989e12, 4800 * _GB, 140 * _GIB, 9.0),
    )
}


def training_flops(
    parameters: float, tokens: float, *, trainable: float | None = None, checkpointing: bool = False
) -> float:
    """Operations of training on `tokens`; `trainable` numbers learn (all when None)."""
    frozen = trainable is not None and trainable < parameters / 2
    return parameters * tokens * ((4 if frozen else 6) + (2 if checkpointing else 0))


def answering_flops(parameters: float, tokens: float) -> float:
    """Operations of reading or writing `tokens`."""
    return 2 * parameters * tokens


def answering_seconds(parameters: float, prompt: float, written: float, device: Device, *, bits: float = 32) -> float:
    """Seconds of one answer: the prompt is bound by operations, what is written by reading the weights."""
    reading = answering_flops(parameters, prompt) / device.flops
    one = max(parameters * bits / 8 / device.bandwidth, answering_flops(parameters, 1) / device.flops)
    return reading + written * one


def optimal_tokens(parameters: float) -> float:
    """Tokens that a model of this size should see for its compute to be well spent."""
    return parameters * TOKENS_PER_PARAMETER
