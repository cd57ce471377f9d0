"""Suites of lm-eval on a tiny model through the command line: what is measured is what lm-eval itself measures."""

import json
import os
from pathlib import Path
from typing import Any

import pytest

from tests.lmeval.project import CHOICES, HELPERS, PROSE, SPEC, allow, lcspec, lines, make, records
from tests.tiny import write_tiny_model

pytestmark = [pytest.mark.ml, pytest.mark.slow]

TUNED = SPEC.replace(
    "evaluation:",
    """data:
  rows:
    {kind: jsonl, path: tasks/train.jsonl, columns: {input: question, target: word}, split: {validation: 1, test: 1}}
tuning:
  lora: {kind: lora, data: rows.train, rank: 4, epochs: 1, batch-size: 2, learning-rate: 0.05}
evaluation:""",
)


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("bench")
    write_tiny_model(folder / "llama", seed=3)
    make(folder, TUNED, source="")
    done = lcspec(folder, "apply", "spec.yaml")
    assert done.returncode in (0, 3), done.stdout + done.stderr
    (folder / "apply.txt").write_text(done.stdout + done.stderr)
    return folder


def rows_of(folder: Path, step: str) -> dict[str, dict[str, Any]]:
    from lcspec.run.store import Store

    blobs = Store.peek(folder / ".lcspec").blobs
    text = blobs.path(blobs.tree(records(folder)[step]["outputs"]["rows"])["rows.jsonl"]["blake3"]).read_text()
    return {line["id"]: line for line in map(json.loads, text.splitlines())}


@pytest.fixture(scope="module")
def expected(project: Path) -> dict[str, dict[str, Any]]:
    """What `simple_evaluate` says of the same rows, with lm-eval's own loader on the same task files."""
    import lm_eval
    from lm_eval.tasks import TaskManager

    made = records(project)
    asked: dict[str, list[int]] = {}
    for suite in ("knowledge", "words", "texts"):
        for id in rows_of(project, step_of(made, suite)):
            task, _, row = id.partition("/")
            asked.setdefault(task, []).append(int(row))
    here = Path.cwd()
    os.chdir(project / "tasks")  # lm-eval takes data files relative to where it is started
    try:
        manager = TaskManager(include_path=str(project / "tasks"), include_defaults=False)
        results = {}
        for task, shots in (("colours", None), ("words", 1), ("next", None), ("prose", None)):
            results |= lm_eval.simple_evaluate(
                model="hf",
                model_args={"pretrained": str(project / "llama"), "dtype": "float32"},
                tasks=[task],
                task_manager=manager,
                batch_size=8,
                device="cpu",
                bootstrap_iters=0,
                samples={task: sorted(asked[task])},
                num_fewshot=shots,
                fewshot_random_seed=0,
                log_samples=True,
            )["results"]
    finally:
        os.chdir(here)
    return results


def step_of(made: dict[str, dict[str, Any]], suite: str) -> str:
    """The step that measured a suite on the untuned model's test rows: `base`, or the finalist when that is it."""
    return next(step for step in made if step.startswith(f"predict:{suite}.test:base"))


def test_every_metric_is_what_lm_eval_computes(project: Path, expected: dict[str, dict[str, Any]]) -> None:
    made = records(project)
    seen = 0
    for suite, tasks in {"knowledge": ["colours"], "words": ["words"], "texts": ["next", "prose"]}.items():
        metrics = made[step_of(made, suite)]["metrics"]
        for task in tasks:
            for key, value in expected[task].items():
                metric, comma, filtered = key.partition(",")
                if not comma or metric.endswith("_stderr"):
                    continue
                name = f"{metric}/{filtered}" if filtered != "none" else metric
                told = metrics[name if len(tasks) == 1 else f"{task}.{name}"]
                assert told["value"] == pytest.approx(float(value), rel=1e-6), name
                seen += 1
    assert seen == 4 + 6 + 2 + 3


def test_values_of_rows_come_to_the_metric(project: Path) -> None:
    made = records(project)
    step = step_of(made, "knowledge")
    rows = rows_of(project, step)
    assert len(rows) == 30
    for name in ("acc", "acc_norm", "mcc", "brier_score"):
        told = made[step]["metrics"][name]
        assert told["n"] == 30
        values = [row["values"][name] for row in rows.values()]
        assert sum(values) / 30 == pytest.approx(told["value"], abs=1e-9)
    assert made[step]["metrics"]["acc"]["successes"] == sum(row["values"]["acc"] for row in rows.values())
    assert made[step]["metrics"]["brier_score"]["higher_is_better"] is False


def test_the_paired_gate_is_decided_on_rows_that_both_answered(project: Path) -> None:
    compared = [r for step, r in records(project).items() if step.startswith("compare:remembers:test")]
    assert compared
    told = compared[0]["metrics"]["comparison"]
    assert told["n"] == 30
    assert {"better", "worse"} <= told.keys()
    assert "gate knows on test: inconclusive" in (project / "apply.txt").read_text()


def test_validation_and_test_have_no_row_in_common(project: Path) -> None:
    made = records(project)
    for suite in ("words", "texts"):
        steps = [step for step in made if step.startswith(f"predict:{suite}.")]
        sides = {side: next(s for s in steps if f".{side}:" in s) for side in ("validation", "test")}
        ids = {side: set(rows_of(project, step)) for side, step in sides.items()}
        assert ids["validation"]
        assert ids["test"]
        assert not ids["validation"] & ids["test"]


def test_nothing_runs_again_and_a_new_prompt_asks_no_benchmark(project: Path) -> None:
    again = lcspec(project, "apply", "spec.yaml")
    assert "0 steps ran" in again.stdout + again.stderr
    text = (project / "spec.yaml").read_text()
    (project / "spec.yaml").write_text(text.replace('user: "{{', 'user: "Q: {{'))
    plan = json.loads(lcspec(project, "plan", "spec.yaml", "--format", "json").stdout)
    (project / "spec.yaml").write_text(text)
    first = {step["id"]: step["action"] for step in plan["steps"] if step["id"].startswith("predict:")}
    assert first["predict:knowledge.validation:llama/plain"] == "reuse"
    assert first["predict:words.validation:llama/plain"] == "reuse"


# --- what tasks may do -----------------------------------------------------------------------------------------------


ONE = """
lcspec: 1
name: one
scope: {task: generation}
models: {llama: {kind: folder, path: llama, license: mit}}
prompts: {plain: {format: text, user: "{{ text }}"}}
evaluation:
  suites: {own: {kind: lm-eval, tasks: [tasks/colours.yaml], limit: 4}}
  gates: {some: {metric: own.acc, at-least: 0}}
ALLOW
"""


@pytest.fixture(scope="module")
def llama(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_tiny_model(tmp_path_factory.mktemp("model") / "llama", seed=3)


def attempt(folder: Path, llama: Path, task: str, code: str = HELPERS, **environment: str) -> tuple[int, str]:
    (folder / "llama").symlink_to(llama)
    make(folder, ONE, allowed=allow(code) if "!function" in task else "", colours=task)
    (folder / "tasks" / "helpers.py").write_text(code)
    done = lcspec(folder, "apply", "spec.yaml", **environment)
    return done.returncode, done.stdout + done.stderr


ESCAPE = "{{ ''.__class__.__mro__[1].__subclasses__() }}"


def test_a_template_reaches_nothing_behind_its_row(llama: Path, tmp_path: Path) -> None:
    code, said = attempt(tmp_path, llama, CHOICES.replace("{{question}}", ESCAPE))
    assert code == 4
    assert "LC1240" in said
    assert "SecurityError" in said


@pytest.mark.parametrize(
    ("code", "words"),
    [
        ("import subprocess\n\ndef f(docs):\n    subprocess.run(['true'])\n", "subprocess.Popen"),
        ("import socket\nsocket.create_connection(('127.0.0.1', 9))\n", "socket."),
        ("def g(docs):\n    return docs\n", "has no `f`"),
    ],
)
def test_a_function_that_does_what_it_may_not_ends_the_step(code: str, words: str, llama: Path, tmp_path: Path) -> None:
    status, said = attempt(tmp_path, llama, CHOICES + "process_docs: !function helpers.f\n", code)
    assert status == 4
    assert "LC1240" in said
    assert words in said


def test_a_file_that_changes_between_plan_and_step_does_not_run(llama: Path, tmp_path: Path) -> None:
    from lcspec.diag.model import LcspecError
    from lcspec.lmeval.running import _allowed, _tasks
    from lcspec.run.io import ChildIO, Job

    make(tmp_path, ONE, colours=CHOICES + "process_docs: !function helpers.shout\n")
    (tmp_path / "tasks" / "helpers.py").write_text(HELPERS + "# more\n")
    params: dict[str, Any] = {"tasks": ["tasks/colours.yaml"], "package": {}, "capabilities": {}}
    places = {"outputs": str(tmp_path / "out"), "root": str(tmp_path), "cache": "", "checkpoint": "", "log": ""}
    job = Job("predict", "suite.lm-eval", "predict", params, {"task": str(tmp_path)}, [], seed=0, threads=1, **places)
    io = ChildIO(job, lambda kind, data: None)
    (task,) = _tasks(io)
    with pytest.raises(LcspecError, match="not the file that the spec allows"):
        _allowed(io, task.code[0])


def test_a_task_with_too_few_rows_says_so(llama: Path, tmp_path: Path) -> None:
    (tmp_path / "llama").symlink_to(llama)
    make(tmp_path, ONE.replace("colours.yaml", "prose.yaml").replace("own.acc", "own.bits_per_byte"), allowed="")
    text = (tmp_path / "spec.yaml").read_text()
    (tmp_path / "spec.yaml").write_text(text.replace("limit: 4", "metrics: [bits_per_byte], limit: 4"))
    (tmp_path / "tasks" / "test.jsonl").write_text(lines("test", 1))
    done = lcspec(tmp_path, "apply", "spec.yaml")
    assert done.returncode == 4
    assert "`prose` has no rows for validation" in done.stdout + done.stderr
    assert PROSE
