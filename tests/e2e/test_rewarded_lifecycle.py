"""Learning from rewards through the command line: refused until it is allowed, applied, told, reused."""

import json
import random
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.tiny import write_tiny_model

pytestmark = [pytest.mark.ml, pytest.mark.slow]

SPEC = """
lcspec: 1
name: rewarded
scope: {task: generation}
data:
  asked:
    kind: jsonl
    path: asked.jsonl
    columns: {input: text}
  judged:
    kind: jsonl
    path: judged.jsonl
    columns: {input: text, target: answer}
    split: {train: 20, validation: 40, test: 40, seed: 1}
models:
  llama: {kind: folder, path: llama, license: mit}
prompts:
  plain: {format: text, user: "{{ text }}=", answer-prefix: ""}
tuning:
  by-group:
    kind: grpo
    data: asked.train
    max-tokens: 6
    max-steps: 6
    learning-rate: 0.001
    warmup-steps: 1
    rewards:
      small: {path: own/r.py, function: share}
      short: {words-at-most: 2, weight: 0.1}
  by-one:
    kind: rloo
    data: asked.train
    max-tokens: 6
    max-steps: 3
    learning-rate: 0.001
    warmup-steps: 1
    rewards: {small: {metric: share}}
evaluation:
  metrics:
    share: {kind: python, path: own/r.py, function: share}
  suites:
    answers: {data: judged, metrics: [exact-match, share], max-tokens: 6}
  gates:
    good-enough: {metric: answers.exact-match, at-least: 0.9}
ladder:
  - {prompts: [plain]}
  - {tuning: by-group}
  - {tuning: by-one}
"""
CODE = """
def share(row):
    print("asked of", row["row"]["text"])
    return sum(one.islower() for one in row["answer"]) / max(1, len(row["answer"]))
"""


def lcspec(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "lcspec", *arguments]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("rewarded")
    write_tiny_model(folder / "llama", seed=3)
    chosen = random.Random(2)
    texts = ["".join(chosen.choice("xyzuvw") for _ in range(6)) + str(n) for n in range(200)]
    (folder / "asked.jsonl").write_text("".join(json.dumps({"text": text}) + "\n" for text in texts[:100]))
    rows = [{"text": text, "answer": text[:1]} for text in texts[100:]]
    (folder / "judged.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    (folder / "own").mkdir()
    (folder / "own" / "r.py").write_text(CODE)
    (folder / "spec.yaml").write_text(SPEC)
    return folder


def allowed(project: Path) -> None:
    """Writes the entry that the refusal says."""
    told = json.loads(lcspec(project, "check", "spec.yaml", "--format", "json").stdout)
    entry = next(one["help"] for one in told["diagnostics"] if one["code"] == "LC0351").partition("`allow: ")[2]
    (project / "spec.yaml").write_text(SPEC + f"allow: {entry.rstrip('`')}\n")


def trained(project: Path) -> dict[str, dict[str, Any]]:
    found = [json.loads(path.read_text()) for path in project.glob(".lcspec/records/*/*.json")]
    return {one["step"].rpartition("/")[2]: one for one in found if one["step"].startswith("train:")}


def test_both_kinds_are_refused_then_applied_then_reused_and_run_again_for_another_file(project: Path) -> None:
    refused = lcspec(project, "apply", "spec.yaml")
    assert refused.returncode == 1
    assert "LC0351" in refused.stderr + refused.stdout
    allowed(project)
    done = lcspec(project, "apply", "spec.yaml", "--format", "json")
    assert done.returncode == 3, done.stderr + done.stdout  # the gate is out of reach
    events = [json.loads(line) for line in done.stdout.splitlines()]
    told = [one["data"] for one in events if one["event"] == "progress" and (one["step"] or "").startswith("train:")]
    assert any("reward" in one for one in told)
    made = trained(project)
    assert set(made) == {"by-group", "by-one"}
    assert [len(one["metrics"]["curve"]) for one in made.values() if one["step"].endswith("by-group")] == [6]
    assert all(0 <= point["reward"] <= 1.1 for one in made.values() for point in one["metrics"]["curve"])
    assert {"reward.small", "reward.short"} <= made["by-group"]["metrics"]["curve"][0].keys()
    assert any(name.startswith("confinement:own/r.py:share") for name in made["by-one"]["measured"])
    assert "asked of" in lcspec(project, "logs", made["by-group"]["step"]).stdout
    assert lcspec(project, "plan", "spec.yaml", "--exit-code").returncode == 0
    (project / "own" / "r.py").write_text(CODE + "# another\n")
    assert lcspec(project, "check", "spec.yaml").returncode == 1
