"""Tasks that come with lm-eval: their data sets are pinned and fetched like every other source."""

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from lcspec.lmeval.package import folder
from tests.hub.server import FakeHub, serving
from tests.lmeval.project import lcspec, records
from tests.tiny import write_tiny_model

SPEC = """
lcspec: 1
name: known
scope: {task: generation}
models: {llama: {kind: folder, path: llama, license: mit}}
prompts: {plain: {format: text, user: "{{ text }}"}}
evaluation:
  suites: {knowledge: {kind: lm-eval, tasks: [arc_easy], metrics: [acc, acc_norm], limit: 6}}
  gates: {some: {metric: knowledge.acc, at-least: 0}}
"""
README = """---
configs:
- config_name: ARC-Challenge
  data_files: [{split: test, path: ARC-Challenge/test.jsonl}]
- config_name: ARC-Easy
  data_files:
  - {split: train, path: ARC-Easy/train.jsonl}
  - {split: validation, path: ARC-Easy/validation.jsonl}
  - {split: test, path: ARC-Easy/test.jsonl}
---
"""


def questions(split: str, count: int) -> bytes:
    rows = [
        {
            "id": f"{split}-{n}",
            "question": f"Which is number {n} of {split}?",
            "choices": {"text": ["this", "that", "neither"], "label": ["A", "B", "C"]},
            "answerKey": "ABC"[n % 3],
        }
        for n in range(count)
    ]
    return "".join(json.dumps(row) + "\n" for row in rows).encode()


@pytest.fixture
def hub(tmp_path: Path) -> Iterator[FakeHub]:
    (tmp_path / "spec.yaml").write_text(SPEC)
    (tmp_path / "llama").mkdir()
    for name in ("config.json", "tokenizer.json", "tokenizer_config.json", "model.safetensors"):
        (tmp_path / "llama" / name).write_text("{}")
    files = {f"ARC-Easy/{split}.jsonl": questions(split, 9) for split in ("train", "validation", "test")}
    with serving(FakeHub()) as fake:
        fake.push(
            "dataset",
            "allenai/ai2_arc",
            {"README.md": README.encode(), "ARC-Challenge/test.jsonl": questions("hard", 3), **files},
        )
        yield fake


def test_locking_pins_the_configuration_that_the_task_names(hub: FakeHub, tmp_path: Path) -> None:
    plan = json.loads(lcspec(tmp_path, "plan", "spec.yaml", "--format", "json").stdout)
    assert any("allenai/ai2_arc" in problem for problem in plan["problems"])
    done = lcspec(tmp_path, "lock", "spec.yaml", HF_ENDPOINT=hub.address)
    assert done.returncode == 0, done.stderr
    pin = json.loads((tmp_path / "spec.lock.json").read_text())["sources"]["huggingface:dataset/allenai/ai2_arc@main"]
    assert pin["commit"] == hub.branches["dataset", "allenai/ai2_arc", "main"]
    assert sorted(pin["files"]) == [f"ARC-Easy/{split}.jsonl" for split in ("test", "train", "validation")]
    plan = json.loads(lcspec(tmp_path, "plan", "spec.yaml", "--format", "json").stdout)
    assert plan["problems"] == []
    assert "fetch:evaluation.suites.knowledge.tasks.0" in {step["id"] for step in plan["steps"]}


def test_without_the_hub_locking_says_why(hub: FakeHub, tmp_path: Path) -> None:
    done = lcspec(tmp_path, "lock", "spec.yaml", HF_ENDPOINT="http://127.0.0.1:9")
    assert done.returncode == 4
    assert "LC10" in done.stderr
    assert "allenai/ai2_arc" in done.stderr


SECOND = """
    common: {kind: lm-eval, tasks: [hellaswag, arc_easy], metrics: [acc, hellaswag.acc_norm], limit: 5}
  gates: {some: {metric: common.acc, at-least: 0}}
allow:
  hella: {kind: python, path: "lm_eval:tasks/hellaswag/utils.py", sha256: DIGEST}
"""


def endings(split: str, count: int) -> bytes:
    rows = [
        {
            "ctx_a": f"A man stands at {split} {n}.",
            "ctx_b": "then he",
            "activity_label": "Standing [title]",
            "endings": ["sits.", "runs.", "flies.", "sings."],
            "label": str(n % 4),
        }
        for n in range(count)
    ]
    return "".join(json.dumps(row) + "\n" for row in rows).encode()


@pytest.mark.ml
@pytest.mark.slow
def test_tasks_of_lm_eval_are_asked_of_the_model(hub: FakeHub, tmp_path: Path) -> None:
    for path in (tmp_path / "llama").iterdir():
        path.unlink()
    write_tiny_model(tmp_path / "llama", seed=3)
    hub.push(
        "dataset", "Rowan/hellaswag", {"data/train.jsonl": endings("train", 4), "validation.jsonl": endings("v", 12)}
    )
    home = folder()
    assert home is not None
    digest = hashlib.sha256((home / "tasks" / "hellaswag" / "utils.py").read_bytes()).hexdigest()
    spec = SPEC.replace("suites: {", "suites:\n    ").replace("limit: 6}}", "limit: 6}").partition("  gates:")[0]
    (tmp_path / "spec.yaml").write_text(spec.rstrip() + SECOND.replace("DIGEST", digest))
    done = lcspec(tmp_path, "apply", "spec.yaml", HF_ENDPOINT=hub.address)
    assert done.returncode == 0, done.stderr
    made = records(tmp_path)
    for split in ("validation:llama/plain", "test:finalist"):
        assert made[f"predict:knowledge.{split}"]["metrics"]["acc"]["n"] == 6
        metrics = made[f"predict:common.{split}"]["metrics"]
        assert metrics["hellaswag.acc"]["n"] == metrics["arc_easy.acc"]["n"] == 5
        assert metrics["acc"]["n"] == 10
        assert metrics["acc"]["successes"] == sum(metrics[f"{t}.acc"]["successes"] for t in ("hellaswag", "arc_easy"))
    assert not [path for path, _, _ in hub.asked if "ARC-Challenge/test" in path]
