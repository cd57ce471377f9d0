"""Logs: one per run and step, bounded, redacted, and never the reason why a step fails."""

import os
from pathlib import Path

from lcspec.run import logs
from lcspec.run.secrets import Redactor
from tests.run.harness import run


def written(tmp_path: Path, pieces: list[bytes], redactor: Redactor | None = None) -> bytes:
    log = logs.Log(tmp_path / "x.log", redactor or Redactor([]))
    for piece in pieces:
        os.write(log.writing, piece)
        log.read()
    log.started()
    log.close()
    return log.path.read_bytes()


def test_a_secret_cut_by_two_writes_is_found(tmp_path: Path) -> None:
    assert written(tmp_path, [b"the tok", b"en-123", b"456 is it\n"], Redactor(["token-123456"])) == b"the *** is it\n"


def test_a_log_keeps_its_beginning_and_its_end(tmp_path: Path) -> None:
    told = run(tmp_path, "chatter")
    assert told["status"] == "ok"
    log = next((tmp_path / ".lcspec" / "logs").glob("*/chatter.*.log"))
    assert log.stat().st_size < logs.HEAD + logs.TAIL + 200
    text = log.read_text()
    assert text.startswith("line 000000000 ")
    assert text.endswith("line 000399999 of a very talkative library\n")
    assert "bytes left out" in text


def test_logs_of_the_latest_runs_are_kept(tmp_path: Path) -> None:
    for number in range(logs.RUNS + 5):
        logs.folder(tmp_path, number).mkdir(parents=True)
    logs.trim(tmp_path)
    assert len(list((tmp_path / "logs").iterdir())) == logs.RUNS
    assert logs.folder(tmp_path, logs.RUNS + 4).exists()


def test_logs_of_a_step_are_found_run_by_run(tmp_path: Path) -> None:
    run(tmp_path, "raise")
    run(tmp_path, "raise")
    found = logs.find(tmp_path / ".lcspec", "raise")
    assert [path.parent.name for path in found] == ["000001", "000002"]
    assert logs.find(tmp_path / ".lcspec", "raise", run=2) == found[1:]
    assert "ZeroDivisionError" in found[1].read_text()
