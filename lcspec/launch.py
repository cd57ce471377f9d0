"""Starting a generated service as a child process: for `serve`, `chat` and the contract step alike."""

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

KEPT = ("PATH", "HOME", "LANG", "LD_LIBRARY_PATH")  # what a service inside a step sees of the caller's environment


def start(
    folder: Path,
    *,
    host: str | None,
    port: int | None,
    quiet: bool = False,
    threads: int | None = None,
    environment: Mapping[str, str] | None = None,
) -> "subprocess.Popen[str]":
    """Starts `serve.py` in `folder`; a host or port of None is the service's own, port 0 takes a free one."""
    command = [sys.executable, "serve.py"]
    command += ["--host", host] if host is not None else []
    command += ["--port", str(port)] if port is not None else []
    given = dict(os.environ if environment is None else environment)
    # The folder of a release is never written to, byte code included.
    given |= {"HF_HUB_OFFLINE": "1", "PYTHONUNBUFFERED": "1", "PYTHONDONTWRITEBYTECODE": "1"}
    given |= {"OMP_NUM_THREADS": str(threads)} if threads is not None else {}
    errors = subprocess.DEVNULL if quiet else None
    return subprocess.Popen(command, cwd=folder, env=given, stdout=subprocess.PIPE, stderr=errors, text=True)


def ready(process: "subprocess.Popen[str]") -> str | None:
    """Waits for the service's line `READY address`; None when it ended before."""
    assert process.stdout is not None  # noqa: S101 - `start` asked for a pipe
    for line in process.stdout:
        if line.startswith("READY "):
            return line.split()[1]
    return None
