"""Runs and what differs between two of them."""

from pathlib import Path

import pytest

from lcspec.diag.model import LcspecError
from lcspec.ir.record import StepRecord
from lcspec.run import runs
from lcspec.run.compare import compare
from lcspec.run.lock import owner
from tests.run.harness import finish, start, wait_for


def summary(number: int, **changes: object) -> dict:
    told = {
        "run": number, "name": "s", "spec_sha256": "0" * 64, "started": "2026-01-01T00:00:00+00:00", "seconds": 1.0,
        "argv": [], "outcome": "ok", "exit_code": 0, "ran": 1, "reused": 0, "release": None, "new_release": False,
        "why_not": None, "left_out": 0, "verdicts": [], "decisions": {},
    }  # fmt: skip
    return {**told, **changes}


def record(key: str, accuracy: float, rank: int) -> StepRecord:
    metrics = {"accuracy": {"value": accuracy, "n": 10}, "curve": [1, 2]}
    return StepRecord(key, "score", "k", {"params": {"rank": rank}}, {"rows": key}, metrics, {"seconds": accuracy})


def test_two_runs_are_compared_by_what_they_measured_and_decided() -> None:
    verdict = {"gate": "good", "split": "test", "outcome": "fail", "value": 0.5, "why": "0.5 of 10"}
    better = {**verdict, "outcome": "pass", "value": 0.9, "why": "0.9 of 10"}
    rung = {"rung-1": {"name": "m/p", "passed": False}}
    one = {**summary(1, verdicts=[verdict], decisions=rung), "steps": {"score": "a", "same": "s", "gone": "g"}}
    other = {**summary(2, verdicts=[better]), "steps": {"score": "b", "same": "s", "new": "n"}}
    told = compare(one, other, {"a": record("a", 0.5, 8), "b": record("b", 0.75, 16)})
    assert told["steps"]["same"] == 1
    assert (told["steps"]["only_first"], told["steps"]["only_second"]) == (["gone"], ["new"])
    moved = {"step": "score", "fields": ["params.rank"], "same_outputs": False, "seconds": [0.5, 0.75]}
    assert told["steps"]["moved"] == [moved]
    assert told["metrics"] == [{"step": "score", "metric": "accuracy", "first": 0.5, "second": 0.75, "delta": 0.25}]
    assert told["decisions"] == [{"choice": "rung-1", "first": rung["rung-1"], "second": None}]
    assert [(row["first"]["outcome"], row["second"]["outcome"]) for row in told["verdicts"]] == [("fail", "pass")]


def test_a_run_is_equal_to_itself() -> None:
    one = {**summary(1), "steps": {"score": "a"}}
    told = compare(one, one, {})
    assert (told["steps"]["same"], told["steps"]["moved"], told["metrics"], told["verdicts"]) == (1, [], [], [])


def test_runs_that_change_nothing_share_the_file_of_their_steps(tmp_path: Path) -> None:
    for number in (1, 2):
        runs.write(tmp_path, summary(number), {"step": "key"})
    runs.write(tmp_path, summary(3), {"step": "other"})
    assert len(list((runs.folder(tmp_path) / "steps").iterdir())) == 2
    assert [told["run"] for told in runs.every(tmp_path)] == [1, 2, 3]
    assert runs.one(tmp_path, 3)["steps"] == {"step": "other"}


def test_a_run_that_never_ended_is_refused(tmp_path: Path) -> None:
    runs.write(tmp_path, summary(4), {})
    (runs.folder(tmp_path) / "000005.json").write_text("{torn")
    with pytest.raises(LcspecError) as caught:
        runs.one(tmp_path, 5)
    assert (caught.value.diagnostics[0].code, caught.value.exit_code) == ("LC1302", 2)


def test_another_terminal_sees_how_far_a_step_is(tmp_path: Path) -> None:
    process = start(tmp_path, "talk")
    wait_for(tmp_path / "pid")
    told: dict = {}
    while "rate" not in told:
        told = (owner(tmp_path / ".lcspec") or {})["steps"].get("talk", {})
    assert told["total"] == 6000
    assert 1 < told["rate"] < 20
    assert told["eta"] > 60
    process.terminate()
    finish(process)
