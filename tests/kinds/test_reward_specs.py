"""Rewards in a spec: what is refused before anything runs, what is in the key, what a plan and a diff show."""

import hashlib
from pathlib import Path
from typing import Any

import pytest

from lcspec import api, reviewing
from lcspec.cli.planview.style import painter
from lcspec.cli.planview.summary import capability_lines
from tests.world import QUICKSTART, World

CODE = """
def brief(row):
    return -len(row["answer"].split())
"""
LADDER = "  - {tuning: [lora]}\n"
RECIPE = "    kind: grpo\n    after: lora\n    data: reuters.train\n    rewards:\n"


def digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def spec(rewards: str, fields: str = "", allow: str = "", base: str = QUICKSTART) -> str:
    """The quickstart with a third rung that learns from rewards."""
    (rung,) = [line for line in base.splitlines() if line.strip().startswith("- {tuning: ")]
    recipe = f"  aligned:\n{RECIPE}{rewards}{fields}"
    made = base.replace("tuning:\n", f"tuning:\n{recipe}", 1)
    return made.replace(rung, f"{rung}\n  - {{tuning: aligned}}", 1) + allow


OWN = "      brief: {path: own/r.py, function: brief, weight: 0.5}\n"
RIGHT = "      right: {metric: exact-match}\n"


def allow(text: str) -> str:
    return f"allow:\n  words: {{kind: python, path: own/r.py, sha256: {digest(text)}}}\n"


class Project(World):
    def code(self, text: str) -> None:
        (self.folder / "own").mkdir(exist_ok=True)
        (self.folder / "own" / "r.py").write_text(text)

    def facts(self, **more: Any) -> Any:
        return super().facts(files={"own/r.py": digest((self.folder / "own" / "r.py").read_text())}, **more)

    def found(self) -> list[tuple[str, str]]:
        return [(one.code, one.message) for one in api.load(self.folder / "spec.yaml").diagnostics]


@pytest.fixture
def project(tmp_path: Path) -> Project:
    made = Project(tmp_path, spec(RIGHT + OWN, allow=allow(CODE)))
    made.code(CODE)
    return made


def trained(project: Project) -> Any:
    (step,) = [one.step for one in project.plan().steps if one.step.kind == "tuning.grpo"]
    return step


def test_a_step_is_told_what_its_rewards_are_and_reads_their_files(project: Project) -> None:
    step = trained(project)
    assert step.params["rewards"] == {
        "right": {"metric": "exact-match", "version": 1, "weight": 1.0},
        "brief": {"path": "own/r.py", "function": "brief", "weight": 0.5, "code": "code"},
    }
    assert step.params["capabilities"] == {"python:own/r.py": [digest(CODE)]}
    assert step.inputs["code"].step == "fetch:tuning.aligned"
    assert "patience" not in step.params
    assert step.settings["patience"] == 20


def test_a_reward_that_is_not_allowed_is_refused_with_the_entry_that_allows_it(project: Project) -> None:
    project.write(spec(OWN))
    (found,) = api.load(project.folder / "spec.yaml").diagnostics
    assert found.code == "LC0351"
    entry = found.help.partition("`allow: ")[2].rstrip("`")
    project.write(spec(OWN) + f"allow: {entry}\n")
    assert project.found() == []
    project.code(CODE + "\n# another\n")
    assert [code for code, _ in project.found()] == ["LC0351"]
    project.code("def other(row):\n    return 1\n")
    project.write(spec(OWN, allow=allow("def other(row):\n    return 1\n")))
    assert project.found() == [("LC0353", "`own/r.py` has no function `brief`")]


def test_another_file_reruns_the_training_that_it_rewards_and_nothing_before_it(project: Project) -> None:
    project.run(lambda step: 0.2)
    assert set(project.actions().values()) <= {"reuse", "skip"}
    other = CODE + "\n# read again\n"
    project.code(other)
    project.write(spec(RIGHT + OWN, allow=allow(other)))
    again = {step for step, action in project.actions().items() if action == "run"}
    assert any(step.startswith("train:") for step in again)
    assert not any(step.startswith("train:") and not step.endswith("/aligned") for step in again)


def test_a_plan_shows_what_is_allowed_for_a_reward_and_what_changed_in_it(project: Project) -> None:
    (told,) = project.plan().capabilities
    assert (told.kind, told.item, told.change) == ("python", "own/r.py", "new")
    assert [step.partition(":")[0] for step in told.steps] == ["train"]
    project.run(lambda step: 0.2)
    other = CODE + "\n# read again\n"
    project.code(other)
    project.write(spec(RIGHT + OWN, allow=allow(other)))
    shown = "\n".join(capability_lines(project.plan(), painter(False), 120))
    assert f"~ python `own/r.py`  sha256 {digest(other)[:12]}…, before {digest(CODE)[:12]}…  (changed, " in shown


def test_a_diff_notes_that_a_reward_may_run_now(project: Project, tmp_path_factory: pytest.TempPathFactory) -> None:
    base = World(tmp_path_factory.mktemp("base"), spec(RIGHT))
    made = reviewing.review(base.load(), project.load(), "base", project.facts())
    risks = [one for one in reviewing.risks(made) if one.code == "LC1410"]
    assert [one.message for one in risks] == ["`own/r.py` may be used as python now"]
    assert any(one.step.endswith("/aligned") and one.state == "rerun" for one in made.effects)


def test_a_metric_of_the_spec_is_a_reward_with_its_sign(project: Project) -> None:
    metrics = "  metrics:\n    words: {kind: python, path: own/r.py, function: brief, higher-is-better: false}\n"
    base = QUICKSTART.replace("  gates:\n", metrics + "  gates:\n", 1)
    project.write(spec("      short: {metric: words, weight: 2}\n", allow=allow(CODE), base=base))
    step = trained(project)
    said = step.params["rewards"]["short"]
    assert (said["weight"], said["path"], said["code"]) == (-2.0, "own/r.py", "code.words")
    assert step.inputs["code.words"].step == "fetch:evaluation.metrics.words"
    assert step.params["capabilities"] == {"python:own/r.py": [digest(CODE)]}


FAULTS = {
    "none at all": ("", "    rewards: {}\n", "LC0106", "`rewards` needs 1 or more, and has 0"),
    "nothing said": ("      r: {weight: 2}\n", "", "LC0515", "`r` does not say what it judges by"),
    "no function": ("      r: {path: own/r.py}\n", "", "LC0515", "`r` names a file without a function"),
    "no file": ("      r: {metric: accuracy, function: f}\n", "", "LC0515", "`r` names a function without its file"),
    "judges all together": ("      r: {metric: macro-f1}\n", "", "LC0516", "`macro-f1` says nothing of a single"),
    "judges texts": ("      r: {metric: perplexity}\n", "", "LC0516", "`perplexity` says nothing of a single"),
    "one completion": (RIGHT, "    generations: 1\n", "LC0106", "`generations` must be 2 or more"),
    "no whole groups": (RIGHT, "    generations: 5\n", "LC0517", "32 completions a step are no multiple of 5"),
    "no room": (RIGHT, "    max-tokens: 600\n", "LC0519", "600 tokens leave a question no room in 512"),
    "idle clip": (RIGHT, "    clip: 0.1\n", "LC0518", "`clip` changes nothing"),
    "unknown metric": ("      r: {metric: exactmatch}\n", "", "LC0201", "exactmatch"),
    "warm-up": (
        RIGHT,
        "    rows: 40\n    warmup-steps: 10\n",
        "LC0508",
        "the warm-up takes 10 steps, and there are 10",
    ),
}


@pytest.mark.parametrize("name", FAULTS)
def test_what_does_not_fit_is_told(name: str, project: Project) -> None:
    rewards, fields, code, words = FAULTS[name]
    text = spec(rewards, fields)
    project.write(text if rewards else text.replace("    rewards:\n    rewards", "    rewards"))
    assert [(code, True)] == [(found, words in message) for found, message in project.found()]


def test_rows_without_a_right_answer_cannot_show_one(project: Project) -> None:
    data = "data:\n  questions:\n    kind: jsonl\n    path: questions.jsonl\n    columns: {input: Text}\n"
    (project.folder / "questions.jsonl").write_text("".join(f'{{"Text": "{n}"}}\n' for n in range(80)))
    base = QUICKSTART.replace("data:\n", data, 1)
    text = spec(RIGHT, base=base).replace(
        "    data: reuters.train\n    rewards", "    data: questions.train\n    rewards"
    )
    project.write(text)
    assert project.found() == [("LC0516", "`exact-match` needs accepted, and the rows of `aligned` have none")]
    project.write(text.replace("exact-match", "label-validity"))
    assert project.found() == []


def test_a_question_needs_room_for_its_longest_completion(project: Project) -> None:
    data = "data:\n  questions:\n    kind: jsonl\n    path: questions.jsonl\n    columns: {input: Text}\n"
    rows = (f'{{"Text": "{"word " * 400}{n}"}}\n' for n in range(80))
    (project.folder / "questions.jsonl").write_text("".join(rows))
    base = QUICKSTART.replace("data:\n", data, 1).replace("    truncate: {Text: 48}\n", "", 1)
    text = spec("      short: {words-at-most: 3}\n", "    max-length: 700\n    max-tokens: TOKENS\n", base=base)
    text = text.replace("    data: reuters.train\n    rewards", "    data: questions.train\n    rewards")
    project.write(text.replace("TOKENS", "64"))
    assert project.found() == []
    project.write(text.replace("TOKENS", "450"))
    assert project.found() == [("LC0504", "80 of 80 rows are longer than 250 tokens, and left out of training")]


def test_what_training_takes_grows_with_completions_their_length_and_a_reference(project: Project) -> None:
    def seconds(**said: Any) -> float:
        from lcspec.ir.strict import construct
        from lcspec.kinds import registry
        from lcspec.tuningkind import estimate_training

        kind = said.pop("kind", "grpo")
        body = {"data": "reuters.train", "rewards": {"r": {"words-at-most": 3}}, "rows": 100, **said}
        return estimate_training(construct(registry.load("tuning", kind).body, body), kind).growing[0]

    plain = seconds()
    assert seconds(generations=16) == pytest.approx(2 * plain)
    assert seconds(**{"max-tokens": 128}) > plain
    assert plain < seconds(beta=0.1) < seconds(iterations=2)
    assert seconds(**{"max-steps": 10}) == pytest.approx(plain * 10 * 32 / 800)
    assert seconds(kind="rloo", beta=0.0) > plain
