"""Limits: a step that hangs, grows or goes on for ever is ended, told apart, and takes nothing down with it."""

import time
from pathlib import Path

import pytest

from lcspec.diag.model import LcspecError
from lcspec.run.ledger import Ledger
from lcspec.run.settings import read_settings
from tests.run.harness import assert_sound, run


@pytest.mark.slow
@pytest.mark.parametrize("action", ["hang", "stopped"])
def test_a_silent_step_is_ended_and_said_to_be_silent(tmp_path: Path, action: str) -> None:
    (tmp_path / "lcspec.toml").write_text('[limits."*"]\nsilence = "1 s"\n')
    started = time.monotonic()
    told = run(tmp_path, action, "write", options={"keep_going": True})
    assert told["codes"] == [(action, "LC1208")]
    assert told["ran"] == 1
    assert time.monotonic() - started < 60
    assert_sound(tmp_path)


def test_a_step_that_talks_for_ever_meets_its_limit_of_time(tmp_path: Path) -> None:
    (tmp_path / "lcspec.toml").write_text('[limits]\nsilence = "20 s"\n[limits."talk*"]\ntime = "2 s"\n')
    assert run(tmp_path, "talk")["codes"] == [("talk", "LC1207")]
    assert_sound(tmp_path)


def test_a_step_that_grows_meets_its_limit_of_memory_and_is_not_tried_again(tmp_path: Path) -> None:
    (tmp_path / "lcspec.toml").write_text('[limits]\nmemory = "300 MiB"\n')
    told = run(tmp_path, "grow")
    assert told["codes"] == [("grow", "LC1206")]
    assert "300 MiB" in told["failures"][0][2]
    assert "batch" in told["failures"][0][3]
    assert [event["event"] for event in told["events"]].count("step-started") == 1
    row = Ledger.peek(tmp_path / ".lcspec")._database.execute("select status, peak from attempts").fetchone()
    assert row[0] == "failed"
    assert row[1] > 300 << 20
    assert_sound(tmp_path)


@pytest.mark.parametrize("action", ["no_memory", "torch_no_memory"])
def test_an_allocator_that_gives_up_is_out_of_memory(tmp_path: Path, action: str) -> None:
    assert run(tmp_path, action)["codes"] == [(action, "LC1206")]


def test_a_crash_is_told_with_the_last_line_of_the_log(tmp_path: Path) -> None:
    told = run(tmp_path, "crash")
    assert told["codes"] == [("crash", "LC1209")]
    assert "SIGSEGV" in told["failures"][0][2]


def test_limits_of_later_tables_win(tmp_path: Path) -> None:
    (tmp_path / "lcspec.toml").write_text(
        '[limits]\nmemory = "1 GiB"\ntime = "1 h"\n[limits."train:*"]\nmemory = "2 GiB"\n'
    )
    settings = read_settings(tmp_path)
    assert (settings.limits("train:x").memory, settings.limits("train:x").time) == (2 << 30, 3600)
    assert settings.limits("score:x").memory == 1 << 30
    assert settings.limits("score:x").silence is None


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[limits]\nmemory = 5\n", "memory"),
        ("[limits]\nmemroy = '5 GiB'\n", "memroy"),
        ("[run]\njobs = 0\n", "jobs"),
        ("[run\n", "lcspec.toml"),
        ("limits = 3\n", "limits"),
        ('[limits."a:*"]\ntime = "soon"\n', "time"),
    ],
)
def test_settings_that_cannot_be_read_are_refused(tmp_path: Path, text: str, said: str) -> None:
    (tmp_path / "lcspec.toml").write_text(text)
    with pytest.raises(LcspecError) as caught:
        read_settings(tmp_path)
    assert (caught.value.diagnostics[0].code, caught.value.exit_code) == ("LC1212", 2)
    assert said in caught.value.diagnostics[0].message
