"""A training file of another tool, imported, locked and applied against a hub on loopback."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.hub.server import FakeHub, serving
from tests.tiny import write_tiny_model

pytestmark = pytest.mark.ml
TRAINING = """
base_model: acme/tiny
datasets:
  - path: acme/talks
    type: chat_template
    field_messages: conversations
    message_property_mappings: {role: from, content: value}
val_set_size: 0.25
adapter: lora
lora_r: 4
lora_alpha: 8
lora_target_linear: true
sequence_len: 256
micro_batch_size: 4
num_epochs: 4
learning_rate: 1e-2
lr_scheduler: constant
warmup_steps: 1
optimizer: adamw_torch
"""


def talk(number: int) -> str:
    asked = {"from": "human", "value": f"Which colour has number {number}?"}
    return json.dumps({"conversations": [asked, {"from": "gpt", "value": "red" if number % 2 else "blue"}]})


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FakeHub]:
    folder = write_tiny_model(tmp_path_factory.mktemp("tiny"))
    with serving(FakeHub()) as fake:
        fake.push("model", "acme/tiny", {path.name: path.read_bytes() for path in folder.iterdir()})
        fake.push("dataset", "acme/talks", {"train.jsonl": "\n".join(map(talk, range(48))).encode()})
        yield fake


def lcspec(folder: Path, hub: FakeHub, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {k: v for k, v in os.environ.items() if k not in ("CI", "HF_TOKEN")} | {"HF_ENDPOINT": hub.address}
    command = [sys.executable, "-m", "lcspec", *arguments]
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)


@pytest.mark.slow
def test_an_imported_training_is_applied(hub: FakeHub, tmp_path: Path) -> None:
    (tmp_path / "train.yml").write_text(TRAINING)
    assert lcspec(tmp_path, hub, "import", "train.yml", "-o", "spec.yaml").returncode == 0
    assert lcspec(tmp_path, hub, "lock", "spec.yaml").returncode == 0
    done = lcspec(tmp_path, hub, "apply", "spec.yaml")
    assert done.returncode == 0, done.stderr[-3000:]
    records = [json.loads(path.read_text()) for path in (tmp_path / ".lcspec").glob("records/*/*.json")]
    metrics = {record["step"].partition(":")[0]: record["metrics"] for record in records if record["metrics"]}
    assert metrics["prepare"]["rows"] == {"train": 24, "validation": 12, "test": 12}
    loss = metrics["score"]["loss"]
    assert 0 < loss["value"] < 5
    assert loss["n"] == 12
    assert loss["std_error"] > 0
    curve = metrics["train"]["curve"]
    assert curve[-1]["loss"] < curve[0]["loss"]
