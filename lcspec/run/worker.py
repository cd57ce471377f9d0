"""Starting, hearing and ending the process of a step: forked from a server that has the ML stack, or spawned."""

import json
import multiprocessing
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from multiprocessing import forkserver, reduction
from multiprocessing.connection import Connection
from typing import Any

from lcspec.run.io import Job
from lcspec.run.step import die_with_parent, run_job

Message = tuple[str, Mapping[str, Any]]

KEPT = ("PATH", "HOME", "LANG", "LC_ALL", "TMPDIR", "USER", "VIRTUAL_ENV", "PYTHONPATH", "LD_LIBRARY_PATH", "TZ")
KEPT_PREFIXES = ("CUDA_", "NVIDIA_", "LCSPEC_")
FIXED = {
    "HF_HUB_OFFLINE": "1",
    "TRANSFORMERS_OFFLINE": "1",
    "HF_DATASETS_OFFLINE": "1",
    "TRL_EXPERIMENTAL_SILENCE": "1",
    "TOKENIZERS_PARALLELISM": "false",
    "OMP_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "PYTHONHASHSEED": "0",
    # Steps leave by os._exit; the semaphores of their progress bars are swept by the tracker, which need not say so.
    "PYTHONWARNINGS": "ignore::UserWarning:multiprocessing.resource_tracker",
}


class InheritedDescriptor:
    """A descriptor that travels to a forked step: it holds the store's lock while it lives."""

    def __init__(self, descriptor: int) -> None:
        self.descriptor = descriptor

    def __getstate__(self) -> Any:
        return reduction.DupFd(self.descriptor)

    def __setstate__(self, state: Any) -> None:
        self.descriptor = state.detach()


def environment(*, network: bool) -> dict[str, str]:
    """What a step may see of the environment; with network also what pip and proxies are configured by."""
    if network:
        return {**os.environ, "HF_HUB_OFFLINE": "1"}
    kept = {k: v for k, v in os.environ.items() if k in KEPT or k.startswith(KEPT_PREFIXES)}
    return {**kept, **FIXED}


def start_server(*, ml: bool) -> None:
    """Starts the fork server; it imports in the background. One per process, for all steps."""
    multiprocessing.set_forkserver_preload(["lcspec.run.preload"])
    with _environ({**environment(network=False), "LCSPEC_PRELOAD": "ml" if ml else "none"}):
        forkserver.ensure_running()


@contextmanager
def _environ(wanted: Mapping[str, str]) -> Iterator[None]:
    before = dict(os.environ)
    os.environ.clear()
    os.environ.update(wanted)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


class Forked:
    """A step in a child of the fork server."""

    def __init__(self, job: Job, lock: int | None) -> None:
        ours, theirs = multiprocessing.Pipe()
        held = InheritedDescriptor(lock) if lock is not None else None
        context = multiprocessing.get_context("forkserver")
        self._process = context.Process(target=_forked_main, args=(job, theirs, held), daemon=False)
        self._process.start()
        theirs.close()
        self.channel: Connection = ours
        self.pid = self._process.pid or 0

    def receive(self) -> Message | None:
        """The next message; None when the step has closed its end."""
        try:
            message: Message = self.channel.recv()
        except (EOFError, OSError):
            return None
        return message

    def wait(self) -> int:
        """The exit code, after the process has ended; -9 when it was killed."""
        self._process.join()
        code = self._process.exitcode or 0
        self.channel.close()
        return code


def _forked_main(job: Job, channel: Connection, lock: InheritedDescriptor | None) -> None:
    os.setpgid(0, 0)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    die_with_parent(lambda: _until_closed(channel))
    code = run_job(job, lambda kind, data: channel.send((kind, dict(data))))
    sys.stdout.flush()
    os._exit(code)  # leaves without the teardown of the ML stack, which costs seconds and can hang


def _until_closed(channel: Connection) -> None:
    try:
        channel.recv()
    except (EOFError, OSError):
        return


class Spawned:
    """A step in a fresh interpreter, with the environment that the network needs."""

    def __init__(self, job: Job, lock: int | None) -> None:
        reading, writing = os.pipe()
        passed = (writing,) if lock is None else (writing, lock)
        if lock is not None:
            os.set_inheritable(lock, True)
        self._process = subprocess.Popen(
            [sys.executable, "-m", "lcspec.run.step"],
            env={**environment(network=True), "LCSPEC_EVENTS": str(writing)},
            stdin=subprocess.PIPE,
            pass_fds=passed,
            start_new_session=True,
            text=True,
        )
        os.close(writing)
        if self._process.stdin is None:
            raise RuntimeError("no pipe to the step")
        self._process.stdin.write(job.to_text() + "\n")
        self._process.stdin.flush()
        self.channel = os.fdopen(reading, "r", encoding="utf-8")
        self.pid = self._process.pid

    def receive(self) -> Message | None:
        """The next message; None when the step has closed its end."""
        line = self.channel.readline()
        if not line:
            return None
        kind, data = json.loads(line)
        return kind, data

    def wait(self) -> int:
        """The exit code, after the process has ended; negative when a signal ended it."""
        code = self._process.wait()
        if self._process.stdin is not None:
            self._process.stdin.close()
        self.channel.close()
        return code


Worker = Forked | Spawned


def start(job: Job, *, network: bool, lock: int | None) -> Worker:
    """Starts the process of a step."""
    return Spawned(job, lock) if network else Forked(job, lock)


def end(worker: Worker, *, kill: bool) -> None:
    """Sends TERM, or KILL, to everything that the step has started."""
    try:
        os.killpg(worker.pid, signal.SIGKILL if kill else signal.SIGTERM)
    except ProcessLookupError:
        return
