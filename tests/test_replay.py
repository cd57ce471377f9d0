"""What can be told again is told again, and only while nothing that it depends on has moved."""

import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
SPEC = """lcspec: 1
name: sorted
scope: {task: classification, labels: [a, b]}
data:
  rows:
    kind: jsonl
    path: rows.jsonl
    columns: {input: text, target: label}
    split: {validation: 100, test: 100}
models:
  base: {kind: folder, path: model}
prompts:
  plain: {user: "{{ text }}"}
evaluation:
  suites:
    s: {data: rows, metrics: [accuracy]}
  gates:
    g: {metric: s.accuracy, at-least: 0.6}
"""


@pytest.fixture(scope="module")
def locked(tmp_path_factory: pytest.TempPathFactory) -> Path:
    here = tmp_path_factory.mktemp("locked") / "project"
    (here / "model").mkdir(parents=True)
    (here / "spec.yaml").write_text(SPEC)
    (here / "lcspec.toml").touch()
    rows = [{"text": f"row {number}", "label": "ab"[number % 2]} for number in range(300)]
    (here / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    for name in ("config.json", "tokenizer.json", "tokenizer_config.json"):
        (here / "model" / name).write_text("{}")
    (here / "model" / "model.safetensors").write_bytes(bytes(16))
    assert run(here, "lock", "spec.yaml").returncode == 0
    return here


@pytest.fixture()
def folder(locked: Path, tmp_path: Path) -> Path:
    here = shutil.copytree(locked, tmp_path / "project")
    time.sleep(0.2)  # younger files are not trusted
    return here


def run(folder: Path, *arguments: str, **more: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "LCSPEC_REPLAY": "on", "XDG_CACHE_HOME": str(folder.parent / "cache"), **more}
    environment["PYTHONPATH"] = str(ROOT)
    command = [sys.executable, "-X", "importtime", "-m", "lcspec", *arguments]
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)


def told_again(done: subprocess.CompletedProcess[str]) -> bool:
    """Whether the command line was not even imported."""
    return "lcspec.cli.main" not in done.stderr


def test_an_unchanged_plan_is_told_again_word_for_word(folder: Path) -> None:
    first, second = run(folder, "plan", "spec.yaml"), run(folder, "plan", "spec.yaml")
    assert not told_again(first)
    assert told_again(second)
    assert (first.stdout, first.returncode) == (second.stdout, second.returncode)
    assert "first run" in second.stdout


def test_the_exit_code_and_the_form_belong_to_the_command_line(folder: Path) -> None:
    for _ in range(2):
        assert run(folder, "plan", "spec.yaml", "--exit-code").returncode == 10
        assert run(folder, "plan", "spec.yaml").returncode == 0
        assert json.loads(run(folder, "plan", "spec.yaml", "--format", "json").stdout)["pending"] is True


CHANGES = {
    "the spec": lambda folder: (folder / "spec.yaml").write_text(SPEC.replace("0.6", "0.7")),
    "the lock": lambda folder: (folder / "spec.lock.json").unlink(),
    "a data file": lambda folder: (folder / "rows.jsonl").write_text('{"text": "x", "label": "a"}\n' * 400),
    "a file of the model": lambda folder: (folder / "model" / "model.safetensors").write_bytes(bytes(17)),
    "a store that came": lambda folder: (folder / ".lcspec" / "records").mkdir(parents=True),
    "the root of the project": lambda folder: (folder / "lcspec.toml").unlink(),
}


@pytest.mark.parametrize("name", sorted(CHANGES))
def test_nothing_is_told_again_after_a_change_of(name: str, folder: Path) -> None:
    run(folder, "plan", "spec.yaml")
    assert told_again(run(folder, "plan", "spec.yaml"))
    CHANGES[name](folder)
    assert not told_again(run(folder, "plan", "spec.yaml"))


def test_another_environment_is_another_question(folder: Path) -> None:
    run(folder, "plan", "spec.yaml")
    assert not told_again(run(folder, "plan", "spec.yaml", NO_COLOR="1"))
    assert not told_again(run(folder, "plan", "spec.yaml", LCSPEC_REPLAY="off"))


def test_a_fault_is_found_anew_each_time(folder: Path) -> None:
    (folder / "spec.yaml").write_text(SPEC.replace("prompts:", "promts:"))
    time.sleep(0.2)
    for _ in range(2):
        done = run(folder, "plan", "spec.yaml")
        assert done.returncode == 1
        assert not told_again(done)


def test_a_plan_that_is_saved_is_made(folder: Path) -> None:
    for _ in range(2):
        (folder / "plan.json").unlink(missing_ok=True)
        run(folder, "plan", "spec.yaml", "-o", "plan.json")
        assert (folder / "plan.json").exists()


def test_a_broken_memo_or_no_cache_only_costs_time(folder: Path) -> None:
    first = run(folder, "plan", "spec.yaml")
    for memo in (folder.parent / "cache" / "lcspec" / "replay").iterdir():
        memo.write_text(memo.read_text()[:-9])
    assert run(folder, "plan", "spec.yaml").stdout == first.stdout
    shutil.rmtree(folder.parent / "cache")
    (folder.parent / "cache").write_text("a file where the folder should be")
    assert run(folder, "plan", "spec.yaml").stdout == first.stdout


def test_plan_writes_nothing_into_the_project(folder: Path) -> None:
    before = sorted(folder.rglob("*"))
    run(folder, "plan", "spec.yaml")
    assert sorted(folder.rglob("*")) == before
