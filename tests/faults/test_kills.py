"""Kills: of the apply, of a step, of a whole group, while others wait. The next apply always converges."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from lcspec.run.store import Store
from lcspec.run.verify import verify
from tests.run.harness import (
    assert_sound,
    command,
    environment,
    finish,
    gone,
    run,
    start,
    wait_for,
)

pytestmark = pytest.mark.slow


def outputs(folder: Path) -> dict[str, dict[str, str]]:
    """Digests by step: what must be equal however a run was disturbed."""
    heads = Store.peek(folder / ".lcspec").heads
    return {step: dict(heads[step].outputs) for step in heads}


def test_apply_killed_with_a_live_step_the_next_one_converges(tmp_path: Path) -> None:
    undisturbed, disturbed = tmp_path / "undisturbed", tmp_path / "disturbed"
    undisturbed.mkdir()
    disturbed.mkdir()
    (undisturbed / "go").touch()
    assert run(undisturbed, "write", "held")["ran"] == 2
    process = start(disturbed, "write", "held")
    step = int(wait_for(disturbed / "pid"))
    process.kill()
    process.wait()
    (disturbed / "go").touch()
    told = run(disturbed, "write", "held")
    assert (told["status"], told["ran"], told["reused"]) == ("ok", 1, 1)
    assert gone(step)
    assert outputs(disturbed) == outputs(undisturbed)
    assert_sound(disturbed)


def test_a_step_that_is_killed_is_named_and_runs_again(tmp_path: Path) -> None:
    process = start(tmp_path, "write", "sleep")
    os.kill(int(wait_for(tmp_path / "pid")), signal.SIGKILL)
    told = finish(process)
    assert told["codes"] == [("sleep", "LC1203")]
    assert "SIGKILL" in told["failures"][0][2]
    assert_sound(tmp_path)
    assert run(tmp_path, "write", "other")["reused"] == 1


def test_a_whole_group_is_killed(tmp_path: Path) -> None:
    process = start(tmp_path, "write", "sleep")
    step = int(wait_for(tmp_path / "pid"))
    os.killpg(step, signal.SIGKILL)
    process.kill()
    process.wait()
    assert_sound(tmp_path)
    assert run(tmp_path, "write", "other")["status"] == "ok"


@pytest.mark.slow
def test_an_orphan_that_cannot_end_itself_is_ended_by_the_next_apply(tmp_path: Path) -> None:
    """A stopped step hears nothing; a stopped fork server does not let go of it either."""
    process = start(tmp_path, "sleep")
    step = int(wait_for(tmp_path / "pid"))
    server = int(Path(f"/proc/{step}/stat").read_text().rpartition(")")[2].split()[1])
    os.kill(step, signal.SIGSTOP)
    os.kill(server, signal.SIGSTOP)
    process.kill()
    process.wait()
    assert not gone(step)
    began = time.monotonic()
    told = run(tmp_path, "write")
    assert told["status"] == "ok"
    assert gone(step)
    assert time.monotonic() - began > 8  # it had its ten seconds
    assert_sound(tmp_path)


def test_what_a_step_left_behind_ends_with_it(tmp_path: Path) -> None:
    told = run(tmp_path, "brood")
    assert (told["status"], told["ran"]) == ("ok", 1)
    assert gone(int((tmp_path / "child").read_text()))
    assert_sound(tmp_path)


def contend_rounds(folder: Path, rounds: int) -> None:
    command = [sys.executable, "-m", "tests.faults.contenders", str(folder), str(rounds)]
    done = subprocess.run(command, env=environment(), stdout=subprocess.PIPE, text=True, check=True)
    told = json.loads(done.stdout)
    assert len(told) == rounds
    for number, codes in enumerate(told):
        place = folder / str(number)
        assert len(codes) == 8
        assert set(codes) <= {0, 6}, codes
        assert 0 in codes
        assert len((place / "runs").read_text().splitlines()) == 1  # the step ran once, whoever came first
        store = Store.peek(place / ".lcspec")
        assert [record.step for record in store.heads.values()] == ["count_runs"]
        assert verify(place / ".lcspec").findings == []


def test_eight_applies_contend_and_the_step_runs_once(
    tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    contend_rounds(tmp_path, 5)
    record_property("injected", 5)


@pytest.mark.slow
def test_eight_applies_contend_two_hundred_times(
    tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    contend_rounds(tmp_path, 200)
    record_property("injected", 200)


def test_a_refused_apply_says_who_holds_the_store_and_at_which_step(tmp_path: Path) -> None:
    process = start(tmp_path, "sleep")
    wait_for(tmp_path / "pid")
    told = run(tmp_path, "write")
    assert told["codes"] == [(None, "LC1101")]
    assert f"pid {process.pid}" in told["failures"][0][2]
    assert "`sleep`" in told["failures"][0][2]
    process.send_signal(signal.SIGINT)
    finish(process)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_the_first_signal_lets_a_step_save_its_checkpoint(tmp_path: Path, number: signal.Signals) -> None:
    process = start(tmp_path, "write", "patient", "other")
    wait_for(tmp_path / "pid")
    process.send_signal(number)
    told = finish(process)
    assert (told["status"], told["exit_code"], told["failures"]) == ("interrupted", 128 + number, [])
    assert len(list((tmp_path / ".lcspec" / "work").glob("*/checkpoint/count"))) == 1
    assert_sound(tmp_path)
    again = run(tmp_path, "write", "patient", "other")
    assert (again["ran"], again["reused"]) == (2, 1)
    assert Store.peek(tmp_path / ".lcspec").heads["patient"].metrics == {"began": True}


def test_a_signal_to_the_whole_group_is_no_different(tmp_path: Path) -> None:
    """Ctrl-C and a closed terminal reach the fork server too; the step must still save its checkpoint."""
    env = environment()
    process = subprocess.Popen(
        command(tmp_path, "patient"), env=env, stdout=subprocess.PIPE, text=True, start_new_session=True
    )
    wait_for(tmp_path / "pid")
    os.killpg(process.pid, signal.SIGHUP)
    assert finish(process)["exit_code"] == 129
    assert len(list((tmp_path / ".lcspec" / "work").glob("*/checkpoint/count"))) == 1
    assert_sound(tmp_path)


def test_the_second_signal_does_not_wait(tmp_path: Path) -> None:
    process = start(tmp_path, "hang")
    wait_for(tmp_path / "pid")
    process.send_signal(signal.SIGINT)
    time.sleep(0.5)
    assert process.poll() is None  # it does not hear, and has its thirty seconds
    began = time.monotonic()
    process.send_signal(signal.SIGINT)
    assert finish(process)["exit_code"] == 130
    assert time.monotonic() - began < 5
    assert_sound(tmp_path)


def test_a_full_disk_inside_a_step_is_said_to_be_one(tmp_path: Path) -> None:
    told = run(tmp_path, "write", "no_space")
    assert told["codes"] == [("no_space", "LC1214")]
    assert "No space left" in told["failures"][0][2]
    assert_sound(tmp_path)
    assert run(tmp_path, "write", "other")["reused"] == 1


def test_the_lock_file_is_never_left_broken(tmp_path: Path) -> None:
    for _ in range(3):
        process = start(tmp_path, "sleep")
        wait_for(tmp_path / "pid")
        process.kill()
        process.wait()
        (tmp_path / "pid").unlink()
        json.loads((tmp_path / ".lcspec" / "lock.owner.json").read_text())
        assert_sound(tmp_path)
    assert run(tmp_path, "write")["status"] == "ok"
