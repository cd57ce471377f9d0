"""Pickled weights to safetensors: the one place that reads a pickle, and only one whose digest the spec allows."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from lcspec.kinds.api import StepIO
from lcspec.runtime.digest import file_digest


def convert_pickle(io: StepIO, source: Path, target: Path, name: str) -> None:
    """Writes the tensors of `source` beside `target` as `model*.safetensors`.

    torch's reader for weights builds tensors and plain containers and nothing else. Ends the step with LC1010 when the
    digest is not allowed, when there is more than tensors in the file, or when torch refuses it.
    """
    digest = file_digest(source)
    model = io.params.get("model", Path(io.params["path"]).name)
    if digest not in io.params.get("capabilities", {}).get(f"pickled-weights:{model}/{name}", ()):
        entry = f"{{kind: pickled-weights, model: {model}, file: {name}, sha256: {digest}}}"
        help = f"take safetensors, or, if you trust who made it: `allow: {{weights: {entry}}}`"
        io.fail(f"`{name}` is a pickle, which can run code when it is loaded", help=help, code="LC1010")
    from safetensors.torch import save_file

    tensors = {key: tensor.detach().contiguous().clone() for key, tensor in _read(io, source, name).items()}
    save_file(tensors, target.with_name(_renamed(target.name)), metadata={"format": "pt"})


def convert_index(source: Path, target: Path) -> None:
    """Writes the index of pickled shards as the index of the safetensors that they became."""
    index = json.loads(source.read_text(encoding="utf-8"))
    index["weight_map"] = {key: _renamed(file) for key, file in index["weight_map"].items()}
    text = json.dumps(index, indent=2, sort_keys=True) + "\n"
    target.with_name("model.safetensors.index.json").write_text(text, encoding="utf-8")


def _renamed(file: str) -> str:
    """`pytorch_model-00001-of-00002.bin` -> `model-00001-of-00002.safetensors`, as transformers looks for it."""
    return f"{Path(file).stem.replace('pytorch_model', 'model')}.safetensors"


def _read(io: StepIO, source: Path, name: str) -> Mapping[str, Any]:
    import pickle

    import torch

    try:
        found = torch.load(source, map_location="cpu", weights_only=True)
    except (pickle.UnpicklingError, RuntimeError, ValueError, EOFError) as error:
        first = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        help = "it holds more than tensors; a file that needs its own code to be read is never read"
        io.fail(f"`{name}` cannot be read as weights alone: {first}", help=help, code="LC1010")
    if not isinstance(found, dict) or not all(isinstance(tensor, torch.Tensor) for tensor in found.values()):
        help = "save the state dict of the model alone, or safetensors"
        io.fail(f"`{name}` holds more than named tensors", help=help, code="LC1010")
    return found
