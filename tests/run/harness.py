"""Real applies of the test kind in processes of their own, and what must hold after every fault."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from jsonschema import Draft202012Validator

from lcspec.run import processes
from lcspec.run.store import Store
from lcspec.schema import BUILDERS

EVENT = Draft202012Validator(BUILDERS["event"]())
HERE = Path(__file__).parent
ROOT = HERE.parents[1]


def command(folder: Path, *names: str) -> list[str]:
    return [sys.executable, str(HERE / "steps_to_run.py"), str(folder), *names]


def environment(options: dict[str, Any] | None = None, **more: str) -> dict[str, str]:
    paths = os.pathsep.join([str(HERE / "plugin"), str(ROOT)])
    return {**os.environ, "PYTHONPATH": paths, "LCSPEC_TEST_OPTIONS": json.dumps(options or {}), **more}


def run(
    folder: Path, *names: str, options: dict[str, Any] | None = None, through: tuple[str, ...] = (), **more: str
) -> dict[str, Any]:
    """The outcome of an apply of the steps called `names` (see `steps_to_run.py`), started by the program `through`."""
    env = environment(options, **more)
    line = [*through, *command(folder, *names)]
    done = subprocess.run(line, env=env, capture_output=True, text=True, check=False, timeout=120)
    return told(done.stdout, done.stderr)


def told(stdout: str, stderr: str = "") -> dict[str, Any]:
    assert stdout, stderr
    made: dict[str, Any] = json.loads(stdout.splitlines()[-1])
    for event in made.get("events", []):
        EVENT.validate(event)
    made["codes"] = [(name, code) for name, code, _, _ in made["failures"]]
    return made


def start(folder: Path, *names: str, options: dict[str, Any] | None = None, **more: str) -> "subprocess.Popen[str]":
    """The same apply, while it runs."""
    env = environment(options, **more)
    return subprocess.Popen(
        command(folder, *names), env=env, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    )


def finish(process: "subprocess.Popen[str]", timeout: float = 60) -> dict[str, Any]:
    return told(process.communicate(timeout=timeout)[0])


def wait_for(path: Path, timeout: float = 30) -> str:
    """Waits until a file holds something; what it holds."""
    deadline = time.monotonic() + timeout
    while not (path.exists() and path.read_text()):
        assert time.monotonic() < deadline, f"{path} did not appear"
        time.sleep(0.02)
    return path.read_text()


def gone(pid: int) -> bool:
    """Whether no process with this id does anything any more (a zombie does not)."""
    return processes.started(pid) is None


def wait_until_nothing_runs(folder: Path, timeout: float = 10) -> None:
    """Waits until no process is left that an apply in `folder` has started."""
    deadline = time.monotonic() + timeout
    while left := processes.marked(folder / ".lcspec"):
        assert time.monotonic() < deadline, f"orphans: {left}"
        time.sleep(0.05)


def assert_sound(folder: Path) -> None:
    """What must hold after every fault: every record has all its blobs, intact, and nothing is left running."""
    wait_until_nothing_runs(folder)
    store = Store.peek(folder / ".lcspec")
    for key in store.records:
        for digest in store.records[key].outputs.values():
            store.verify_tree(digest)
