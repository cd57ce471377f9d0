"""Pickled weights: refused with the entry that would allow them, and converted once when they are allowed."""

import json
import os
from pathlib import Path
from typing import Any

import pytest

from lcspec import api
from lcspec.diag.model import LcspecError
from lcspec.kinds.model.folder import convert
from lcspec.run.io import ChildIO, Job
from lcspec.runtime.digest import file_digest
from lcspec.runtime.scan import check_folder
from tests.tiny import write_tiny_model

torch = pytest.importorskip("torch")
NAME = "pytorch_model.bin"


@pytest.fixture
def project(tmp_path: Path) -> Path:
    write_tiny_model(tmp_path / "llama")
    from safetensors.torch import load_file

    torch.save(load_file(tmp_path / "llama" / "model.safetensors"), tmp_path / "llama" / NAME)
    (tmp_path / "llama" / "model.safetensors").unlink()
    return tmp_path


def run(project: Path, *allowed: str, files: tuple[str, ...] = (NAME, "config.json", "tokenizer.json")) -> Path:
    """The converted folder, or LcspecError."""
    params: dict[str, Any] = {"path": "llama", "files": list(files), "model": "base"}
    params |= {"capabilities": {f"pickled-weights:base/{NAME}": list(allowed)}} if allowed else {}
    return converted(project, params)


def converted(project: Path, params: dict[str, Any]) -> Path:
    places = {"outputs": str(project / "out"), "root": str(project), "cache": "", "checkpoint": "", "log": ""}
    job = Job("convert", "model.folder", "convert", params, {"files": str(project)}, [], seed=0, threads=1, **places)
    convert(ChildIO(job, lambda kind, data: None))
    return project / "out" / "model"


def test_without_a_capability_they_are_refused_with_the_entry_to_write(project: Path) -> None:
    with pytest.raises(LcspecError) as refused:
        run(project)
    (found,) = refused.value.diagnostics
    assert found.code == "LC1010"
    assert f"file: {NAME}, sha256: {file_digest(project / 'llama' / NAME)}" in found.help


def test_with_another_digest_they_are_refused(project: Path) -> None:
    with pytest.raises(LcspecError, match="pickle"):
        run(project, "0" * 64)


def test_with_their_digest_they_become_safetensors(project: Path) -> None:
    from safetensors.torch import load_file

    made = run(project, file_digest(project / "llama" / NAME))
    check_folder(made)
    before = torch.load(project / "llama" / NAME, weights_only=True)
    after = load_file(made / "model.safetensors")
    assert before.keys() == after.keys()
    assert all(torch.equal(before[name], after[name]) for name in before)


class Evil:
    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self) -> Any:
        return os.system, (f"touch {self.mark}",)


def test_an_allowed_pickle_that_is_a_program_still_does_not_run(project: Path) -> None:
    torch.save({"weight": torch.zeros(2), "more": Evil(project / "ran")}, project / "llama" / NAME)
    with pytest.raises(LcspecError) as refused:
        run(project, file_digest(project / "llama" / NAME))
    assert refused.value.diagnostics[0].code == "LC1010"
    assert not (project / "ran").exists()


def test_shards_get_their_index(project: Path) -> None:
    tensors = torch.load(project / "llama" / NAME, weights_only=True)
    names = sorted(tensors)
    (project / "llama" / NAME).unlink()
    files, placed = ["config.json", f"{NAME}.index.json"], {}
    for number, part in enumerate((names[::2], names[1::2]), 1):
        file = f"pytorch_model-{number:05}-of-00002.bin"
        torch.save({name: tensors[name] for name in part}, project / "llama" / file)
        placed |= dict.fromkeys(part, file)
        files.append(file)
    (project / "llama" / f"{NAME}.index.json").write_text(json.dumps({"metadata": {}, "weight_map": placed}))
    params: dict[str, Any] = {"path": "llama", "files": files, "model": "base", "capabilities": {}}
    for file in files[2:]:
        params["capabilities"][f"pickled-weights:base/{file}"] = [file_digest(project / "llama" / file)]
    made = converted(project, params)
    check_folder(made)
    index = json.loads((made / "model.safetensors.index.json").read_text())
    assert all((made / file).is_file() for file in index["weight_map"].values())


def test_a_check_says_so_before_anything_runs(project: Path) -> None:
    spec = """
lcspec: 1
name: own
scope: {task: generation}
models:
  base: {kind: folder, path: llama, files: [config.json, pytorch_model.bin, tokenizer.json], license: mit}
"""
    (project / "spec.yaml").write_text(spec)
    found = {one.code: one for one in api.load(project / "spec.yaml").diagnostics}
    digest = file_digest(project / "llama" / NAME)
    assert digest in found["LC1010"].help
    entry = f"allow: {{w: {{kind: pickled-weights, model: base, file: {NAME}, sha256: {digest}}}}}\n"
    (project / "spec.yaml").write_text(spec + entry)
    assert not {"LC1010", "LC0354"} & {one.code for one in api.load(project / "spec.yaml").diagnostics}
