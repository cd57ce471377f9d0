"""Bad input on the command line: a diagnostic with its place and remedy, the right exit code, and nothing written."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

SPEC = """\
lcspec: 1
name: bad
scope: {task: classification, labels: [a, b]}
data:
  d: {kind: jsonl, path: rows.jsonl, columns: {input: text, target: label}, split: {validation: 2, test: 2}}
models:
  m: {kind: folder, path: model}
prompts:
  p: {user: "{{ text }}"}
evaluation:
  suites: {s: {data: d, metrics: [accuracy]}}
  gates: {g: {metric: s.accuracy, at-least: 0.5}}
"""
GOOD = "".join(json.dumps({"text": f"t{n}", "label": "ab"[n % 2]}) + "\n" for n in range(8))


def lcspec(folder: Path, *arguments: str, **more: str) -> subprocess.CompletedProcess[str]:
    environment = {k: v for k, v in os.environ.items() if k != "CI"} | more
    command = [sys.executable, "-m", "lcspec", *arguments]
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "spec.yaml").write_text(SPEC)
    (tmp_path / "rows.jsonl").write_text(GOOD)
    (tmp_path / "model").mkdir()
    for name in ("config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json"):
        (tmp_path / "model" / name).write_text("{}")
    return tmp_path


def listing(folder: Path) -> list[str]:
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*"))


EDITS = {
    "missing file": ("rows.jsonl,", "gone.jsonl,", None, "LC0401", "spec.yaml:5:26"),
    "unknown key": ("path: rows", "pth: rows", None, "LC0101", "did you mean `path`?"),
    "unknown kind": ("kind: jsonl", "kind: jsnl", None, "LC0103", "did you mean `jsonl`?"),
    "wrong unit": ("scope: {", "scope: {requires: {memory: {max: 2 GX}}, ", None, "LC0105", "GiB"),
    "empty data": ("", "", "", "LC0402", "rows.jsonl"),
    "row without its column": ("", "", GOOD + '{"text": "t"}\n', "LC0403", "rows.jsonl:9:1"),
    "label outside the set": ("", "", GOOD + '{"text": "t", "label": "zebra"}\n', "LC0404", "rows.jsonl:9:25"),
    "broken line": ("", "", GOOD + "{oops\n", "LC0406", "rows.jsonl:9:1"),
}


@pytest.mark.parametrize("command", ["check", "plan", "apply", "lock"])
@pytest.mark.parametrize("name", sorted(EDITS))
def test_a_fault_of_the_spec_or_its_data_exits_1_and_writes_nothing(folder: Path, name: str, command: str) -> None:
    before, after, rows, code, words = EDITS[name]
    (folder / "spec.yaml").write_text(SPEC.replace(before, after, 1))
    if rows is not None:
        (folder / "rows.jsonl").write_text(rows)
    there = listing(folder)
    done = lcspec(folder, command, "spec.yaml")
    said = done.stdout + done.stderr
    assert done.returncode == 1
    assert f"error[{code}]" in said
    assert words in said
    assert "help:" in said
    assert "Traceback" not in said
    assert listing(folder) == there


@pytest.mark.parametrize("text", ["{", '{"format_version": 9}', '{"format_version": 1, "sources": {"x": {}}}', "[]"])
def test_a_broken_lock_is_named_and_left_alone(folder: Path, text: str) -> None:
    (folder / "spec.lock.json").write_text(text)
    done = lcspec(folder, "plan", "spec.yaml")
    assert done.returncode == 1
    assert "LC1001" in done.stderr
    assert (folder / "spec.lock.json").read_text() == text


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["plan", "nothing.yaml"], 1, "LC0012"),
        (["plan", "spec.yaml", "-o", "plan.json"], 1, "LC1002"),
        (["apply", "spec.yaml", "--locked"], 1, "LC1002"),
        (["apply", "rows.json"], 1, "LC0012"),
        (["apply", "model/config.json"], 1, "LC1103"),
        (["report", "spec.yaml"], 2, "LC1105"),
        (["serve", "spec.yaml"], 2, "LC1105"),
        (["chat", "spec.yaml", "-m", "x"], 2, "LC1105"),
        (["release", "show", "--spec", "spec.yaml"], 2, "LC1105"),
        (["release", "rollback", "--spec", "spec.yaml"], 2, "LC1105"),
        (["pla"], 2, "did you mean `plan`?"),
        (["plan", "--frmat", "json"], 2, "--format"),
        (["explain", "tuning.lra"], 2, "did you mean `lora`?"),
        (["explain", "nonsense"], 2, "nothing to explain"),
    ],
)
def test_wrong_use_is_told_and_writes_nothing(folder: Path, arguments: list[str], code: int, words: str) -> None:
    there = listing(folder)
    done = lcspec(folder, *arguments)
    assert (done.returncode, "Traceback" in done.stderr) == (code, False), done.stderr
    assert words in done.stderr + done.stdout
    assert listing(folder) == there


def test_ci_makes_apply_refuse_an_incomplete_lock(folder: Path) -> None:
    done = lcspec(folder, "apply", "spec.yaml", CI="true")
    assert (done.returncode, "LC1002" in done.stderr) == (1, True)


def test_a_library_of_another_version_than_the_lock_is_refused_with_the_way_out(folder: Path) -> None:
    libraries = {"torch": "1.0", "transformers": "1.0", "peft": "1.0", "trl": "1.0"}
    lock = {"format_version": 1, "sources": {}, "models": {}, "libraries": libraries}
    (folder / "spec.lock.json").write_text(json.dumps(lock))
    done = lcspec(folder, "apply", "spec.yaml")
    assert done.returncode == 1
    assert done.stderr.count("LC1003") >= 4
    assert "lcspec lock --update" in done.stderr
    assert not (folder / ".lcspec").exists()


def test_json_diagnostics_go_to_stdout_alone(folder: Path) -> None:
    (folder / "spec.yaml").write_text(SPEC.replace("kind: jsonl", "kind: jsnl"))
    done = lcspec(folder, "check", "spec.yaml", "--format", "json")
    told = json.loads(done.stdout)
    assert (done.returncode, done.stderr, told["ok"]) == (1, "", False)
    assert told["diagnostics"][0]["labels"][0]["start"] == {"line": 5, "column": 13}


def test_a_plugin_that_cannot_be_imported_is_named(folder: Path) -> None:
    info = folder / "plug" / "broken-1.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: broken\nVersion: 1\n")
    (info / "entry_points.txt").write_text("[lcspec.kinds]\ndata.broken = no_such_module\n")
    (folder / "spec.yaml").write_text(SPEC.replace("kind: jsonl", "kind: broken"))
    done = lcspec(folder, "check", "spec.yaml", PYTHONPATH=str(folder / "plug"))
    assert (done.returncode, "LC1901" in done.stderr) == (1, True)


def test_init_writes_an_example_that_plans_anywhere_and_overwrites_nothing(tmp_path: Path) -> None:
    for name in ("quickstart", "tales"):
        assert lcspec(tmp_path, "init", "--example", name).returncode == 0
        assert lcspec(tmp_path, "plan", f"{name}.yaml").returncode == 0
    (tmp_path / "quickstart.yaml").write_text("mine")
    done = lcspec(tmp_path, "init", "--example", "quickstart")
    assert done.returncode == 2
    assert (tmp_path / "quickstart.yaml").read_text() == "mine"
