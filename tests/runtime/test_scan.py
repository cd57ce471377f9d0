"""Model folders that could harm: each is refused by the one scan, before anything loads it."""

import hashlib
import json
import pickle
import re
import zipfile
from pathlib import Path
from typing import Any

import pytest

from lcspec.runtime import scan
from lcspec.runtime.scan import check_folder, safetensors_fault

PACKAGE = Path(scan.__file__).parents[1]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "config.json").write_text("{}")
    write(tmp_path / "model.safetensors", {"a": entry("F32", [2, 3], 0, 24)}, 24)
    return tmp_path


def entry(dtype: str, shape: list[Any], start: int, stop: int) -> dict[str, Any]:
    return {"dtype": dtype, "shape": shape, "data_offsets": [start, stop]}


def write(path: Path, header: Any, size: int, *, length: int | None = None) -> None:
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    path.write_bytes((len(text) if length is None else length).to_bytes(8, "little") + text + bytes(size))


def test_a_sound_folder_passes(folder: Path) -> None:
    assert scan.scan(folder) == []
    check_folder(folder)


@pytest.mark.parametrize("name", ["pytorch_model.bin", "x.pt", "x.PTH", "sub/x.ckpt", "training_args.pkl", "x.joblib"])
def test_pickles_by_name(folder: Path, name: str) -> None:
    (folder / name).parent.mkdir(exist_ok=True)
    (folder / name).write_bytes(b"anything")
    assert [(one.code, one.file) for one in scan.scan(folder)] == [("LC1010", name)]


@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
def test_pickles_by_their_first_bytes(folder: Path, protocol: int) -> None:
    (folder / "vocab.txt").write_bytes(pickle.dumps({"a": 1}, protocol))
    assert [one.code for one in scan.scan(folder)] == ["LC1010"]


def test_a_pickle_in_an_archive_and_an_archive_that_hides_what_it_holds(folder: Path) -> None:
    with zipfile.ZipFile(folder / "weights.model", "w") as archive:
        archive.writestr("archive/data.pkl", b"x")
    (folder / "other.model").write_bytes(b"PK\x03\x04 broken")
    assert [one.file for one in scan.scan(folder)] == ["other.model", "weights.model"]


@pytest.mark.parametrize(
    "config",
    [
        {"auto_map": {"AutoConfig": "evil.Config"}},
        {"text_config": {"auto_map": {"AutoModel": "evil.Model"}}},
        {"parts": [{"trust_remote_code": True}]},
    ],
)
@pytest.mark.parametrize("name", ["config.json", "tokenizer_config.json", "preprocessor_config.json"])
def test_configurations_that_name_code(folder: Path, name: str, config: dict[str, Any]) -> None:
    (folder / name).write_text(json.dumps(config))
    assert [one.code for one in scan.scan(folder)] == ["LC1009"]


@pytest.mark.parametrize("name", ["modeling_evil.py", "lib/fast.so", "x.pyc"])
def test_code_in_the_folder(folder: Path, name: str) -> None:
    (folder / name).parent.mkdir(exist_ok=True)
    (folder / name).write_text("")
    assert [one.code for one in scan.scan(folder)] == ["LC1009"]


@pytest.mark.parametrize(
    ("header", "size", "length", "words"),
    [
        ({"a": entry("F32", [2], 0, 8)}, 8, 1 << 40, "shorter"),
        (b"not json", 0, None, "no JSON"),
        (b"[" * 100_000, 0, None, "no JSON"),
        ([1], 0, None, "no JSON object"),
        ({"a": entry("F32", [3], 0, 8)}, 8, None, "malformed"),
        ({"a": entry("F32", [-2], 0, 8)}, 8, None, "malformed"),
        ({"a": entry("F32", [True], 0, 4)}, 4, None, "malformed"),
        ({"a": entry("OBJ", [1], 0, 8)}, 8, None, "malformed"),
        ({"a": entry("F32", [2], 0, 8)}, 4, None, "8 bytes, the file 4"),
        ({"a": entry("F32", [2], 0, 8)}, 12, None, "8 bytes, the file 12"),
        ({"a": entry("F32", [2], 0, 8), "b": entry("F32", [2], 4, 12)}, 12, None, "overlaps"),
        ({"a": entry("F32", [2], 0, 8), "b": entry("F32", [2], 12, 20)}, 20, None, "gap"),
    ],
)
def test_headers_that_lie(folder: Path, header: Any, size: int, length: int | None, words: str) -> None:
    write(folder / "model.safetensors", header, size, length=length)
    (found,) = scan.scan(folder)
    assert found.code == "LC1011"
    assert words in found.message


def test_a_header_beyond_the_format_is_not_even_read(folder: Path) -> None:
    path = folder / "model.safetensors"
    with path.open("wb") as file:
        file.write((scan.HEADER_MOST + 1).to_bytes(8, "little"))
        file.truncate(scan.HEADER_MOST + 100)
    assert "allows" in str(safetensors_fault(path))


def test_an_empty_file_and_an_empty_header(folder: Path) -> None:
    (folder / "model.safetensors").write_bytes(b"")
    assert "shorter" in str(safetensors_fault(folder / "model.safetensors"))
    write(folder / "model.safetensors", {"__metadata__": {"format": "pt"}}, 0)
    assert safetensors_fault(folder / "model.safetensors") is None


@pytest.mark.parametrize("name", ["../other.safetensors", "/etc/passwd", "a\\b.safetensors", "pytorch_model.bin"])
def test_an_index_that_leads_elsewhere(folder: Path, name: str) -> None:
    (folder / "model.safetensors.index.json").write_text(json.dumps({"weight_map": {"a": name}}))
    assert [one.code for one in scan.scan(folder)] == ["LC1011"]


def test_what_the_library_writes_passes(model_folder: Path) -> None:
    assert scan.scan(model_folder) == []


def test_every_file_that_loads_models_asks_the_scan() -> None:
    asking = []
    for path in PACKAGE.rglob("*.py"):
        text = path.read_text()
        if re.search(r"\b(?:Auto\w+|kind|GenerationConfig)\.from_pretrained\(|safe_open\(", text):
            assert "check_folder(" in text or "check_files(" in text, path
            asking.append(path.name)
    assert len(asking) >= 7


CODE = "class Bent: pass\n"
ALLOWED = {"modeling.py": [hashlib.sha256(CODE.encode()).hexdigest()]}


def test_allowed_code_passes_with_the_configuration_that_names_it(folder: Path) -> None:
    (folder / "modeling.py").write_text(CODE)
    named = {"AutoModelForCausalLM": "modeling.Bent", "AutoTokenizer": ["modeling.Slow", None]}
    (folder / "config.json").write_text(json.dumps({"auto_map": named, "trust_remote_code": True}))
    check_folder(folder, ALLOWED)
    assert {one.file for one in scan.scan(folder)} == {"config.json", "modeling.py"}


@pytest.mark.parametrize("text", [CODE + " ", ""])
def test_code_with_another_digest_is_refused(folder: Path, text: str) -> None:
    (folder / "modeling.py").write_text(text)
    (found,) = scan.scan(folder, code=ALLOWED)
    assert (found.code, found.file) == ("LC1009", "modeling.py")


@pytest.mark.parametrize("name", ["other.py", "sub/modeling.py", "modeling.pyc", "modeling.so"])
def test_other_code_beside_allowed_code_is_refused(folder: Path, name: str) -> None:
    (folder / "modeling.py").write_text(CODE)
    (folder / name).parent.mkdir(exist_ok=True)
    (folder / name).write_text(CODE)
    assert [one.file for one in scan.scan(folder, code=ALLOWED)] == [name]


@pytest.mark.parametrize(
    "config",
    [
        {"auto_map": {"AutoModel": "org/repo--modeling.Bent"}},
        {"auto_map": {"AutoModel": "other.Bent"}},
        {"auto_map": {"AutoModel": "modeling"}},
        {"auto_map": {"AutoModel": "sub.modeling.Bent"}},
        {"auto_map": {"AutoModel": "modeling.Bent"}, "text_config": {"auto_map": {"AutoModel": "other.Bent"}}},
        {"auto_map": {"AutoModel": None}},
        {"auto_map": {"AutoModel": 1}},
        {"auto_map": {"AutoModel": "modeling.Bent"}, "backbone": {"trust_remote_code": True}},
        {"trust_remote_code": True},
        {"trust_remote_code": "yes"},
    ],
)
def test_configurations_that_name_other_code_are_refused(folder: Path, config: dict[str, Any]) -> None:
    (folder / "modeling.py").write_text(CODE)
    (folder / "config.json").write_text(json.dumps(config))
    assert [(one.code, one.file) for one in scan.scan(folder, code=ALLOWED)] == [("LC1009", "config.json")]
