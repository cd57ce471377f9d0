"""Apply of a part, apply again, and saved plans: what runs, what is refused, and what is named."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from lcspec.saved import seal

SPEC = """\
lcspec: 1
name: part
scope: {task: classification, labels: [a, b]}
data:
  d: {kind: jsonl, path: rows.jsonl, columns: {input: text, target: label}, split: {validation: 40, test: 40}}
models:
  m: {kind: folder, path: model}
prompts:
  p: {user: "{{ text }}"}
  q: {user: "Say: {{ text }}", shots: {count: 2, from: d.train}}
evaluation:
  suites: {s: {data: d, metrics: [accuracy]}}
  gates: {g: {metric: s.accuracy, at-least: 0.6}}
"""
CHEAP = ("--target", "resolve:*")
DONE = {"fetch:data.d", "prepare:data.d", "resolve:prompts.p", "resolve:prompts.q"}


def lcspec(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {k: v for k, v in os.environ.items() if k != "CI"}
    command = [sys.executable, "-m", "lcspec", *arguments]
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)


def events(done: subprocess.CompletedProcess[str]) -> list[dict[str, Any]]:
    return [json.loads(line) for line in done.stdout.splitlines()]


def ran(done: subprocess.CompletedProcess[str]) -> set[str]:
    assert done.returncode == 0, done.stderr
    return {event["step"] for event in events(done) if event["event"] == "step-finished"}


def rows(count: int = 200) -> str:
    return "".join(json.dumps({"text": f"t{n}", "label": "ab"[n % 2]}) + "\n" for n in range(count))


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project with a lock and a saved plan of the cheap steps, made once and copied."""
    folder = tmp_path_factory.mktemp("made")
    (folder / "spec.yaml").write_text(SPEC)
    (folder / "rows.jsonl").write_text(rows())
    (folder / "model").mkdir()
    for name in ("config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json"):
        (folder / "model" / name).write_text("{}")
    assert lcspec(folder, "lock", "spec.yaml").returncode == 0
    save(folder, *CHEAP)
    return folder


@pytest.fixture
def folder(made: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(made, tmp_path / "project"))


def save(folder: Path, *arguments: str) -> Path:
    done = lcspec(folder, "plan", "spec.yaml", "-o", "plan.json", *arguments)
    assert done.returncode == 0, done.stderr
    return folder / "plan.json"


def test_a_target_is_run_with_what_it_needs_and_no_release_is_made(folder: Path) -> None:
    done = lcspec(folder, "apply", "spec.yaml", *CHEAP, "--format", "json")
    assert ran(done) == DONE
    end = events(done)[-1]["data"]
    assert (end["release"], end["why_not"]) == (None, f"{end['left_out']} steps were left out by --target")
    assert end["left_out"] > 0
    assert ran(lcspec(folder, "apply", "spec.yaml", *CHEAP, "--format", "json")) == set()
    told = lcspec(folder, "apply", "spec.yaml", *CHEAP)
    assert (told.returncode, "No release:" in told.stderr) == (0, True)


def test_a_replaced_step_runs_again_once_and_equal_outputs_rerun_nothing_else(folder: Path) -> None:
    ran(lcspec(folder, "apply", "spec.yaml", *CHEAP, "--format", "json"))
    before = {path: path.read_bytes() for path in (folder / ".lcspec" / "records").rglob("*.json")}
    again = lcspec(folder, "apply", "spec.yaml", *CHEAP, "--replace", "prepare:data.d", "--format", "json")
    assert ran(again) == {"prepare:data.d"}
    assert {path: path.read_bytes() for path in (folder / ".lcspec" / "records").rglob("*.json")} == before
    assert "LC1205" not in again.stderr


def test_a_wrong_wish_exits_2_before_anything_is_written(folder: Path) -> None:
    there = sorted(folder.rglob("*"))
    done = lcspec(folder, "apply", "spec.yaml", "--target", "resolve:prompts.pp")
    assert (done.returncode, "did you mean `resolve:prompts.p`?" in done.stderr) == (2, True)
    assert sorted(folder.rglob("*")) == there


def test_a_saved_plan_runs_its_own_selection_and_can_be_gone_on_with(folder: Path) -> None:
    assert ran(lcspec(folder, "apply", "plan.json", "--format", "json")) == DONE
    assert ran(lcspec(folder, "apply", "plan.json", "--format", "json")) == set()


def test_a_saved_plan_keeps_its_settings(folder: Path) -> None:
    save(folder, *CHEAP, "--set", "prompts.q.shots.count=4")
    assert ran(lcspec(folder, "apply", "plan.json", "--format", "json")) == DONE
    records = [json.loads(path.read_text()) for path in (folder / ".lcspec" / "records").rglob("*.json")]
    assert {r["metrics"].get("shots") for r in records if r["step"] == "resolve:prompts.q"} == {4}


@pytest.mark.parametrize(
    "flags",
    [
        ["--set", "prompts.q.shots.count=4"],
        ["--target", "resolve:*"],
        ["--exclude", "resolve:*"],
        ["--replace", "resolve:*"],
        ["--no-locked"],
    ],
)
def test_a_saved_plan_refuses_flags_that_would_change_it(folder: Path, flags: list[str]) -> None:
    done = lcspec(folder, "apply", "plan.json", *flags)
    assert (done.returncode, "saved plan" in done.stderr) == (2, True)
    assert not (folder / ".lcspec").exists()


def _spec(folder: Path) -> None:
    (folder / "spec.yaml").write_text(SPEC.replace("at-least: 0.6", "at-least: 0.7"))


def _lock(folder: Path) -> None:
    lock = json.loads((folder / "spec.lock.json").read_text())
    lock["libraries"]["peft"] = "0.1"
    (folder / "spec.lock.json").write_text(json.dumps(lock))


def _no_lock(folder: Path) -> None:
    (folder / "spec.lock.json").unlink()


def _rows(folder: Path) -> None:
    (folder / "rows.jsonl").write_text(rows(201))


def _kind(folder: Path) -> None:
    plan = json.loads((folder / "plan.json").read_text())
    for step in plan["steps"]:
        if step["kind"] == "prompt.template":
            step["version"] += 1
    (folder / "plan.json").write_text(json.dumps({**plan, "sha256": seal(plan)}))


STALE: dict[str, tuple[Callable[[Path], None], str]] = {
    "spec": (_spec, "the spec `spec.yaml`"),
    "lock": (_lock, "the lock `spec.lock.json`: library `peft`"),
    "no lock": (_no_lock, "the lock `spec.lock.json` is gone"),
    "local file": (_rows, "the file `rows.jsonl`"),
    "kind version": (_kind, "the kind `prompt.template`: version 2 → 1"),
}


@pytest.mark.parametrize("name", sorted(STALE))
def test_a_stale_plan_exits_5_and_names_what_changed(folder: Path, name: str) -> None:
    change, words = STALE[name]
    change(folder)
    done = lcspec(folder, "apply", "plan.json")
    assert (done.returncode, "LC1102" in done.stderr) == (5, True), done.stderr
    assert words in done.stderr
    assert not (folder / ".lcspec").exists()


def test_a_changed_base_is_named(folder: Path) -> None:
    (folder / "base.yaml").write_text(SPEC)
    (folder / "spec.yaml").write_text("extends: base.yaml\n")
    save(folder, *CHEAP)
    (folder / "base.yaml").write_text(SPEC + "# a comment\n")
    done = lcspec(folder, "apply", "plan.json")
    assert (done.returncode, "base.yaml`, which the spec extends" in done.stderr) == (5, True), done.stderr


def test_a_reused_record_that_is_gone_makes_the_plan_stale(folder: Path) -> None:
    ran(lcspec(folder, "apply", "spec.yaml", *CHEAP, "--format", "json"))
    save(folder, *CHEAP)
    for path in (folder / ".lcspec" / "records").rglob("*.json"):
        if json.loads(path.read_text())["step"] == "prepare:data.d":
            path.chmod(0o644)
            path.unlink()
    done = lcspec(folder, "apply", "plan.json")
    assert done.returncode == 5
    assert "the record of `prepare:data.d`, which the plan reuses, is gone" in done.stderr


def _cut(text: str) -> str:
    return text[: len(text) // 2]


def _edited(text: str) -> str:
    return text.replace('"action": "run"', '"action": "skip"', 1)


def _newer(text: str) -> str:
    return text.replace('"format_version": 1,\n  "gates"', '"format_version": 2,\n  "gates"')


BROKEN: dict[str, tuple[Callable[[str], str], str, str]] = {
    "cut short": (_cut, "LC1103", "it ends or breaks at line"),
    "empty": (lambda text: "", "LC1103", "it ends or breaks at line 1"),
    "another file": (lambda text: '{"name": "x", "version": 3}', "LC1103", "JSON of something else"),
    "a list": (lambda text: "[1, 2]", "LC1103", "JSON of something else"),
    "edited": (_edited, "LC1103", "edited after it was saved"),
    "unsealed": (lambda text: json.dumps({**json.loads(text), "sha256": None}), "LC1103", "edited after"),
    "newer": (_newer, "LC1107", "this lcspec reads format 1"),
    "no text": (lambda text: "\x00\x01", "LC1103", "breaks at line"),
}


@pytest.mark.parametrize("name", sorted(BROKEN))
def test_a_plan_that_is_not_what_was_saved_is_refused(folder: Path, name: str) -> None:
    change, code, words = BROKEN[name]
    path = folder / "plan.json"
    text = path.read_text()
    assert change(text) != text
    path.write_text(change(text))
    done = lcspec(folder, "apply", "plan.json")
    assert (done.returncode, f"error[{code}]" in done.stderr, "Traceback" in done.stderr) == (1, True, False)
    assert words in done.stderr
    assert not (folder / ".lcspec").exists()


def test_a_plan_is_applied_from_elsewhere_and_when_it_was_moved(folder: Path) -> None:
    path = folder / "plan.json"
    (folder / "sub").mkdir()
    away = folder.parent / f"{folder.name}-away"
    away.mkdir()
    (away / "copy.json").write_text(path.read_text())
    assert ran(lcspec(folder / "sub", "apply", "../plan.json", "--format", "json")) == DONE
    assert ran(lcspec(folder, "apply", str(away / "copy.json"), "--format", "json")) == set()
    lost = lcspec(away, "apply", "copy.json")
    assert (lost.returncode, "neither here nor where it lay" in lost.stderr) == (1, True)


def test_equal_plans_are_equal_bytes(folder: Path) -> None:
    first = (folder / "plan.json").read_bytes()
    assert save(folder, *CHEAP).read_bytes() == first
    assert str(folder).encode() not in first
