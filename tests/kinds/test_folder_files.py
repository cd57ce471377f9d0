"""What lies in the folder of a model and is not among its `files` is not there for it, and that is told at check."""

import json
from pathlib import Path

import pytest

from lcspec import api
from tests.faults.project import SPEC, make

TEMPLATE = "chat_template.jinja"


def codes(folder: Path, files: str) -> dict[str, str | None]:
    (folder / "spec.yaml").write_text(SPEC.replace("path: model}", f"path: model{files}}}"))
    return {one.code: one.help for one in api.load(folder / "spec.yaml").diagnostics}


@pytest.fixture
def project(tmp_path: Path) -> Path:
    make(tmp_path / "p")
    (tmp_path / "p" / "model" / "tokenizer_config.json").write_text(json.dumps({"eos_token": "</s>"}))
    (tmp_path / "p" / "model" / "config.json").write_text(json.dumps({"model_type": "llama", "hidden_size": 8}))
    (tmp_path / "p" / "model" / TEMPLATE).write_text("{{ messages[0]['role'] }}{{ messages[0]['content'] }}</s>")
    return tmp_path / "p"


def test_a_chat_template_of_its_own_file_must_be_named(project: Path) -> None:
    listed = ", files: [config.json, model.safetensors, tokenizer.json, tokenizer_config.json, chat_template.jinja]"
    assert "LC0434" not in codes(project, listed)
    assert TEMPLATE in (codes(project, "")["LC0434"] or "")
    (project / "model" / TEMPLATE).unlink()
    assert "instruction-tuned" in (codes(project, "")["LC0434"] or "")
