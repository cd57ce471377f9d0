"""`lcspec diff BASE` on the command line: revisions, files, exit codes."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.world import QUICKSTART, ROOT


def git(folder: Path, *arguments: str) -> None:
    who = ["-c", "user.name=somebody", "-c", "user.email=somebody@example.org"]
    subprocess.run(["git", *who, *arguments], cwd=folder, check=True, capture_output=True)


def ask(folder: Path, *arguments: str) -> "subprocess.CompletedProcess[str]":
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-m", "lcspec", "diff", *arguments]
    return subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True, check=False)


@pytest.fixture
def project(tmp_path: Path) -> Path:
    folder = tmp_path / "a project"
    (folder / "specs").mkdir(parents=True)
    (folder / "specs" / "newsdesk.yaml").write_text(QUICKSTART)
    (folder / "specs" / "newsdesk.lock.json").write_text((ROOT / "specs" / "quickstart.lock.json").read_text())
    git(folder, "init", "-q", "-b", "main")
    git(folder, "add", "-A")
    git(folder, "commit", "-q", "-m", "first")
    return folder


def test_against_a_revision(project: Path) -> None:
    assert ask(project, "main", "--exit-code").returncode == 0
    spec = project / "specs" / "newsdesk.yaml"
    spec.write_text(QUICKSTART.replace("at-least: 0.88", "at-least: 0.80"))
    told = ask(project, "HEAD", "--exit-code")
    assert told.returncode == 10
    assert "evaluation.gates.good-enough.at-least  0.88 → 0.8" in told.stdout
    assert "LC1402" in told.stdout
    annotated = ask(project, "main", "--format", "github").stdout
    assert annotated.startswith("::warning file=specs/newsdesk.yaml,line=62")
    assert json.loads(ask(project, "main", "--format", "json").stdout)["changes"][0]["place"]["line"] == 62
    assert not list(project.glob(".lcspec"))


def test_local_rows_count_by_content_also_where_git_ignores_them(project: Path) -> None:
    spec = """\
lcspec: 1
name: router
scope: {task: classification, labels: [a, b]}
data:
  rows: {kind: jsonl, path: rows.jsonl, columns: {input: text, target: label}, split: {validation: 30%, test: 30%}}
models:
  base: {kind: folder, from: {kind: pypi, package: some-model, version: "1.0"}, path: some_model, license: mit}
prompts: {plain: {user: "{{ text }}"}}
evaluation: {suites: {routing: {data: rows, metrics: [accuracy]}}}
"""
    rows = "".join(json.dumps({"text": f"text {n} of {'ab'[n % 2]}", "label": "ab"[n % 2]}) + "\n" for n in range(200))
    (project / "router.yaml").write_text(spec)
    (project / "rows.jsonl").write_text(rows)
    git(project, "add", "-A")
    git(project, "commit", "-q", "-m", "rows")
    (project / "rows.jsonl").write_text(rows + json.dumps({"text": "one more", "label": "a"}) + "\n")
    told = json.loads(ask(project, "HEAD", "router.yaml", "--format", "json").stdout)
    assert [one["path"] for one in told["changes"]] == [["data", "rows", "content", "rows.jsonl"]]
    assert [one["code"] for one in told["risks"]] == ["LC1403"]
    (project / ".gitignore").write_text("rows.jsonl\n")
    git(project, "rm", "-q", "--cached", "rows.jsonl")
    git(project, "add", "-A")
    git(project, "commit", "-q", "-m", "ignore rows")
    assert ask(project, "HEAD", "router.yaml", "--exit-code").returncode == 0


def test_what_is_no_base_is_wrong_usage(project: Path) -> None:
    for base in ("no-such-branch", "--upload-pack=x"):
        told = ask(project, base)
        assert told.returncode == 2, told.stderr
    (project / "specs" / "new.yaml").write_text(QUICKSTART)
    told = ask(project, "main", "specs/new.yaml")
    assert (told.returncode, "LC1401" in told.stderr) == (2, True)


def test_a_base_with_errors_is_told_at_its_lines(project: Path) -> None:
    spec = project / "specs" / "newsdesk.yaml"
    spec.write_text(QUICKSTART.replace("rank: 8", "rang: 8"))
    git(project, "commit", "-q", "-a", "-m", "wrong")
    spec.write_text(QUICKSTART)
    told = ask(project, "HEAD")
    assert told.returncode == 1
    assert "HEAD:specs/newsdesk.yaml:53" in told.stderr
