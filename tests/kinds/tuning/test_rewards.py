"""Learning from rewards on a tiny model: it learns, what is judged is what the service says, faults end the step."""

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from lcspec.diag.model import Diagnostic, LcspecError
from lcspec.run.io import ChildIO, Job
from tests.kinds.tuning.steps import Told, letters, rewarded, train, write_inputs
from tests.owncode import FILES, digest, write_own_model

pytestmark = pytest.mark.ml
LETTERS = """
def share(row):
    '''The share of small letters.'''
    return sum(one.islower() and one.isascii() for one in row["answer"]) / max(1, len(row["answer"]))
"""
SHARE = {"small": {"path": "own/r.py", "function": "share"}}
FAST = {"max-tokens": 8, "learning-rate": 0.01, "warmup-steps": 2}
TOLERANCE = 1e-5  # of a loss or a reward, on a CPU: in fact the curves are equal


@pytest.fixture(scope="module")
def inputs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    return write_inputs(tmp_path_factory.mktemp("questions"), letters(), {"input": "text"})


def asked(kind: str, said: dict[str, Any], inputs: dict[str, str], folder: Path, code: str = LETTERS) -> Job:
    return rewarded(kind, {"rewards": SHARE, **FAST, **said}, inputs, folder, {"own/r.py": code})


def fault_of(job: Job) -> Diagnostic:
    with pytest.raises(LcspecError) as ended:
        train(job)
    return ended.value.diagnostics[0]


REWARDED: dict[str, tuple[str, dict[str, Any]]] = {
    "grpo": ("grpo", {"adapter": "none", "epochs": 2}),
    "rloo": ("rloo", {"adapter": "none", "epochs": 2, "normalize": True, "beta": 0.001}),
}


@pytest.mark.parametrize(
    "case", [pytest.param(one, marks=[pytest.mark.slow] * (name == "rloo"), id=name) for name, one in REWARDED.items()]
)
def test_the_mean_reward_rises(case: tuple[str, dict[str, Any]], inputs: dict[str, str], tmp_path: Path) -> None:
    kind, said = case
    told = train(asked(kind, said, inputs, tmp_path))
    rewards = [point["reward"] for point in told.metrics["curve"]]
    assert len(rewards) == 48
    assert sum(rewards[-5:]) / 5 > sum(rewards[:5]) / 5 + 0.3
    assert told.progress[-1]["reward"] == rewards[-1]
    assert all(0 < point["completion_tokens"] <= 8 for point in told.metrics["curve"])
    assert (tmp_path / "out" / "model" / "model.safetensors").exists()


VARIANTS: dict[str, tuple[str, dict[str, Any]]] = {
    "grpo-lora": ("grpo", {"beta": 0.05, "loss": "dr-grpo", "scale-rewards": "batch"}),
    "grpo-again": ("grpo", {"iterations": 2, "clip-high": 0.28, "loss": "grpo"}),
    "grpo-reference": ("grpo", {"adapter": "none", "beta": 0.05, "gradient-checkpointing": True}),
    "grpo-qlora": ("grpo", {"adapter": "qlora", "generations": 4, "temperature": 0.9}),
    "rloo-dora": ("rloo", {"variant": "dora", "dropout": 0.1}),
}


@pytest.mark.parametrize(
    "case",
    [pytest.param(one, marks=[pytest.mark.slow] * (name != "rloo-dora"), id=name) for name, one in VARIANTS.items()],
)
def test_a_variant_trains(case: tuple[str, dict[str, Any]], inputs: dict[str, str], tmp_path: Path) -> None:
    from lcspec.runtime.model import load_model

    kind, said = case
    told = train(asked(kind, {**said, "max-steps": 4}, inputs, tmp_path))
    assert len(told.metrics["curve"]) == 4
    assert ("kl" in told.metrics["curve"][0]) == (said.get("beta", 0.05 if kind == "rloo" else 0) > 0)
    before, after = load_model(Path(inputs["model"])).model, load_model(tmp_path / "out" / "model").model
    assert any(not one.equal(other) for one, other in zip(before.parameters(), after.parameters(), strict=True))
    assert (tmp_path / "out" / "adapter").is_dir() == (said.get("adapter") != "none")


@pytest.mark.slow
def test_equal_training_gives_equal_bytes(inputs: dict[str, str], tmp_path: Path) -> None:
    for name in ("one", "two"):
        train(asked("grpo", {"max-steps": 3}, inputs, tmp_path / name))
    one, two = (tmp_path / name / "out" / "model" / "model.safetensors" for name in ("one", "two"))
    assert one.read_bytes() == two.read_bytes()


@pytest.mark.slow
@pytest.mark.parametrize(
    "said",
    [{"epochs": 2, "checkpoint": {"every-steps": 15}}, {"iterations": 2, "checkpoint": {"every-steps": 7}}],
    ids=["second-epoch", "iterations"],
)
def test_a_resumed_run_has_the_curve_of_a_whole_one(
    said: dict[str, Any], inputs: dict[str, str], tmp_path: Path
) -> None:
    """The newest checkpoint is torn, so that training goes on at the one before: in the second epoch, at a seventh step
    with two passes at an even one, because completions are not kept."""
    job = asked("grpo", {**said, "dropout": 0.1}, inputs, tmp_path)
    whole = train(job)
    kept = sorted((tmp_path / "checkpoint").glob("step-*"))
    (kept[-1] / "adapter_model.safetensors").write_bytes(b"torn")
    again = train(job)
    assert again.measures["resumed_from_step"] == int(kept[-2].name.removeprefix("step-"))
    for name in ("loss", "reward"):
        curves = [[point.get(name) for point in told.metrics["curve"]] for told in (whole, again)]
        assert curves[1] == [value if value is None else pytest.approx(value, abs=TOLERANCE) for value in curves[0]]


@pytest.mark.slow
@pytest.mark.parametrize("said", [{}, {"adapter": "none", "beta": 0.05}], ids=["lora", "reference"])
def test_a_model_with_code_of_its_own_learns_beside_a_reward_of_ones_own(
    said: dict[str, Any], inputs: dict[str, str], tmp_path: Path
) -> None:
    """In a process of its own: a model's code closes the process that loads it, and the reward's starts before."""
    own = {**inputs, "model": str(write_own_model(tmp_path / "own"))}
    job = asked("rloo", {**said, "max-steps": 3}, own, tmp_path)
    code = {f"remote-code:{name}": [digest(text)] for name, text in FILES.items()}
    job = replace(job, params={**job.params, "capabilities": {**job.params["capabilities"], **code}})
    (tmp_path / "job.json").write_text(job.to_text())
    command = [sys.executable, "-m", "tests.kinds.tuning.steps", str(tmp_path / "job.json")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    curve = json.loads(done.stdout.splitlines()[-1])["curve"]
    assert len(curve) == 3
    assert curve[0]["kl"] == pytest.approx(0, abs=1e-4)  # sampled and read by the same code: nothing has moved yet
    assert any(point["reward"] > 0 for point in curve)


# --- what is judged --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("form", ["text", "chat"])
def test_questions_and_answers_are_those_of_the_service(form: str, inputs: dict[str, str], tmp_path: Path) -> None:
    """What the pipeline answers, token by token, is read from the sampled ids alike: prompt, stop text, label."""
    from lcspec import rollouts
    from lcspec.runtime.model import load_model
    from lcspec.runtime.pipeline import Pipeline
    from tests.tiny import generation

    prompt = {"format": form, "user": "{{ text }}=", "answer_prefix": ""} | (
        {"system": "Say."} if form == "chat" else {}
    )
    (tmp_path / "prompt").mkdir()
    (tmp_path / "prompt" / "prompt.json").write_text(json.dumps(prompt))
    folders = {**inputs, "prompt": str(tmp_path / "prompt")}
    loaded = load_model(Path(inputs["model"]))
    job = rewarded("grpo", {"rewards": {"r": {"words-at-most": 3}}, "rows": 12, "stop": ["e", "x"]}, folders, tmp_path)
    asked = rollouts.questions(ChildIO(job, Told()), loaded)
    scoring = {"method": "generation", "max_tokens": 24, "stop": ["e", "x"]}
    parts = {"model": Path(inputs["model"]), "prompt": tmp_path / "prompt" / "prompt.json"}
    pipeline = Pipeline.assemble(generation(scoring=scoring, input="text"), parts)
    stopped = 0
    for number, row in enumerate(asked.rows):
        assert asked.ids[number] == pipeline.prompt_ids(row.variables)
        unstopped = pipeline._decoder.generate(asked.ids[number], max_tokens=24, temperature=1.0, seed=number)
        sampled = [*unstopped.token_ids, *([2] if unstopped.finish_reason == "stop" else [])]
        answer = pipeline.answer(row.variables, temperature=1.0, seed=number)
        assert asked.answered(number, sampled).answer == answer.text
        stopped += len(asked.cut(sampled)) < len(sampled)
    assert stopped > 0


def test_labels_and_right_answers_reach_the_metrics(tmp_path: Path) -> None:
    """Built-in metrics judge as in a suite; weights multiply, and where less is better it counts with a minus."""
    from lcspec.ir.scored import Scored
    from lcspec.kinds import rewards

    said = {
        "right": {"metric": "exact-match"},
        "label": {"metric": "label-validity", "weight": 2},
        "short": {"words-at-most": 2},
    }
    job = rewarded("grpo", {"rewards": said}, {}, tmp_path)
    row = Scored("1", {}, target="A b", accepted=("A b",), answer="the a b", label=None)
    with rewards.opened(ChildIO(job, Told())) as made:
        assert {name: list(ask([row], [""])) for name, ask in made.items()} == {
            "right": [1.0],
            "label": [0.0],
            "short": [2 / 3],
        }
        assert made["right"]([replace(row, target=None, accepted=())], [""]) == [None]
    assert [one["weight"] for one in job.params["rewards"].values()] == [1.0, 2.0, 1.0]


# --- what ends the step ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ("return 'long'", "`share` returned `'long'` for row "),
        ("return float('nan')", "`share` returned `nan` for row "),
        ("return row['answr']", "`share` raised KeyError: 'answr', on row "),
        ("return __import__('socket').create_connection(('127.0.0.1', 9))", "PermissionError"),
    ],
)
def test_a_reward_that_does_not_do_its_work_ends_the_step_at_its_row(
    body: str, words: str, inputs: dict[str, str], tmp_path: Path
) -> None:
    found = fault_of(asked("grpo", {}, inputs, tmp_path, f"def share(row):\n    {body}\n"))
    assert found.code == "LC1236"
    assert words in found.message
    shown = found.message.rpartition("row ")[2]
    assert shown[12:15] == " (`"
    assert any(row["text"] in shown for row in letters())


def test_another_file_than_the_allowed_one_does_not_run(inputs: dict[str, str], tmp_path: Path) -> None:
    job = asked("rloo", {}, inputs, tmp_path)
    (tmp_path / "code" / "own" / "r.py").write_text(LETTERS + f"\nopen({str(tmp_path / 'ran')!r}, 'w')\n")
    assert fault_of(job).code == "LC0351"
    assert not (tmp_path / "ran").exists()


def test_rewards_without_a_difference_end_the_step(inputs: dict[str, str], tmp_path: Path) -> None:
    same = "def share(row):\n    return 0.5\n"
    found = fault_of(asked("grpo", {"patience": 3}, inputs, tmp_path / "same", same))
    assert found.code == "LC1238"
    assert found.message == "no question had completions of different worth in 3 steps: all were worth 0.5"
    found = fault_of(asked("rloo", {"max-steps": 2}, inputs, tmp_path / "short", same))
    assert "in 2 steps" in found.message
    none = "def share(row):\n    return None\n"
    assert "no reward judged any" in fault_of(asked("grpo", {"patience": 2}, inputs, tmp_path / "none", none)).message


def test_a_difference_that_was_there_is_remembered(tmp_path: Path) -> None:
    from lcspec.trainwatch import Watch

    def watch() -> Watch:
        io = ChildIO(rewarded("grpo", {"rewards": {"r": {"words-at-most": 3}}}, {}, tmp_path), Told())
        return Watch(io, tmp_path, every=1, every_steps=None, keep=1, patience=2)

    fresh, resumed = watch(), watch()
    resumed.remember([{"loss": 0.0, "reward": 0.3, "equal_groups": 0.5}])
    for step in (1, 2):
        for one in (fresh, resumed):
            one.compare(step, 9, 0.0, 1.0)
    assert fresh.fault is not None
    assert resumed.fault is None


def test_too_few_questions_for_a_step_are_told(inputs: dict[str, str], tmp_path: Path) -> None:
    found = fault_of(asked("grpo", {"rows": 3}, inputs, tmp_path))
    assert (found.code, found.message) == ("LC1230", "a step takes 4 questions, and there are 3")


def test_an_adapter_on_the_layer_of_the_logits_is_refused(inputs: dict[str, str], tmp_path: Path) -> None:
    found = fault_of(asked("grpo", {"also-train": ["lm_head"]}, inputs, tmp_path))
    assert found.message == "`also-train` names `lm_head`, which learns nothing from rewards"
