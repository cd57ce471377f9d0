"""A model that brings its own code, from the spec to the service: it learns, answers and serves as that code says."""

import json
import random
import shutil
from pathlib import Path

import pytest

from lcspec import launch
from tests.e2e.project import lcspec
from tests.owncode import BENDING, FILES, allow, digest, write_own_model

pytestmark = [pytest.mark.ml, pytest.mark.slow]
SPEC = """
lcspec: 1
name: own
scope: {task: classification, labels: [a, b]}
data:
  letters: {kind: jsonl, path: letters.jsonl, columns: {input: text, target: label}, split: {validation: 60, test: 120}}
models:
  own:
    kind: folder
    path: own
    files: [config.json, model.safetensors, tokenizer.json, tokenizer_config.json, FILES]
prompts:
  plain: {format: text, user: "{{ text }}=", answer-prefix: ""}
tuning:
  lora: {kind: lora, data: letters.train, rank: 8, rows: 320, batch-size: 16, learning-rate: 0.02, warmup-steps: 2}
evaluation:
  suites:
    letters: {data: letters, metrics: [accuracy]}
    loss: {kind: perplexity, data: letters, metrics: [loss]}
  gates:
    good-enough: {metric: letters.accuracy, at-least: 0.85}
ladder:
  - {prompts: [plain]}
  - {tuning: lora}
deployment:
  optimize:
    int8: {kind: quantize, bits: 8, max-drop: 10%}
  targets:
    api: {kind: openai-server, ask: 100}
"""


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("own")
    write_own_model(folder / "own")
    chosen = random.Random(5)
    rows = []
    for number in range(560):
        label = chosen.choice("ab")
        text = "".join(chosen.choice("xyz") for _ in range(3)) + label.upper() * 3 + str(number)
        rows.append(json.dumps({"text": text, "label": label}))
    (folder / "letters.jsonl").write_text("\n".join(rows) + "\n")
    (folder / "own.yaml").write_text(SPEC.replace("FILES", ", ".join(FILES)) + allow())
    done = lcspec(folder, "apply", "own.yaml")
    assert done.returncode == 0, done.stderr + done.stdout
    return folder


def records(project: Path) -> dict[str, dict]:
    found = [json.loads(path.read_text()) for path in project.glob(".lcspec/records/*/*.json")]
    return {record["step"]: record for record in found}


def test_it_learns_by_its_own_logits_and_the_service_gives_the_evaluated_answers(project: Path) -> None:
    made = records(project)
    tuned = made["score:letters.validation:rung-1.winner/lora"]["metrics"]["accuracy"]["value"]
    assert tuned > 0.9  # with the head that TRL takes for it, it would learn to answer the wrong way round
    assert made["contract:targets.api"]["metrics"] == {"asked": 100, "equal": 100}
    curve = made["train:rung-1.winner/lora"]["metrics"]["curve"]
    assert curve[-1]["loss"] < curve[0]["loss"]
    before, after = (
        made[f"score:loss.validation:{name}"]["metrics"]["loss"]["value"]
        for name in ("own/plain", "rung-1.winner/lora")
    )
    assert after < before


def test_the_release_carries_the_code_and_its_digests(project: Path) -> None:
    service = project / "build" / "own" / "api"
    assert {path.name: path.read_text() for path in (service / "model").glob("*.py")} == FILES
    manifest = json.loads((service / "pipeline.json").read_text())
    assert manifest["code"] == {name: [digest(text)] for name, text in sorted(FILES.items())}
    config = json.loads((service / "model" / "config.json").read_text())
    assert config["auto_map"]["AutoModelForCausalLM"] == "modeling_bent.BentForCausalLM"


def test_a_second_apply_runs_nothing_and_nothing_is_left_of_the_steps(project: Path) -> None:
    done = lcspec(project, "apply", "own.yaml")
    assert done.returncode == 0
    assert not any(line.startswith("✓") for line in done.stdout.splitlines())
    assert list(project.glob(".lcspec/**/scratch")) == []
    assert list(project.glob(".lcspec/**/__pycache__")) == []


def test_a_service_whose_code_was_changed_does_not_start(project: Path, tmp_path: Path) -> None:
    shutil.copytree(project / "build" / "own" / "api", tmp_path / "api")
    (tmp_path / "api" / "model" / "bending.py").chmod(0o644)
    (tmp_path / "api" / "model" / "bending.py").write_text(f"open({str(tmp_path / 'ran')!r}, 'w')\n{BENDING}")
    process = launch.start(tmp_path / "api", host="127.0.0.1", port=0, quiet=True)
    assert launch.ready(process) is None
    assert process.wait() != 0
    assert not (tmp_path / "ran").exists()


def test_other_code_is_refused_until_its_entry_is_renewed_and_then_the_plan_tells_of_it(project: Path) -> None:
    other = BENDING.replace("-bend", "bend")
    (project / "own" / "bending.py").write_text(other)
    done = lcspec(project, "check", "own.yaml")
    assert done.returncode == 1
    assert "LC1009" in done.stdout
    text = (project / "own.yaml").read_text()
    (project / "next.yaml").write_text(text.replace(digest(BENDING), digest(other)))
    done = lcspec(project, "plan", "next.yaml")
    assert "own/bending.py" in done.stdout
    assert "train:rung-1.winner/lora" in done.stdout


def test_the_record_tells_how_the_code_was_held_and_a_demanded_sandbox_refuses_it(project: Path) -> None:
    made = records(project)
    for step in ("predict:letters.validation:own/plain", "train:rung-1.winner/lora"):
        assert all(made[step]["measured"][f"confinement:{name}"].startswith("audit-hook") for name in FILES)
    text = (project / "own.yaml").read_text().replace("rank: 8", "rank: 4")
    (project / "strict.yaml").write_text(
        text.replace(digest(BENDING), digest((project / "own" / "bending.py").read_text()))
    )
    (project / "lcspec.toml").write_text('[code]\nconfine = "sandbox"\n')
    done = lcspec(project, "apply", "strict.yaml")
    (project / "lcspec.toml").unlink()
    assert done.returncode == 2
    assert "LC1239" in done.stderr
    assert "`train:rung-1.winner/lora`" in done.stderr or "`convert:models.own`" in done.stderr
