from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from lcspec.runtime.decoder import Decoder
from lcspec.runtime.digest import file_digest
from lcspec.runtime.model import load_model
from lcspec.runtime.scan import UnsafeModelError
from lcspec.runtime.weights import QUANTIZED_NAME, dequantize, load_quantized, quantize, quantize_folder
from tests import tiny

SHAPES = [(3, 32), (5, 33), (4, 7), (1, 1), (2, 100)]


@pytest.mark.parametrize("bits", [4, 8])
@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("scale", [1.0, 1e-3, 1e-7, 300.0])
def test_weight_is_off_by_at_most_half_a_scale(bits: int, shape: tuple[int, int], scale: float) -> None:
    weight = torch.randn(shape, generator=torch.Generator().manual_seed(0)) * scale
    packed = quantize(weight, bits=bits, group=32)
    back = dequantize(packed, bits=bits, group=32, columns=shape[1])
    assert back.shape == weight.shape
    bound = packed.scales.float().repeat_interleave(32, dim=1)[:, : shape[1]] / 2
    assert bool(((back - weight).abs() <= bound * 1.0001).all())


@pytest.mark.parametrize("bits", [4, 8])
def test_zeros_stay_zeros(bits: int) -> None:
    zeros = torch.zeros(3, 40)
    assert torch.equal(dequantize(quantize(zeros, bits=bits, group=32), bits=bits, group=32, columns=40), zeros)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), 1e9])
def test_weight_that_no_scale_holds_is_refused(value: float) -> None:
    with pytest.raises(ValueError, match="not finite"):
        quantize(torch.full((2, 32), value), bits=8, group=32)


@pytest.mark.parametrize(("bits", "group"), [(3, 32), (8, 0), (4, 7)])
def test_bad_bits_or_group_is_refused(bits: int, group: int, model_folder: Path, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"^(bits|group) is"):
        quantize_folder(model_folder, tmp_path / "q", bits=bits, group=group)


@pytest.mark.parametrize("tied", [False, True])
@pytest.mark.parametrize("bits", [4, 8])
def test_quantised_folder_loads_and_holds_the_dequantised_weights(tmp_path: Path, tied: bool, bits: int) -> None:
    source = tiny.write_tiny_model(tmp_path / "plain", tied=tied)
    stats = quantize_folder(source, tmp_path / "q", bits=bits)
    assert stats["tensors"] == 15 + (not tied)  # 7 matrices a layer, the embedding, and the head unless tied
    assert stats["target_bytes"] < stats["source_bytes"] * (0.35 if bits == 8 else 0.25)
    assert 0 < stats["relative_error"] < (0.01 if bits == 8 else 0.15)
    loaded = load_model(tmp_path / "q")
    state, plain = load_quantized(tmp_path / "q"), load_file(source / "model.safetensors")
    assert set(state) == set(plain)
    for name, tensor in loaded.model.state_dict().items():
        assert torch.equal(tensor, state[name if name in state else "model.embed_tokens.weight"])
    assert loaded.tokenizer.chat_template == tiny.CHAT_TEMPLATE
    assert loaded.stop_ids == load_model(source).stop_ids
    assert Decoder(loaded).generate([5, 6, 7], max_tokens=3).token_ids


def test_same_input_gives_the_same_bytes(model_folder: Path, tmp_path: Path) -> None:
    for name in ("a", "b"):
        quantize_folder(model_folder, tmp_path / name)
    files = sorted(path.name for path in (tmp_path / "a").iterdir())
    assert QUANTIZED_NAME in files
    assert "model.safetensors" not in files
    assert all(file_digest(tmp_path / "a" / name) == file_digest(tmp_path / "b" / name) for name in files)


def test_sharded_source_is_read_whole(model_folder: Path, tmp_path: Path) -> None:
    load_model(model_folder).model.save_pretrained(tmp_path / "shards", max_shard_size="50KB")
    load_model(model_folder).tokenizer.save_pretrained(tmp_path / "shards")
    assert len(list((tmp_path / "shards").glob("*.safetensors"))) > 1
    for name, source in (("a", model_folder), ("b", tmp_path / "shards")):
        quantize_folder(source, tmp_path / name)
    assert file_digest(tmp_path / "a" / QUANTIZED_NAME) == file_digest(tmp_path / "b" / QUANTIZED_NAME)


def test_folder_that_could_run_code_is_refused(tmp_path: Path) -> None:
    folder = tiny.write_tiny_model(tmp_path / "m")
    (folder / "pytorch_model.bin").write_bytes(b"x")
    with pytest.raises(UnsafeModelError, match="pickle"):
        load_model(folder)
    (folder / "pytorch_model.bin").unlink()
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(config | {"auto_map": {"AutoConfig": "evil.Config"}}))
    with pytest.raises(UnsafeModelError, match="auto_map"):
        load_model(folder)


def test_folder_without_weights_is_refused(tmp_path: Path) -> None:
    folder = tiny.write_tiny_model(tmp_path / "m")
    (folder / "model.safetensors").unlink()
    with pytest.raises(FileNotFoundError, match="safetensors"):
        load_model(folder)


def test_weights_that_do_not_fit_the_configuration_are_refused(tmp_path: Path) -> None:
    folder = tiny.write_tiny_model(tmp_path / "m")
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(config | {"num_hidden_layers": 3, "layer_types": None}))
    with pytest.raises(ValueError, match="do not fit"):
        load_model(folder)


def test_half_precision_weights_are_loaded_as_float32(model_folder: Path, tmp_path: Path) -> None:
    plain = load_model(model_folder)
    plain.model.to(torch.bfloat16).save_pretrained(tmp_path / "half")
    plain.tokenizer.save_pretrained(tmp_path / "half")
    assert load_model(tmp_path / "half").model.dtype == torch.float32
