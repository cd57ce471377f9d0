"""Which engine loads which packed form of weights, on which hardware: one table, read by rules.

Rows of `runtime` (the part of lcspec that tunes, evaluates and serves) are those of transformers' quantisers without
the optional packages, which a generated service does not carry. Rows of `vllm` are its chart of supported hardware,
https://docs.vllm.ai/en/latest/features/quantization/. A format or an engine without a row is not judged.
"""

from typing import NamedTuple

from lcspec.estimate.time import Device

TITLES = {
    "lcq": "lcspec's own packed form",
    "awq": "AWQ",
    "gptq": "GPTQ",
    "bitsandbytes-4bit": "bitsandbytes in 4 bits",
    "bitsandbytes-8bit": "bitsandbytes in 8 bits",
    "compressed-tensors": "compressed-tensors",
    "compressed-tensors-fp8": "compressed-tensors in FP8",
    "fp8": "FP8",
    "mxfp4": "MXFP4",
    "aqlm": "AQLM",
    "hqq": "HQQ",
    "eetq": "EETQ",
    "torchao": "torchao",
    "auto-round": "AutoRound",
    "vptq": "VPTQ",
    "quanto": "Quanto",
}


class Support(NamedTuple):
    """What an engine needs for one form: a package that it does not carry, or hardware.

    `lacks` is that package (then no hardware helps); `cpu` whether a CPU will do; `capability` is the least CUDA
    compute capability of a GPU.
    """

    cpu: bool = True
    capability: float = 0.0
    lacks: str | None = None


_DEQUANTISED = Support()  # transformers spreads these out to plain weights where there are no kernels for them
SUPPORT: dict[str, dict[str, Support]] = {
    "runtime": {
        "lcq": Support(),
        "fp8": _DEQUANTISED,
        "mxfp4": _DEQUANTISED,
        "awq": Support(lacks="gptqmodel"),
        "gptq": Support(lacks="gptqmodel"),
        "bitsandbytes-4bit": Support(lacks="bitsandbytes"),
        "bitsandbytes-8bit": Support(lacks="bitsandbytes"),
        "compressed-tensors": Support(lacks="compressed-tensors"),
        "compressed-tensors-fp8": Support(lacks="compressed-tensors"),
        "aqlm": Support(lacks="aqlm"),
        "hqq": Support(lacks="hqq"),
        "eetq": Support(lacks="kernels"),
        "torchao": Support(lacks="torchao"),
        "auto-round": Support(lacks="auto-round"),
        "vptq": Support(lacks="vptq"),
        "quanto": Support(lacks="optimum-quanto"),
    },
    "vllm": {
        "lcq": Support(lacks="lcspec"),
        "awq": Support(capability=7.5),
        "gptq": Support(capability=7.0),
        "compressed-tensors": Support(capability=7.5),
        "compressed-tensors-fp8": Support(cpu=False, capability=7.5),
        "fp8": Support(cpu=False, capability=7.5),
        "bitsandbytes-4bit": Support(cpu=False, capability=7.0),
        "bitsandbytes-8bit": Support(cpu=False, capability=7.0),
        "quanto": Support(lacks="optimum-quanto"),
        "vptq": Support(lacks="vptq"),
        "hqq": Support(lacks="hqq"),
    },
}


def obstacle(engine: str, form: str, device: Device | None) -> str | None:
    """Why `engine` cannot answer with weights of `form` on `device`; None when it can, or when that is not known.

    Without a device only the engine is judged.
    """
    row = SUPPORT.get(engine, {}).get(form)
    if row is None:
        return None
    if row.lacks:
        return f"`{engine}` has no `{row.lacks}`, which reads it"
    if device is None:
        return None
    if device.capability is None:
        return None if row.cpu else f"`{engine}` computes it on a GPU only, and `{device.name}` has none"
    if device.capability < row.capability:
        return (
            f"`{engine}` needs compute capability {row.capability:g} for it; `{device.name}` has {device.capability:g}"
        )
    return None
