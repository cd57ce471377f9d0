"""Files of the project: beside the spec's folder too, and never written beside a step's own."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from lcspec.kinds.api import within
from lcspec.run.store import Store
from tests.world import ROOT

SPEC = """\
lcspec: 1
name: beside
scope: {task: classification, labels: [a, b]}
data:
  rows:
    kind: jsonl
    path: ../data/rows.jsonl
    columns: {input: text, target: label}
    split: {validation: 30%, test: 30%}
models:
  base: {kind: folder, path: ../models/base, license: mit, files: [config.json, model.safetensors, tokenizer.json]}
prompts: {plain: {user: "{{ text }}"}}
evaluation: {suites: {routing: {data: rows, metrics: [accuracy]}}}
"""


def test_data_and_models_beside_the_folder_of_the_spec(tmp_path: Path) -> None:
    for folder in ("specs", "data", "models/base"):
        (tmp_path / folder).mkdir(parents=True)
    (tmp_path / "lcspec.toml").touch()
    (tmp_path / "specs" / "beside.yaml").write_text(SPEC)
    rows = [json.dumps({"text": f"number {n}", "label": "ab"[n % 2]}) for n in range(50)]
    (tmp_path / "data" / "rows.jsonl").write_text("\n".join(rows))
    (tmp_path / "models" / "base" / "config.json").write_text('{"model_type": "llama"}')
    (tmp_path / "models" / "base" / "tokenizer.json").write_text("{}")
    (tmp_path / "models" / "base" / "model.safetensors").write_bytes(b"\x02\0\0\0\0\0\0\0{}")
    command = [sys.executable, "-m", "lcspec", "apply", "--target", "prepare:*", "--target", "convert:*"]
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, cwd=tmp_path, env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    store = Store.peek(tmp_path / ".lcspec")
    assert store.heads["prepare:data.rows"].metrics["rows"]["test"] == 15
    assert store.heads["convert:models.base"].metrics["bytes"] > 0
    assert not (tmp_path / "specs" / "up").exists()


@pytest.mark.parametrize(
    ("member", "kept"),
    [
        ("rows.csv", "rows.csv"),
        ("a/b.csv", "a/b.csv"),
        ("../a/b", "up/a/b"),
        ("a/../../b", "a/up/up/b"),
        ("/a", "root/a"),
    ],
)
def test_no_member_leads_out(member: str, kept: str) -> None:
    assert within(member) == kept
