"""A metric of the project's own: the file that was allowed runs, in a step that reaches nothing; no other does."""

import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from lcspec import api
from lcspec.cli.planview.style import painter
from lcspec.cli.planview.summary import capability_lines
from lcspec.run.environment import environment
from lcspec.run.io import Job
from tests.world import QUICKSTART, World

ANSWERS = ("oil", "trade", "a long answer", "oil")
CODE = """
import math

def brevity(row):
    return len(row["answer"].split())

def right(row):
    return None if row["target"] is None else row["answer"] == row["target"]
"""


def digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


class Score:
    """The scoring step on four answers, with a metric `own` of a file `m.py`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def __call__(self, code: str, function: str, *, allowed: str | None = None) -> dict[str, Any]:
        self._write("predictions/predictions.jsonl", "".join(map(self._line, range(len(ANSWERS)))))
        self._write("code/m.py", code)
        own = {"kind": "python", "version": 1, "path": "m.py", "function": function, "higher-is-better": False}
        job = Job(
            step="score",
            kind="suite.rows",
            action="score",
            params={"metrics": {"own": own, "accuracy": 1}, "labels": []}
            | {"capabilities": {"python:m.py": [allowed or digest(code)]}},
            inputs={"predictions": str(self.folder / "predictions"), "code.own": str(self.folder / "code")},
            libraries=[],
            outputs=str(self.folder / "out"),
            seed=0,
            threads=1,
            root=str(self.folder),
            cache="",
            checkpoint="",
            log="log",
        )
        reading, writing = os.pipe()
        process = subprocess.Popen(
            [sys.executable, "-m", "lcspec.run.step"],
            env={**environment(self.folder, network=False), "LCSPEC_EVENTS": str(writing)},
            stdin=subprocess.PIPE,  # stays open: a step ends with its apply
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            pass_fds=(writing,),
            text=True,
        )
        os.close(writing)
        assert process.stdin is not None
        process.stdin.write(job.to_text() + "\n")
        process.stdin.flush()
        with os.fdopen(reading) as lines:
            said = [json.loads(line) for line in lines]
        process.communicate()
        told: dict[str, Any] = {data["name"]: data["value"] for kind, data in said if kind == "metric"}
        failed = [data for kind, data in said if kind == "failed"]
        first = failed[0]["diagnostics"][0] if failed else {"code": None, "message": "", "help": ""}
        return {"metrics": told, **first}

    def _line(self, number: int) -> str:
        told = {"id": str(number), "row": {"text": "x"}, "target": None if number == 3 else "oil", "accepted": []}
        told |= {"answer": ANSWERS[number], "label": None, "scores": None, "hits": [], "refused": None, "source": None}
        return json.dumps(told) + "\n"

    def _write(self, name: str, text: str) -> None:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


@pytest.fixture
def score(tmp_path: Path) -> Score:
    return Score(tmp_path)


def test_numbers_give_a_mean_and_truths_a_share(score: Score) -> None:
    made = score(CODE, "brevity")
    assert made["metrics"]["own"] == {"value": 1.5, "n": 4, "std_error": 0.5, "higher_is_better": False}
    assert made["metrics"]["accuracy"]["n"] == 3
    made = score(CODE, "right")["metrics"]["own"]
    assert (made["successes"], made["n"]) == (1, 3)
    rows = [json.loads(line)["values"] for line in (score.folder / "out/rows/rows.jsonl").read_text().splitlines()]
    assert [row["own"] for row in rows] == [1.0, 0.0, 0.0, None]


def test_another_file_than_the_allowed_one_does_not_run(score: Score) -> None:
    code = CODE + f"\nopen({str(score.folder / 'ran')!r}, 'w')\n"
    made = score(code, "brevity", allowed=digest(CODE))
    assert made["code"] == "LC0351"
    assert f"sha256: {digest(code)}" in made["help"]
    assert not (score.folder / "ran").exists()


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ("return 'long'", "'long'"),
        ("return float('nan')", "nan"),
        ("return [1]", "[1]"),
        ("return row['answr']", "KeyError"),
        ("raise SystemError('no')", "SystemError: no"),
    ],
)
def test_what_is_no_number_ends_the_step_at_its_row(score: Score, body: str, words: str) -> None:
    made = score(f"def own(row):\n    {body}\n", "own")
    assert made["code"] == "LC1236"
    assert words in made["message"]
    assert "row 1" in made["message"]


def test_a_missing_function_and_a_broken_file_are_told(score: Score) -> None:
    assert "no function `other`" in score(CODE, "other")["message"]
    assert "SyntaxError" in score("def own(:\n", "own")["message"]


@pytest.mark.parametrize(
    "call",
    [
        "__import__('socket').create_connection(('127.0.0.1', 9))",
        "__import__('socket').getaddrinfo('example.org', 80)",
        "__import__('subprocess').run(['true'])",
        "__import__('os').system('true')",
        "__import__('os').fork()",
    ],
)
def test_it_reaches_neither_network_nor_processes(score: Score, call: str) -> None:
    made = score(f"def own(row):\n    {call}\n    return 1\n", "own")
    assert made["code"] == "LC1236"
    assert "PermissionError" in made["message"]


def test_it_sees_neither_secrets_nor_the_rest_of_the_environment(score: Score, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOME_TOKEN", "canary")
    monkeypatch.setenv("PIP_INDEX_URL", "https://user:canary@index")
    code = "import os\ndef own(row):\n    return sum('canary' in value for value in os.environ.values())\n"
    made = score(code, "own")
    assert made["metrics"]["own"]["value"] == 0


def test_it_imports_installed_packages_and_no_other_file_of_the_project(
    score: Score, monkeypatch: pytest.MonkeyPatch
) -> None:
    (score.folder / "helper.py").write_text("VALUE = 1\n")
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(score.folder), *sys.path[:1], *sys.path]))
    assert score("import yaml\ndef own(row):\n    return 1\n", "own")["metrics"]["own"]["value"] == 1
    for code in ("import helper\ndef own(row):\n    return 1\n", "def own(row):\n    import helper\n    return 1\n"):
        made = score(code, "own")
        assert made["code"] == "LC1236"
        assert "`helper` is a file of the project" in made["message"]


# --- in a spec -------------------------------------------------------------------------------------------------------

SPEC = QUICKSTART.replace("[accuracy, macro-f1]", "[accuracy, macro-f1, brevity]").replace(
    "  gates:\n", "  metrics:\n    brevity: {kind: python, path: own/m.py, function: brevity}\n  gates:\n", 1
)


def allow(text: str) -> str:
    return SPEC + f"allow:\n  words: {{kind: python, path: own/m.py, sha256: {digest(text)}}}\n"


class Project(World):
    def code(self, text: str) -> None:
        (self.folder / "own").mkdir(exist_ok=True)
        (self.folder / "own" / "m.py").write_text(text)

    def facts(self, **more: Any) -> Any:
        return super().facts(files={"own/m.py": digest((self.folder / "own" / "m.py").read_text())}, **more)


@pytest.fixture
def project(tmp_path: Path) -> Project:
    assert "brevity" in SPEC
    made = Project(tmp_path, allow(CODE))
    made.code(CODE)
    return made


def test_the_digest_is_in_the_key_of_scoring_and_of_nothing_else(project: Project) -> None:
    project.run(lambda step: 0.95)
    assert set(project.actions().values()) <= {"reuse", "skip"}
    other = CODE + "\n# read again\n"
    project.code(other)
    project.write(allow(other))
    again = {step for step, action in project.actions().items() if action == "run"}
    assert again
    assert all(step.startswith(("fetch:evaluation.metrics.brevity", "score:")) for step in again)


def test_a_plan_shows_what_is_allowed_and_what_changed_in_it(project: Project) -> None:
    (told,) = project.plan().capabilities
    assert (told.name, told.kind, told.item, told.change) == ("words", "python", "own/m.py", "new")
    assert told.sha256 == digest(CODE)
    assert told.steps
    assert all(step.startswith("score:") for step in told.steps)
    project.run(lambda step: 0.95)
    assert project.plan().capabilities[0].change == ""
    other = CODE + "\n# read again\n"
    project.code(other)
    project.write(allow(other))
    (told,) = project.plan().capabilities
    assert (told.change, told.former, told.sha256) == ("changed", (digest(CODE),), digest(other))
    shown = "\n".join(capability_lines(project.plan(), painter(False), 120))
    assert f"~ python `own/m.py`  sha256 {digest(other)[:12]}…, before {digest(CODE)[:12]}…  (changed, " in shown
    project.write(QUICKSTART)
    (told,) = project.plan().capabilities
    assert (told.change, told.item, told.former) == ("removed", "own/m.py", (digest(CODE),))


def test_a_metric_of_the_project_can_be_gated_and_compared(project: Project) -> None:
    gate = "    brief: {metric: topics.brevity, at-most: 3}\n"
    gate += "    no-longer: {metric: topics.brevity, not-worse-than: base}\n"
    project.write(allow(CODE).replace("  gates:\n", "  gates:\n" + gate, 1))
    assert any(step.startswith("compare:no-longer") for step in project.actions())


def test_a_link_out_of_the_project_is_refused(project: Project, tmp_path: Path) -> None:
    outside = tmp_path.parent / f"{tmp_path.name}-outside.py"
    outside.write_text(CODE)
    (project.folder / "own" / "m.py").unlink()
    (project.folder / "own" / "m.py").symlink_to(outside)
    assert [found.code for found in api.load(project.folder / "spec.yaml").diagnostics] == ["LC0352"]


def test_the_refusal_holds_the_entry_that_would_allow_it(project: Project) -> None:
    project.write(SPEC)
    (found,) = api.load(project.folder / "spec.yaml").diagnostics
    assert found.code == "LC0351"
    entry = found.help.partition("`allow: ")[2].rstrip("`")
    project.write(SPEC + f"allow: {entry}\n")
    assert api.load(project.folder / "spec.yaml").diagnostics == []


def test_an_entry_under_a_built_in_name_is_refused(project: Project) -> None:
    project.write(allow(CODE).replace("brevity: {kind", "accuracy: {kind").replace(", brevity]", "]"))
    assert "LC0202" in [found.code for found in api.load(project.folder / "spec.yaml").diagnostics]
