"""What in a model folder could run code or exhaust a reader: known by names, first bytes and headers, without loading.

Every loader asks `check_folder` first, and says which Python files may be there, each by its SHA-256. Pickles are known
by name and by their first bytes (a zip that holds one, or the opcode of protocol 2 and later), because a loader may
look at either. Sources: the pickle protocols of CPython's `pickletools`; the safetensors format (an eight-byte length,
a JSON header of at most 100 MB, tensors without gaps).
"""

from __future__ import annotations

import json
import re
import zipfile
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from .digest import file_digest

Code = Mapping[str, Collection[str]]  # Python files beside the weights that may run: name to SHA-256, any of them
NO_CODE: Code = {}
PICKLED = (".bin", ".pt", ".pth", ".ckpt", ".pkl", ".pickle", ".joblib", ".dill")
CODE = (".py", ".pyc", ".pyd", ".so", ".dylib", ".dll")
HEADER_MOST = 100_000_000  # bytes; the limit of the safetensors library
JSON_MOST = 512 << 20  # bytes; the largest tokenizers in use have some tens of MB
_BITS = {"F64": 64, "I64": 64, "U64": 64, "C64": 64, "F32": 32, "I32": 32, "U32": 32, "F16": 16, "BF16": 16}
_BITS |= {"I16": 16, "U16": 16, "I8": 8, "U8": 8, "BOOL": 8, "F8_E4M3": 8, "F8_E5M2": 8, "F8_E8M0": 8, "F4": 4}
_BITS |= {"F6_E2M3": 6, "F6_E3M2": 6, "F8_E4M3FNUZ": 8, "F8_E5M2FNUZ": 8}

_OWN_CLASS = re.compile(r"([A-Za-z_][A-Za-z0-9_]*)\.[A-Za-z_][A-Za-z0-9_]*\Z")

REMOTE_CODE, PICKLE, MALFORMED = "LC1009", "LC1010", "LC1011"
_HELP = {
    REMOTE_CODE: "list the file under `allow` with its digest, or choose a model that the transformers library has",
    PICKLE: "save the model with `save_pretrained`, which writes safetensors",
    MALFORMED: "get the file anew from where it came; if it is the same, do not use it",
}


class Found(NamedTuple):
    """One thing that is wrong: `code` as diagnostics have it, the file relative to the folder, a sentence."""

    code: str
    file: str
    message: str

    @property
    def help(self) -> str:
        """What to do about it."""
        return _HELP[self.code]


class UnsafeModelError(ValueError):
    """A model folder that could run code, or whose weights are not what their header says."""

    def __init__(self, found: list[Found]) -> None:
        self.found = found
        super().__init__("; ".join(one.message for one in found[:3]))


def check_folder(folder: Path, code: Code = NO_CODE) -> None:
    """Refuse a folder that could run other code than `code`, or has no weights that are plain data.

    Raises:
        FileNotFoundError: no configuration or no safetensors file.
        UnsafeModelError: see `scan`.
    """
    if not (folder / "config.json").is_file():
        raise FileNotFoundError(f"{folder} has no config.json")
    check_files(folder, code=code)
    if not any(folder.glob("*.safetensors")):
        raise FileNotFoundError(f"{folder} has no safetensors weights")


def check_files(folder: Path, names: Collection[str] | None = None, code: Code = NO_CODE) -> None:
    """Refuse a folder of which `scan` finds something: for tokenizers and conversions, which need no weights.

    Raises:
        UnsafeModelError: see `scan`.
    """
    if found := scan(folder, names, code):
        raise UnsafeModelError(found)


def scan(folder: Path, names: Collection[str] | None = None, code: Code = NO_CODE) -> list[Found]:
    """Everything in `folder` and below that no loader may meet, by file name; of the files `names` alone if given.

    Found are: pickles, Python files that `code` does not list with the digest that they have, libraries,
    configurations that name other code (`auto_map`, `trust_remote_code`), safetensors whose header is too large, no
    JSON, or does not describe the file; an index that leads elsewhere.
    """
    found = []
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            name = path.relative_to(folder).as_posix()
            if names is not None and name not in names:
                continue
            found += [Found(fault, name, f"`{name}` {what}") for fault, what in _look(path, name, code)]
    return found


def is_pickle(path: Path) -> bool:
    """Whether a file is a pickle, or holds one, by its name or by its first bytes."""
    return path.suffix.lower() in PICKLED or (path.suffix != ".safetensors" and _begins_as_pickle(path))


def own_module(reference: str) -> str | None:
    """The file that `module.Class` of an `auto_map` names; None for what is no file beside the configuration.

    `repo--module.Class` is such another thing: transformers would fetch it from that repository.
    """
    match = _OWN_CLASS.match(reference)
    return f"{match.group(1)}.py" if match else None


def references(data: Any) -> list[str]:
    """What the `auto_map` of a configuration, and those inside it, name; sorted, each once."""
    return sorted({one for inner in _mappings(data) for one in _named(inner.get("auto_map"))})


def _look(path: Path, name: str, code: Code) -> list[tuple[str, str]]:
    suffix = path.suffix.lower()
    if is_pickle(path):
        return [(PICKLE, "is a pickle, which can run code when it is loaded")]
    if name in code and suffix == ".py":
        if (digest := file_digest(path)) in code[name]:
            return []
        return [(REMOTE_CODE, f"is not the file that is allowed: its SHA-256 is {digest}")]
    if suffix in CODE:
        return [(REMOTE_CODE, "is code that came with the model")]
    if suffix == ".safetensors":
        fault = safetensors_fault(path)
        return [(MALFORMED, f"is no sound safetensors file: {fault}")] if fault else []
    return _look_into_json(path, code) if suffix == ".json" else []


def _begins_as_pickle(path: Path) -> bool:
    with path.open("rb") as file:
        head = file.read(4)
    if head[:1] == b"\x80" and head[1:2] in (b"\x02", b"\x03", b"\x04", b"\x05"):
        return True
    if head != b"PK\x03\x04":
        return False
    try:
        with zipfile.ZipFile(path) as archive:
            return any(name.lower().endswith(PICKLED) for name in archive.namelist())
    except (zipfile.BadZipFile, OSError, ValueError):
        return True  # begins as torch's archives do, and hides what is in it


# --- configurations --------------------------------------------------------------------------------------------------


def _look_into_json(path: Path, code: Code) -> list[tuple[str, str]]:
    if path.stat().st_size > JSON_MOST:
        return [(MALFORMED, f"is larger than {JSON_MOST >> 20} MiB")]
    if not path.name.endswith(("config.json", "index.json")):
        return []  # vocabularies: tens of megabytes that no loader takes settings from
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, RecursionError):
        return [(MALFORMED, "is no JSON")]
    if path.name.endswith("index.json"):
        return _look_into_index(data)
    asks = _asks_for_code(data, code)
    return [(REMOTE_CODE, f"asks for code that came with the model to be run ({asks})")] if asks else []


def _asks_for_code(data: Any, code: Code) -> str | None:
    """The key by which a configuration, or one inside it, names code that `code` does not list; with what it names.

    A `trust_remote_code` would be passed on to whatever else is loaded, so it must stand beside an `auto_map`.
    """
    for one in _mappings(data):
        named = _named(one.get("auto_map"))
        strange = next((name for name in named if own_module(name) not in code), None)
        if strange is not None or (one.get("auto_map") and not named):
            return f"auto_map: {strange}" if code and strange else "auto_map"
        if one.get("trust_remote_code") and not named:
            return "trust_remote_code"
    return None


def _mappings(data: Any) -> Iterator[dict[str, Any]]:
    """Every object in a configuration, however deep."""
    waiting = [data]
    while waiting:
        one = waiting.pop()
        if isinstance(one, dict):
            yield one
            waiting += one.values()
        elif isinstance(one, list):
            waiting += one


def _named(value: Any) -> list[str]:
    """The texts in an `auto_map`: of a tokenizer it may be a list, or hold lists."""
    if isinstance(value, str):
        return [value]
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return [name for one in inner for name in _named(one)]


def _look_into_index(data: Any) -> list[tuple[str, str]]:
    named = data.get("weight_map") if isinstance(data, dict) else None
    if not isinstance(named, dict):
        return [(MALFORMED, "has no `weight_map`")]
    for name in sorted({str(one) for one in named.values()}):
        if "/" in name or "\\" in name or not name.endswith(".safetensors"):
            return [(MALFORMED, f"names `{name}`, which is no safetensors file beside it")]
    return []


# --- safetensors -----------------------------------------------------------------------------------------------------


def safetensors_fault(path: Path) -> str | None:
    """What is wrong with the header of a safetensors file, or None; the tensors themselves are not read."""
    size = path.stat().st_size
    with path.open("rb") as file:
        length = int.from_bytes(file.read(8), "little")
        if size < 8 or length > size - 8:
            return "it is shorter than its header says"
        if length > HEADER_MOST:
            return f"its header has {length} bytes, the format allows {HEADER_MOST}"
        text = file.read(length)
    try:
        header = json.loads(text)
    except (ValueError, RecursionError):
        return "its header is no JSON"
    return _tensors_fault(header, size - 8 - length) if isinstance(header, dict) else "its header is no JSON object"


def _tensors_fault(header: dict[str, Any], size: int) -> str | None:
    spans = []
    for name, tensor in header.items():
        if name == "__metadata__":
            continue
        extent = _extent(tensor)
        if extent is None:
            return f"the entry of `{name}` is malformed"
        spans.append((*extent, name))
    end = 0
    for start, stop, name in sorted(spans):
        if start != end:
            return f"`{name}` overlaps another tensor, or leaves a gap"
        end = stop
    return None if end == size else f"its tensors have {end} bytes, the file {size}"


def _extent(tensor: Any) -> tuple[int, int] | None:
    """Where the bytes of a tensor begin and end; None when its entry does not say so, or its shape says another."""
    if not isinstance(tensor, dict) or tensor.get("dtype") not in _BITS:
        return None
    offsets, shape = _counts(tensor.get("data_offsets")), _counts(tensor.get("shape"))
    if offsets is None or shape is None or len(offsets) != 2:
        return None
    bits = _BITS[tensor["dtype"]]
    for side in shape:
        bits *= side
    start, stop = offsets
    return (start, stop) if start <= stop and (stop - start) * 8 == bits else None


def _counts(value: Any) -> list[int] | None:
    """`value` as a list of whole numbers, none negative; None for anything else."""
    return value if isinstance(value, list) and all(type(one) is int and one >= 0 for one in value) else None
