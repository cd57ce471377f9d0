"""The state machine of `machine.py`: a few runs in every check, 500 in the slow tier."""

import os
import subprocess
import sys
from collections.abc import Callable

import pytest
from hypothesis import settings

from tests.world import ROOT


def run(examples: int, steps: int) -> None:
    command = [sys.executable, "-m", "tests.faults.machine", str(examples), str(steps)]
    command += ["--derandomize"] if settings.default is not None and settings.default.derandomize else []
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-8000:]


def test_nothing_live_is_lost_in_any_order_of_events(record_property: Callable[[str, object], None]) -> None:
    run(10, 8)
    record_property("injected", 10)


@pytest.mark.slow
def test_nothing_live_is_lost_in_500_runs(record_property: Callable[[str, object], None]) -> None:
    run(500, 12)
    record_property("injected", 500)
