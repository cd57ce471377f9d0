"""Facts of safetensors from their headers: a few kilobytes tell the parameters of a model of any size.

The format: eight bytes with the length of a JSON header, then the header, then the tensors
(https://github.com/huggingface/safetensors#format).
"""

import json
import math
from collections.abc import Callable, Iterable, Mapping
from typing import Any

FIRST = 64 << 10  # most headers of a shard fit into the first request
LARGEST = 100 << 20

Read = Callable[[int, int], bytes]  # the bytes [start, end) of the file


def header(read: Read) -> Mapping[str, Any] | None:
    """The header of a safetensors file: tensor name to dtype, shape and offsets; None when it is none."""
    start = read(0, FIRST)
    length = int.from_bytes(start[:8], "little")
    if len(start) < 8 or not 2 <= length <= LARGEST:
        return None
    text = start[8 : 8 + length]
    if len(text) < length:
        text += read(len(start), 8 + length)
    try:
        data = json.loads(text)
    except ValueError:
        return None
    return data if isinstance(data, dict) else None


def parameters(headers: Iterable[Mapping[str, Any]]) -> int:
    """How many numbers the tensors of some headers have."""
    return sum(math.prod(tensor["shape"]) for one in headers for name, tensor in one.items() if name != "__metadata__")
