"""The process of a step, between its last word and its end."""

import os
import sys
import time
from multiprocessing.connection import wait as wait_for_any
from pathlib import Path

import pytest

from lcspec.run import worker as workers
from lcspec.run.io import Job

SLOW_TO_LEAVE = """#!{python}
import os, time
channel = int(os.environ["LCSPEC_EVENTS"])
os.write(channel, b'["done", {{}}]\\n')
os.close(channel)
time.sleep(0.5)
"""


def no_descriptor(pid: int) -> int:
    raise OSError(38, os.strerror(38))


@pytest.mark.parametrize("descriptors", [True, False], ids=["with pidfd", "without"])
def test_a_step_that_is_slow_to_leave_is_not_taken_for_a_killed_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, descriptors: bool
) -> None:
    if not descriptors:
        monkeypatch.setattr(os, "pidfd_open", no_descriptor)
    python = tmp_path / "python"
    python.write_text(SLOW_TO_LEAVE.format(python=sys.executable))
    python.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(python))
    job = Job.__new__(Job)
    monkeypatch.setattr(Job, "to_text", lambda _: "")
    with (tmp_path / "log").open("w") as log, (tmp_path / "lock").open("w") as lock:
        held = workers.Held(lock.fileno(), log.fileno())
        worker = workers.Spawned(job, held, {})
        assert worker.receive() == [("done", {})]
        assert worker.receive() is None
        deadline = time.monotonic() + 10
        while not worker.gone():
            assert time.monotonic() < deadline
            if worker.leaving is None:
                time.sleep(0.05)
            else:
                wait_for_any([worker.leaving], timeout=1)
        assert (worker.leaving is None) != descriptors
        workers.sweep(worker)
        assert worker.wait() == 0
