"""Models and data of the hub, from the spec to the step, against a hub on loopback."""

import hashlib
import json
import os
import random
import struct
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.hub.server import FakeHub, serving

SPEC = """
lcspec: 1
name: hubs
scope: {task: classification, labels: [a, b]}
data:
  rows:
    kind: huggingface
    repo: org/rows
    splits: {train: train, test: test}
    columns: {input: text, target: label}
    split: {validation: 10}
models: {m: {kind: huggingface, repo: org/model}}
prompts: {p: {user: "{{ text }}"}}
evaluation: {suites: {s: {data: rows, metrics: [accuracy]}}, gates: {g: {metric: s.accuracy, at-least: 0.5}}}
"""
CONFIG: dict[str, Any] = {"model_type": "llama", "max_position_embeddings": 2048}


def safetensors(shapes: dict[str, list[int]]) -> bytes:
    """A file of the format with float32 noise; no model, but a true header."""
    header: dict[str, Any] = {"__metadata__": {"format": "pt"}}
    at = 0
    for name, shape in shapes.items():
        size = 4
        for side in shape:
            size *= side
        header[name] = {"dtype": "F32", "shape": shape, "data_offsets": [at, at + size]}
        at += size
    text = json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + random.Random(0).randbytes(at)


def model(**config: Any) -> dict[str, bytes]:
    shards = {"a": [64, 32], "b": [100]}, {"c": [700]}
    names = [f"model-0000{n}-of-00002.safetensors" for n in (1, 2)]
    index = {"weight_map": {tensor: name for name, shard in zip(names, shards, strict=True) for tensor in shard}}
    return {
        "config.json": json.dumps({**CONFIG, **config}).encode(),
        "tokenizer.json": b"{}",
        "README.md": b"read me",
        "pytorch_model.bin": b"pickle" * 200,
        "model.safetensors.index.json": json.dumps(index).encode(),
        **{name: safetensors(shard) for name, shard in zip(names, shards, strict=True)},
    }


def rows(split: str, count: int) -> bytes:
    lines = [json.dumps({"text": f"{split} {n}", "label": "ab"[n % 2]}) for n in range(count)]
    return ("\n".join(lines) + "\n").encode()


@pytest.fixture
def hub(tmp_path: Path) -> Iterator[FakeHub]:
    (tmp_path / "hubs.yaml").write_text(SPEC)
    with serving(FakeHub()) as fake:
        fake.push("model", "org/model", model())
        fake.push("dataset", "org/rows", {"train.jsonl": rows("train", 40), "test.jsonl": rows("test", 8)})
        yield fake


def lcspec(folder: Path, hub: FakeHub, *arguments: str, **more: str) -> subprocess.CompletedProcess[str]:
    environment = {k: v for k, v in os.environ.items() if k not in ("CI", "HF_TOKEN")}
    command = [sys.executable, "-m", "lcspec", *arguments]
    environment |= {"HF_ENDPOINT": hub.address, **more}
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)


def lock(folder: Path) -> Any:
    return json.loads((folder / "hubs.lock.json").read_text())


def test_locking_pins_commits_and_files_and_reads_facts_without_the_weights(hub: FakeHub, tmp_path: Path) -> None:
    hub.card = {"language": ["en", "fr"], "license": "mit"}
    done = lcspec(tmp_path, hub, "lock", "hubs.yaml")
    assert done.returncode == 0, done.stderr
    pins = lock(tmp_path)
    pin = pins["sources"]["huggingface:model/org/model@main"]
    assert pin["commit"] == hub.branches["model", "org/model", "main"]
    assert sorted(pin["files"]) == [
        "config.json",
        "model-00001-of-00002.safetensors",
        "model-00002-of-00002.safetensors",
        "model.safetensors.index.json",
        "tokenizer.json",
    ]
    facts = pins["models"]["m"]
    assert (facts["architecture"], facts["context"], facts["parameters"]) == ("llama", 2048, 64 * 32 + 100 + 700)
    assert facts["config"] == CONFIG
    assert facts["languages"] == ["en", "fr"]
    whole = [path for path, range, _ in hub.asked if path.endswith(".safetensors") and range is None]
    assert whole == []
    assert lcspec(tmp_path, hub, "lock", "hubs.yaml").stdout.endswith("is up to date\n")


@pytest.mark.slow
def test_apply_fetches_what_is_pinned_and_nothing_else(hub: FakeHub, tmp_path: Path) -> None:
    assert lcspec(tmp_path, hub, "lock", "hubs.yaml").returncode == 0
    hub.asked.clear()
    done = lcspec(tmp_path, hub, "apply", "hubs.yaml")
    assert done.returncode == 4  # goes on to the model, whose weights are noise
    records = [json.loads(path.read_text()) for path in (tmp_path / ".lcspec").glob("records/*/*.json")]
    steps = {record["step"]: record for record in records}
    assert {"fetch:models.m", "convert:models.m", "prepare:data.rows"} <= set(steps)
    assert steps["prepare:data.rows"]["metrics"]["rows"] == {"train": 30, "validation": 10, "test": 8}
    asked = {path.rpartition("/")[2] for path, _, _ in hub.asked}
    assert not {"README.md", "pytorch_model.bin"} & asked


def test_a_branch_that_moved_is_fetched_at_the_pinned_commit_until_the_lock_is_updated(
    hub: FakeHub, tmp_path: Path
) -> None:
    assert lcspec(tmp_path, hub, "lock", "hubs.yaml").returncode == 0
    before = (tmp_path / "hubs.lock.json").read_text()
    hub.push("dataset", "org/rows", {"train.jsonl": rows("new", 40), "test.jsonl": rows("test", 8)})
    assert lcspec(tmp_path, hub, "lock", "hubs.yaml").returncode == 0
    assert (tmp_path / "hubs.lock.json").read_text() == before
    assert lcspec(tmp_path, hub, "lock", "hubs.yaml", "--update").returncode == 0
    pin = lock(tmp_path)["sources"]["huggingface:dataset/org/rows@main"]
    assert pin["commit"] == hub.branches["dataset", "org/rows", "main"]
    assert (tmp_path / "hubs.lock.json").read_text() != before


@pytest.mark.slow
def test_a_served_file_with_another_digest_is_refused(hub: FakeHub, tmp_path: Path) -> None:
    assert lcspec(tmp_path, hub, "lock", "hubs.yaml").returncode == 0
    for cached in (tmp_path / ".lcspec" / "cache" / "downloads" / "hub").glob("*"):
        if cached.is_file():
            cached.unlink()
    hub.lies["test.jsonl"] = rows("evil", 8)
    done = lcspec(tmp_path, hub, "apply", "hubs.yaml")
    assert done.returncode == 4
    assert "LC1004" in done.stderr
    assert "fetch:data.rows" in done.stderr


@pytest.mark.slow
def test_a_gated_model_takes_the_token_from_the_variable_that_the_spec_names(hub: FakeHub, tmp_path: Path) -> None:
    hub.gated.add("org/model")
    done = lcspec(tmp_path, hub, "lock", "hubs.yaml", HF_TOKEN="a-secret-of-mine")
    assert done.returncode == 4
    assert "LC1006" in done.stderr
    assert "token: {env: HF_TOKEN}" in done.stderr
    (tmp_path / "hubs.yaml").write_text(SPEC.replace("repo: org/model", "repo: org/model, token: {env: MY_TOKEN}"))
    done = lcspec(tmp_path, hub, "lock", "hubs.yaml")
    assert done.returncode == 4
    assert "`MY_TOKEN`" in done.stderr
    assert lcspec(tmp_path, hub, "lock", "hubs.yaml", MY_TOKEN="secret").returncode == 0
    done = lcspec(tmp_path, hub, "apply", "hubs.yaml", MY_TOKEN="secret")
    kept = [json.loads(path.read_text()) for path in (tmp_path / ".lcspec").glob("records/*/*.json")]
    assert "fetch:models.m" in {record["step"] for record in kept}
    said = [path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()]
    assert not any(b"secret" in one for one in said)
    assert "secret" not in done.stdout + done.stderr


@pytest.mark.slow
def test_a_cut_download_is_taken_up_inside_a_step(hub: FakeHub, tmp_path: Path) -> None:
    assert lcspec(tmp_path, hub, "lock", "hubs.yaml").returncode == 0
    hub.cut["model-00001-of-00002.safetensors"] = 2
    lcspec(tmp_path, hub, "apply", "hubs.yaml")
    kept = [json.loads(path.read_text()) for path in (tmp_path / ".lcspec").glob("records/*/*.json")]
    assert "convert:models.m" in {record["step"] for record in kept}
    assert [said for path, said, _ in hub.asked if path.endswith("1-of-00002.safetensors")][-1] is not None


def test_a_model_that_asks_for_code_is_refused_where_it_is_named(hub: FakeHub, tmp_path: Path) -> None:
    hub.push("model", "org/model", model(auto_map={"AutoModelForCausalLM": "modeling.Evil"}))
    assert lcspec(tmp_path, hub, "lock", "hubs.yaml").returncode == 0
    done = lcspec(tmp_path, hub, "check", "hubs.yaml")
    assert done.returncode == 1
    assert "LC1009" in done.stdout
    (tmp_path / "hubs.yaml").write_text(SPEC.replace("repo: org/model", "repo: org/model, remote-code: ignore"))
    assert lcspec(tmp_path, hub, "check", "hubs.yaml").returncode == 0


def test_a_model_with_only_pickled_weights_is_refused(hub: FakeHub, tmp_path: Path) -> None:
    hub.push("model", "org/model", {n: d for n, d in model().items() if "safetensors" not in n})
    done = lcspec(tmp_path, hub, "lock", "hubs.yaml")
    assert done.returncode == 4
    assert "LC1009" in done.stderr
    assert not (tmp_path / "hubs.lock.json").exists()


@pytest.mark.slow
def test_pickled_weights_of_a_repository_are_converted_when_their_digest_is_allowed(
    hub: FakeHub, tmp_path: Path
) -> None:
    torch = pytest.importorskip("torch")
    torch.save({"a": torch.arange(6.0)}, tmp_path / "weights.bin")
    data = (tmp_path / "weights.bin").read_bytes()
    hub.push("model", "org/model", {"config.json": json.dumps(CONFIG).encode(), "pytorch_model.bin": data})
    own = "{kind: folder, path: ., files: [config.json, pytorch_model.bin], from: {kind: huggingface, repo: org/model}}"
    spec = SPEC.replace("{m: {kind: huggingface, repo: org/model}}", f"{{m: {own}}}")
    (tmp_path / "hubs.yaml").write_text(spec)
    done = lcspec(tmp_path, hub, "apply", "hubs.yaml", "--target", "convert:models.m")
    assert done.returncode == 4
    entry = done.stderr.partition("`allow: ")[2].partition("`")[0]
    assert hashlib.sha256(data).hexdigest() in entry
    (tmp_path / "hubs.yaml").write_text(f"{spec}allow: {entry}\n")
    done = lcspec(tmp_path, hub, "apply", "hubs.yaml", "--target", "convert:models.m")
    assert done.returncode == 0, done.stderr
    hub.push("model", "org/model", {"config.json": json.dumps(CONFIG).encode(), "pytorch_model.bin": data + b"more"})
    assert lcspec(tmp_path, hub, "lock", "hubs.yaml", "--update").returncode == 0
    assert "LC1010" in lcspec(tmp_path, hub, "apply", "hubs.yaml", "--target", "convert:models.m").stderr


def test_a_repository_or_revision_that_is_not_there_is_said(hub: FakeHub, tmp_path: Path) -> None:
    (tmp_path / "hubs.yaml").write_text(SPEC.replace("repo: org/rows", "repo: org/rows\n    revision: v2"))
    done = lcspec(tmp_path, hub, "lock", "hubs.yaml")
    assert done.returncode == 4
    assert "LC1005" in done.stderr
    assert "v2" in done.stderr


def test_the_plan_asks_no_hub(hub: FakeHub, tmp_path: Path) -> None:
    done = lcspec(tmp_path, hub, "plan", "hubs.yaml")
    assert done.returncode == 0, done.stderr
    assert "until locked" in done.stdout
    assert hub.asked == []
