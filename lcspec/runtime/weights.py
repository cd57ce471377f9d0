"""Weight-only quantisation of a model folder: symmetric, group-wise, int8 or packed int4.

Each row of a matrix is cut into groups of `group` values along the input dimension; a group is stored as integers
and one float16 scale, so a weight is off by at most half a scale. The arithmetic of a forward pass stays float32.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import torch
from safetensors import safe_open
from safetensors.torch import save_file

from .modelcode import carry
from .scan import NO_CODE, Code, check_files

QUANTIZED_NAME = "weights.lcq.safetensors"
FORMAT = "lcq-1"
COPIED = frozenset({".json", ".jinja", ".model", ".txt"})
# The smallest positive float16; it only stands in for the zero scale of a group of zeros.
TINY = 2.0**-24


class Quantized(NamedTuple):
    """`codes`: int8 [rows, columns], or uint8 [rows, padded columns / 2] with two codes a byte; `scales`: float16
    [rows, groups]."""

    codes: torch.Tensor
    scales: torch.Tensor


def quantize(weight: torch.Tensor, *, bits: int, group: int) -> Quantized:
    """Return a float matrix [rows, columns] as integer codes and scales.

    Raises:
        ValueError: bits other than 4 or 8, an odd or non-positive group, or a weight that is not finite or too large.
    """
    _check(bits, group)
    limit = 2 ** (bits - 1) - 1
    rows, columns = weight.shape
    padded = torch.nn.functional.pad(weight.float(), (0, -columns % group))
    grouped = padded.view(rows, -1, group)
    largest = grouped.abs().amax(dim=-1)
    scales = (largest / limit).to(torch.float16)
    # Rounded up to the next float16 where rounding down would put the largest weight out of reach: among positive
    # floats the next one has the next bit pattern.
    short = scales.float() * limit < largest
    scales = (scales.view(torch.int16) + short).view(torch.float16)
    if not bool(torch.isfinite(scales).all()):
        raise ValueError("a weight is not finite, or too large for a float16 scale")
    codes = (
        (grouped / scales.float().clamp_min(TINY).unsqueeze(-1))
        .round_()
        .clamp_(-limit, limit)
        .to(torch.int8)
        .view(rows, -1)
    )
    if bits == 8:
        return Quantized(codes[:, :columns].contiguous(), scales)
    shifted = (codes + 8).to(torch.uint8)
    return Quantized((shifted[:, 0::2] | (shifted[:, 1::2] << 4)).contiguous(), scales)


def dequantize(packed: Quantized, *, bits: int, group: int, columns: int) -> torch.Tensor:
    """Return the float32 matrix [rows, columns] that the codes and scales stand for."""
    codes = packed.codes
    if bits == 4:
        codes = torch.stack((codes & 15, codes >> 4), dim=-1).view(codes.shape[0], -1).to(torch.int8) - 8
    padded = torch.nn.functional.pad(codes, (0, -codes.shape[1] % group)).view(codes.shape[0], -1, group)
    values = padded.float().mul_(packed.scales.float().unsqueeze(-1))
    return values.view(codes.shape[0], -1)[:, :columns].contiguous()


def quantize_folder(
    source: Path, target: Path, *, bits: int = 8, group: int = 32, code: Code = NO_CODE
) -> dict[str, Any]:
    """Write the quantised version of a Hugging Face folder and return what it came to.

    Matrices (linear layers and embeddings) are quantised; other tensors are kept as they are. Configuration and
    tokenizer files are copied, and the Python files that `code` lists. The same input gives the same bytes.

    Returns:
        bits, group, `tensors` and `parameters` that were quantised, `source_bytes` and `target_bytes` of weights,
        `max_error` (absolute) and `relative_error` (root of squared error over squared weight).

    Raises:
        ValueError: bad bits or group, or a weight that is not finite.
        FileNotFoundError: no safetensors weights in `source`.
        UnsafeModelError: what `scan` refuses.
    """
    _check(bits, group)
    source, target = Path(source), Path(target)
    check_files(source, code=code)
    files = sorted(source.glob("*.safetensors"))
    if not files:
        raise FileNotFoundError(f"{source} has no safetensors weights")
    target.mkdir(parents=True, exist_ok=True)
    stored: dict[str, torch.Tensor] = {}
    columns: dict[str, int] = {}
    error = power = largest = 0.0
    parameters = 0
    for name, tensor in _untied(source, files):
        if tensor.dim() != 2 or not tensor.is_floating_point():
            stored[name] = tensor
            continue
        packed = quantize(tensor, bits=bits, group=group)
        stored[f"{name}.codes"], stored[f"{name}.scales"] = packed
        columns[name] = tensor.shape[1]
        off = dequantize(packed, bits=bits, group=group, columns=tensor.shape[1]).sub_(tensor.float())
        error, power = error + float(off.square().sum()), power + float(tensor.float().square().sum())
        largest, parameters = max(largest, float(off.abs().max())), parameters + tensor.numel()
    header = {"format": FORMAT, "bits": bits, "group": group, "columns": columns}
    # One metadata entry only: safetensors writes several in hash order, which differs from run to run.
    save_file(stored, target / QUANTIZED_NAME, metadata={"lcq": json.dumps(header, sort_keys=True)})
    _copy_rest(source, target)
    carry(source, target, code)
    return {
        "bits": bits,
        "group": group,
        "tensors": len(columns),
        "parameters": parameters,
        "source_bytes": sum(path.stat().st_size for path in files),
        "target_bytes": (target / QUANTIZED_NAME).stat().st_size,
        "max_error": largest,
        "relative_error": (error / power) ** 0.5 if power else 0.0,
    }


def load_quantized(folder: Path) -> dict[str, torch.Tensor]:
    """Return the state dict of a quantised folder, in float32 (integer tensors as they are).

    Raises:
        ValueError: the file is of another format.
    """
    with safe_open(Path(folder) / QUANTIZED_NAME, framework="pt") as file:
        header = json.loads((file.metadata() or {}).get("lcq", "{}"))
        if header.get("format") != FORMAT:
            raise ValueError(f"{QUANTIZED_NAME} is not of the format {FORMAT}")
        bits, group, columns = header["bits"], header["group"], header["columns"]
        state = {
            name: dequantize(
                Quantized(file.get_tensor(f"{name}.codes"), file.get_tensor(f"{name}.scales")),
                bits=bits,
                group=group,
                columns=width,
            )
            for name, width in columns.items()
        }
        for name in file.keys():  # noqa: SIM118 - a safetensors file is no mapping
            if name.rpartition(".")[0] not in columns:
                tensor = file.get_tensor(name)
                state[name] = tensor.float() if tensor.is_floating_point() else tensor
    return state


def _check(bits: int, group: int) -> None:
    if bits not in (4, 8):
        raise ValueError(f"bits is 4 or 8, not {bits}")
    if group < 2 or group % 2:
        raise ValueError(f"group is an even number from 2, not {group}")


def _untied(source: Path, files: list[Path]) -> Iterator[tuple[str, torch.Tensor]]:
    """Yield the tensors by sorted name; an output head that is tied to the embedding is left out."""
    config = json.loads((source / "config.json").read_text(encoding="utf-8"))
    tied = bool(config.get("tie_word_embeddings"))
    places: dict[str, Path] = {}
    for path in files:
        with safe_open(path, framework="pt") as file:
            places.update(dict.fromkeys(file.keys(), path))
    embedded = any(name.endswith("embed_tokens.weight") for name in places)
    for name in sorted(places):
        if tied and embedded and name == "lm_head.weight":
            continue
        with safe_open(places[name], framework="pt") as file:
            yield name, file.get_tensor(name)


def _copy_rest(source: Path, target: Path) -> None:
    for path in sorted(source.iterdir()):
        if path.is_file() and path.suffix in COPIED and not path.name.endswith(".safetensors.index.json"):
            shutil.copyfile(path, target / path.name)
