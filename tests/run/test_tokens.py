"""Tokens: what runs beside what, and that nothing of it changes a result."""

from pathlib import Path

import pytest

from lcspec.ir.plan import Estimate, PlannedStep, Resources, Step
from lcspec.run.machine import Machine, Need, Tokens, need
from lcspec.run.settings import RunSettings, RunTable
from lcspec.run.store import Store
from tests.run.harness import assert_sound, run

MACHINE = Machine(cpus=4, memory=8 << 30, gpus=("0", "1"))


def planned(resources: Resources, memory: int = 0) -> PlannedStep:
    step = Step(id="s", kind="k.n", action="a", version=1, params={}, resources=resources)
    return PlannedStep(step, "run", "", "key", Estimate((1, 2), memory, "constant"))


def test_steps_share_the_machine_as_far_as_it_goes() -> None:
    tokens = Tokens(MACHINE, RunSettings())
    assert tokens.take("a", Need(2, 4 << 30)) == ()
    assert tokens.take("b", Need(2, 5 << 30)) is None  # memory
    assert tokens.take("c", Need(3, 1)) is None  # cores
    assert tokens.take("d", Need(2, 4 << 30)) == ()
    tokens.give("a")
    assert tokens.take("b", Need(2, 4 << 30)) == ()


def test_each_gpu_is_lent_to_one_step() -> None:
    tokens = Tokens(MACHINE, RunSettings())
    assert tokens.take("a", Need(1, 0, 1)) == ("0",)
    assert tokens.take("b", Need(1, 0, 1)) == ("1",)
    assert tokens.take("c", Need(1, 0, 1)) is None
    tokens.give("a")
    assert tokens.take("c", Need(1, 0, 1)) == ("0",)


def test_a_step_that_is_larger_than_the_machine_runs_alone() -> None:
    tokens = Tokens(MACHINE, RunSettings())
    assert tokens.take("small", Need(1, 1)) == ()
    assert tokens.take("huge", Need(1, 64 << 30)) is None
    tokens.give("small")
    assert tokens.take("huge", Need(1, 64 << 30)) == ()
    assert tokens.too_large(Need(1, 64 << 30)) == "64 GiB of memory, of 8 GiB"
    assert tokens.take("small", Need(1, 1)) is None


def test_threads_come_from_what_is_declared_and_not_from_the_load() -> None:
    assert need(planned(Resources(cpus=1)), MACHINE, RunSettings()).cpus == 1
    assert need(planned(Resources(cpus=2)), MACHINE, RunSettings()).cpus == 4
    assert need(planned(Resources(cpus=2)), MACHINE, RunSettings(RunTable(threads=3))).cpus == 3
    assert need(planned(Resources(cpus=2)), Machine(64, 1), RunSettings()).cpus == 8


def test_memory_is_the_larger_of_declaration_and_estimate() -> None:
    assert need(planned(Resources(memory=5), memory=7), MACHINE, RunSettings()).memory == 7
    assert need(planned(Resources(memory=9), memory=7), MACHINE, RunSettings()).memory == 9


def test_independent_steps_run_side_by_side_and_yield_what_they_yield_alone(tmp_path: Path) -> None:
    names = [f"slow{number}" for number in range(4)]
    beside, alone = tmp_path / "beside", tmp_path / "alone"
    for folder, jobs in ((beside, 2), (alone, 1)):
        folder.mkdir()
        assert run(folder, *names, options={"jobs": jobs})["ran"] == 4
    heads = {folder: Store.peek(folder / ".lcspec").heads for folder in (beside, alone)}
    spans = {folder: sorted(heads[folder][name].measured["span"] for name in names) for folder in heads}
    assert any(later[0] < sooner[1] for sooner, later in zip(spans[beside], spans[beside][1:], strict=False))
    assert all(later[0] >= sooner[1] for sooner, later in zip(spans[alone], spans[alone][1:], strict=False))
    for name in names:
        one, other = (heads[folder][name] for folder in heads)
        assert (one.key, one.outputs, one.measured["threads"]) == (other.key, other.outputs, other.measured["threads"])


def test_steps_that_do_not_fit_together_run_one_after_the_other(tmp_path: Path) -> None:
    (tmp_path / "lcspec.toml").write_text('[run]\nmemory = "3 GiB"\n')
    told = run(tmp_path, "slow1", "slow2", options={"jobs": 2, "memory": 2 << 30})
    assert told["ran"] == 2
    spans = sorted(Store.peek(tmp_path / ".lcspec").heads[name].measured["span"] for name in ("slow1", "slow2"))
    assert spans[1][0] >= spans[0][1]


def test_a_step_larger_than_the_machine_is_warned_about_and_run(tmp_path: Path) -> None:
    told = run(tmp_path, "write", options={"jobs": 2, "memory": 1 << 50})
    assert (told["status"], told["ran"]) == ("ok", 1)
    assert any("runs alone" in event["data"].get("message", "") for event in told["events"])


def test_each_step_is_started_once_and_in_the_order_of_the_plan(tmp_path: Path) -> None:
    names = ["write1", "write2", "write+write1", "write3"]
    told = run(tmp_path, *names, options={"jobs": 1})
    started = [event["step"] for event in told["events"] if event["event"] == "step-started"]
    assert started == names


def test_what_a_failed_step_blocks_is_skipped_with_its_cause(tmp_path: Path) -> None:
    told = run(tmp_path, "raise", "write+raise", "other+write+raise", "write", options={"keep_going": True})
    assert (told["status"], told["ran"], told["codes"]) == ("failed", 1, [("raise", "LC1202")])
    assert told["skipped"][0] == ["write+raise", "it needs `raise`, which failed"]
    skipped = [event["step"] for event in told["events"] if event["event"] == "step-skipped"]
    assert skipped == [step for step, _ in told["skipped"]]
    assert_sound(tmp_path)


def test_without_keep_going_the_rest_is_told_as_not_started(tmp_path: Path) -> None:
    told = run(tmp_path, "raise", "write")
    assert told["ran"] == 0
    assert told["skipped"] == [["write", "not started, because another step failed; `--keep-going` runs it"]]


@pytest.mark.slow
def test_a_failure_of_the_network_is_tried_again_and_no_more_than_twice(tmp_path: Path) -> None:
    told = run(tmp_path, "flaky", "unreachable", options={"keep_going": True, "jobs": 2})
    assert told["ran"] == 1
    assert told["codes"] == [("unreachable", "LC1005")]
    retries = [event["step"] for event in told["events"] if "trying again" in event["data"].get("message", "")]
    assert sorted(retries) == ["flaky", "flaky", "unreachable", "unreachable"]
