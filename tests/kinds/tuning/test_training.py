"""The training core on a tiny model: curves, checkpoints, kill and resume, a loss that is lost."""

import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from lcspec.diag.model import LcspecError
from lcspec.run.io import Job
from tests.kinds.tuning.steps import job, letters, train, write_inputs

pytestmark = pytest.mark.ml
COLUMNS = {"input": "text", "target": "label"}
LONG = {"rank": 8, "epochs": 8, "batch-size": 8, "dropout": 0.1, "learning-rate": 0.01}
TOLERANCE = 1e-5  # of a loss, on a CPU: in fact the curves are equal


@pytest.fixture(scope="module")
def inputs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    return write_inputs(tmp_path_factory.mktemp("inputs"), letters(), COLUMNS)


def losses(curve: list[dict[str, float]]) -> list[float]:
    return [point["loss"] for point in curve]


@pytest.fixture(scope="module")
def whole(inputs: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, float]]:
    """The curve of a run that nothing stopped."""
    told = train(job("lora", LONG, inputs, tmp_path_factory.mktemp("whole")))
    assert told.progress[-1]["done"] == told.progress[-1]["total"] == 96
    curve: list[dict[str, float]] = told.metrics["curve"]
    assert [point["step"] for point in curve] == list(range(1, 97))
    return curve


def start(asked: Job, folder: Path) -> subprocess.Popen[bytes]:
    (folder / "job.json").write_text(asked.to_text())
    command = [sys.executable, "-m", "tests.kinds.tuning.steps", str(folder / "job.json")]
    return subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def wait_for(folder: Path, name: str, process: subprocess.Popen[bytes]) -> None:
    until = time.monotonic() + 120
    while not (folder / "checkpoint" / name).exists():
        assert process.poll() is None, "the step ended before its checkpoint"
        assert time.monotonic() < until
        time.sleep(0.005)


@pytest.mark.slow
def test_a_killed_training_goes_on_and_the_curve_is_that_of_a_whole_run(
    inputs: dict[str, str], whole: list[dict[str, float]], tmp_path: Path
) -> None:
    asked = job("lora", {**LONG, "checkpoint": {"every-steps": 5}}, inputs, tmp_path)
    process = start(asked, tmp_path)
    wait_for(tmp_path, "step-00000030", process)
    process.send_signal(signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL
    told = train(asked)
    assert 30 <= told.measures["resumed_from_step"] < 96
    assert all(told.measures["resumed_from_step"] < said["done"] <= 96 for said in told.progress)
    assert losses(told.metrics["curve"]) == pytest.approx(losses(whole), abs=TOLERANCE)
    assert len(list((tmp_path / "checkpoint").glob("step-*"))) == 2


@pytest.mark.slow
def test_a_told_step_saves_and_ends_as_interrupted(
    inputs: dict[str, str], whole: list[dict[str, float]], tmp_path: Path
) -> None:
    asked = job("lora", {**LONG, "checkpoint": {"every-steps": 5}}, inputs, tmp_path)
    process = start(asked, tmp_path)
    wait_for(tmp_path, "step-00000010", process)
    process.send_signal(signal.SIGTERM)
    assert process.wait(timeout=60) == 1  # it raised, as a step that was told to stop does; the signal did not end it
    assert not (tmp_path / "out" / "model").exists()
    told = train(asked)
    assert 0 < told.measures["resumed_from_step"] < 96
    assert losses(told.metrics["curve"]) == pytest.approx(losses(whole), abs=TOLERANCE)


def test_a_torn_checkpoint_is_passed_over_for_the_one_before(
    inputs: dict[str, str], whole: list[dict[str, float]], tmp_path: Path
) -> None:
    asked = job("lora", {**LONG, "checkpoint": {"every-steps": 40}}, inputs, tmp_path)
    first = train(asked)
    assert first.warnings == []
    weights = tmp_path / "checkpoint" / "step-00000080" / "adapter_model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-100])
    told = train(asked)
    assert told.measures["resumed_from_step"] == 40
    assert told.warnings == [
        "the checkpoint step-00000080 is damaged (adapter_model.safetensors has changed) and was passed over"
    ]
    assert losses(told.metrics["curve"]) == pytest.approx(losses(whole), abs=TOLERANCE)


def code_of(asked: Job) -> tuple[str, str]:
    with pytest.raises(LcspecError) as ended:
        train(asked)
    return ended.value.diagnostics[0].code, ended.value.diagnostics[0].message


def test_a_loss_that_is_no_number_ends_training_and_keeps_the_last_good_checkpoint(
    inputs: dict[str, str], tmp_path: Path
) -> None:
    wild = {**LONG, "learning-rate": 1e30, "warmup-steps": 60, "max-grad-norm": 0, "optimizer": "sgd"}
    code, message = code_of(job("lora", {**wild, "checkpoint": {"every-steps": 1}}, inputs, tmp_path))
    assert code == "LC1231"
    assert "is not a finite number at step" in message
    assert "is kept" in message
    kept = sorted((tmp_path / "checkpoint").glob("step-*"))[-1]
    history = json.loads((kept / "trainer_state.json").read_text())["log_history"]
    assert all(entry["loss"] < 1e30 for entry in history if "loss" in entry)


def test_a_loss_that_explodes_ends_training_early(inputs: dict[str, str], tmp_path: Path) -> None:
    wild = {"learning-rate": 20000.0, "warmup-steps": 2000, "optimizer": "sgd", "epochs": 30}
    code, message = code_of(job("lora", wild, inputs, tmp_path))
    assert code == "LC1232"
    now, _, rest = message.removeprefix("the loss exploded: ").partition(" at step ")
    step, _, before = rest.partition(", after ")
    assert int(step) < 100
    assert float(now) > 3 * float(before) + 1


def test_rows_that_are_too_long_leave_nothing_to_learn_from(inputs: dict[str, str], tmp_path: Path) -> None:
    told = train(job("lora", {"max-steps": 1, "rows": 4, "max-length": 16}, inputs, tmp_path / "short"))
    assert told.metrics["rows"] == 4
    rows = [{"text": "x" * 40, "label": "a"}]
    long = write_inputs(tmp_path / "long", rows, COLUMNS)
    code, message = code_of(job("lora", {"max-length": 16}, long, tmp_path))
    assert (code, message) == ("LC1230", "none of 1 rows is as short as 16 tokens")


def test_a_layer_that_the_model_lacks_is_named(inputs: dict[str, str], tmp_path: Path) -> None:
    with pytest.raises(LcspecError) as ended:
        train(job("lora", {"target-modules": ["q_prj"]}, inputs, tmp_path))
    assert ended.value.diagnostics[0].code == "LC1233"
    assert ended.value.diagnostics[0].help == "did you mean `q_proj`?"
