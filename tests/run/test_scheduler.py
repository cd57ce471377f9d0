"""Steps in processes of their own: what they return, how they fail, and how a run is resumed or interrupted."""

import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from lcspec.diag.model import LcspecError
from lcspec.run.ledger import Ledger
from lcspec.run.lock import StoreLock, owner
from lcspec.run.store import Store
from tests.run.harness import environment, finish, gone, run, start, wait_for


def test_a_step_publishes_outputs_metrics_and_timings(tmp_path: Path) -> None:
    told = run(tmp_path, "write")
    assert (told["status"], told["ran"]) == ("ok", 1)
    store = Store.peek(tmp_path / ".lcspec")
    record = store.heads["write"]
    assert record.metrics == {"answer": 42}
    assert {"seconds", "work_seconds", "peak_rss_bytes"} <= set(record.measured)
    assert store.read_json(record.outputs["out"], "answer.json") == 42


def test_finished_steps_are_not_run_again(tmp_path: Path) -> None:
    assert run(tmp_path, "write")["ran"] == 1
    again = run(tmp_path, "write", "other")
    assert (again["ran"], again["reused"]) == (1, 1)


def test_an_exception_is_named_with_its_log_and_leaves_nothing(tmp_path: Path) -> None:
    told = run(tmp_path, "write", "raise", "other")
    assert told["status"] == "failed"
    assert told["codes"] == [("raise", "LC1202")]
    assert "ZeroDivisionError" in told["failures"][0][2]
    store = Store.peek(tmp_path / ".lcspec")
    assert sorted(store.records[key].step for key in store.records) == ["write"]
    assert "ZeroDivisionError" in next((tmp_path / ".lcspec" / "logs").glob("*/raise.*.log")).read_text()


def test_keep_going_runs_what_does_not_need_the_failed_step(tmp_path: Path) -> None:
    told = run(tmp_path, "raise", "other", options={"keep_going": True})
    assert (told["status"], told["ran"]) == ("failed", 1)


@pytest.mark.parametrize(
    ("name", "code"), [("refuse", "LC0402"), ("die", "LC1203"), ("nan", "LC1202"), ("quit", "LC1210")]
)
def test_each_way_to_fail_has_its_code(tmp_path: Path, name: str, code: str) -> None:
    told = run(tmp_path, name)
    assert told["codes"] == [(name, code)]


@pytest.mark.slow
def test_a_step_that_does_not_leave_is_ended_and_keeps_nothing_waiting(tmp_path: Path) -> None:
    told = run(tmp_path, "linger", "other", options={"jobs": 2, "keep_going": True})
    assert told["codes"] == [("linger", "LC1210")]
    assert "did not leave" in told["failures"][0][2]
    kinds = [(event["event"], event["step"]) for event in told["events"]]
    assert kinds.index(("step-finished", "other")) < kinds.index(("step-failed", "linger"))


def test_an_interrupt_ends_the_step_and_says_so(tmp_path: Path) -> None:
    process = start(tmp_path, "sleep")
    wait_for(tmp_path / "pid")
    process.send_signal(signal.SIGINT)
    told = finish(process)
    assert (told["status"], told["exit_code"]) == ("interrupted", 130)
    assert gone(int((tmp_path / "pid").read_text()))


def test_a_step_that_asks_saves_its_checkpoint_and_goes_on_from_it(tmp_path: Path) -> None:
    process = start(tmp_path, "patient")
    wait_for(tmp_path / "pid")
    process.send_signal(signal.SIGTERM)
    told = finish(process)
    assert (told["status"], told["exit_code"], told["failures"]) == ("interrupted", 143, [])
    assert gone(int((tmp_path / "pid").read_text()))
    assert run(tmp_path, "patient")["ran"] == 1
    assert Store.peek(tmp_path / ".lcspec").heads["patient"].metrics == {"began": True}


def test_a_killed_apply_takes_its_step_along_and_the_next_one_goes_on(tmp_path: Path) -> None:
    process = start(tmp_path, "write", "sleep")
    wait_for(tmp_path / "pid")
    process.kill()
    process.wait()
    deadline = time.monotonic() + 10
    while not gone(int((tmp_path / "pid").read_text())) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert gone(int((tmp_path / "pid").read_text()))
    told = run(tmp_path, "write", "other")
    assert (told["status"], told["ran"], told["reused"]) == ("ok", 1, 1)


def test_a_second_apply_is_refused_and_told_who_holds_the_store(tmp_path: Path) -> None:
    process = start(tmp_path, "sleep")
    wait_for(tmp_path / "pid")
    with pytest.raises(LcspecError) as caught, StoreLock.acquire(tmp_path / ".lcspec"):
        pytest.fail("two held the lock")
    assert caught.value.exit_code == 6
    assert f"pid {process.pid}" in caught.value.diagnostics[0].message
    assert (owner(tmp_path / ".lcspec") or {})["step"] == "sleep"
    process.kill()
    process.wait()
    with StoreLock.acquire(tmp_path / ".lcspec", wait=10):
        pass
    assert owner(tmp_path / ".lcspec") is None


def test_the_ledger_remembers_attempts_and_counts_each_look_once(tmp_path: Path) -> None:
    Store.open(tmp_path)
    ledger = Ledger.open(tmp_path)
    number = ledger.start_run("spec", "digest", ["apply"])
    for seconds in (2.0, 4.0):
        ledger.attempt(number, step="s", kind="k", key="1", status="ok", seconds=seconds, peak=10)
    ledger.attempt(number, step="s", kind="k", key="1", status="failed", seconds=99.0, peak=10)
    assert [run.seconds for run in ledger.taken("s", "k", 5)] == [4.0, 2.0]
    assert ledger.taken("unknown", "k", 5) == []
    for _ in range(2):
        ledger.look(number, "topics", "release", "key")
    assert ledger.looks() == 1


PROGRAM = """
import json
import sys
from pathlib import Path

with open({mark!r}, "a") as file:
    file.write(__name__ + " ")

from tests.run import steps_to_run

print(json.dumps(steps_to_run.apply(Path({folder!r}), ["write", "other"], {{}})["ran"]))
"""


def test_a_step_does_not_run_the_program_again_that_started_the_apply(tmp_path: Path) -> None:
    program, mark = tmp_path / "program.py", tmp_path / "mark"
    program.write_text(PROGRAM.format(mark=str(mark), folder=str(tmp_path)))
    done = subprocess.run([sys.executable, program], env=environment(), capture_output=True, text=True, check=True)
    assert done.stdout == "2\n"
    assert mark.read_text() == "__main__ "
