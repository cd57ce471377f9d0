"""Starting, hearing and ending the process of a step: forked from a server that has the ML stack, or spawned."""

import json
import multiprocessing
import os
import signal
import subprocess
import sys
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from multiprocessing import forkserver, reduction
from multiprocessing.connection import Connection
from multiprocessing.connection import wait as wait_for_any
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple, Protocol

from lcspec.run import processes
from lcspec.run.environment import environment
from lcspec.run.io import Job
from lcspec.run.step import die_with_parent, run_job

Message = tuple[str, Mapping[str, Any]]
_CHUNK = 1 << 16


class Held(NamedTuple):
    """Descriptors that a step inherits: the store's lock, which it so holds while it lives, and its log."""

    lock: int
    log: int


class InheritedDescriptor:
    """A descriptor that travels to a forked step."""

    def __init__(self, descriptor: int) -> None:
        self.descriptor = descriptor

    def __getstate__(self) -> Any:
        return reduction.DupFd(self.descriptor)

    def __setstate__(self, state: Any) -> None:
        self.descriptor = state.detach()


class Worker(Protocol):
    """The process of a step, as the scheduler sees it."""

    pid: int
    channel: Any
    leaving: int | None  # readable once the process is gone; None where the kernel offers nothing of the kind

    def receive(self) -> list[Message] | None:
        """What the step has said; None when it has closed its end. Waits if nothing is there."""

    def quiet(self) -> bool:
        """Whether nothing that was said is still to be received. After the process has ended it stays so."""

    def gone(self) -> bool:
        """Whether the process has ended, though something that it started may hold its end of the channel open."""

    def wait(self) -> int:
        """The exit code, after the process has ended; negative when a signal ended it."""


# --- forked ----------------------------------------------------------------------------------------------------------


def start_server(store: Path, *, ml: bool, kinds: Iterable[str] = ()) -> None:
    """Starts the fork server; it imports `kinds` and the ML stack in the background. One per process, for all steps."""
    wanted = {"LCSPEC_PRELOAD": "ml" if ml else "none", "LCSPEC_PRELOAD_KINDS": " ".join(sorted(kinds))}
    multiprocessing.set_forkserver_preload(["lcspec.run.preload"])
    with _environ({**environment(store, network=False), **wanted}), _no_main():
        forkserver.ensure_running()


@contextmanager
def _no_main() -> Iterator[None]:
    """Hides the program that runs: multiprocessing would run its file again in each step, which needs nothing of it."""
    main = sys.modules["__main__"]
    sys.modules["__main__"] = ModuleType("__main__")
    try:
        yield
    finally:
        sys.modules["__main__"] = main


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

    def __init__(self, job: Job, held: Held) -> None:
        ours, theirs = multiprocessing.Pipe()
        context = multiprocessing.get_context("forkserver")
        descriptors = (InheritedDescriptor(held.lock), InheritedDescriptor(held.log))
        self._process = context.Process(target=_forked_main, args=(job, theirs, *descriptors), daemon=False)
        with _no_main():
            self._process.start()
        theirs.close()
        self.channel: Connection = ours
        self.pid = self._process.pid or 0
        self.leaving: int | None = self._process.sentinel

    def receive(self) -> list[Message] | None:
        """See `Worker`."""
        try:
            said: list[Message] = [self.channel.recv()]
            while self.channel.poll():
                said.append(self.channel.recv())
        except (EOFError, OSError):
            return said if "said" in locals() else None
        return said

    def quiet(self) -> bool:
        """See `Worker`."""
        return not self.channel.poll()

    def gone(self) -> bool:
        """See `Worker`."""
        return self._process.exitcode is not None

    def wait(self) -> int:
        """See `Worker`."""
        self._process.join()
        code = self._process.exitcode or 0
        self.channel.close()
        return code


def _forked_main(job: Job, channel: Connection, lock: InheritedDescriptor, log: InheritedDescriptor) -> None:
    os.setpgid(0, 0)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_DFL)
    _print_to(log.descriptor)
    die_with_parent(lambda: _until_closed(channel))
    code = run_job(job, lambda kind, data: channel.send((kind, dict(data))))
    sys.stdout.flush()
    os._exit(code)  # leaves without the teardown of the ML stack, which costs seconds and can hang


def _print_to(descriptor: int) -> None:
    for number in (1, 2):
        os.dup2(descriptor, number)
    os.close(descriptor)


def _until_closed(channel: Connection) -> None:
    try:
        channel.recv()
    except (EOFError, OSError):
        return


# --- spawned ---------------------------------------------------------------------------------------------------------


class Spawned:
    """A step in a fresh interpreter: what the network needs is in its variables, or its libraries are others."""

    def __init__(self, job: Job, held: Held, variables: Mapping[str, str]) -> None:
        reading, writing = os.pipe()
        self._process = subprocess.Popen(
            [sys.executable, "-m", "lcspec.run.step"],
            env={**variables, "LCSPEC_EVENTS": str(writing)},
            stdin=subprocess.PIPE,
            stdout=held.log,
            stderr=held.log,
            pass_fds=(writing, held.lock),
            start_new_session=True,
            text=True,
        )
        os.close(writing)
        self.channel, self._rest = reading, b""
        self.pid = self._process.pid
        self.leaving = _watched(self.pid)
        if self._process.stdin is None:
            raise RuntimeError("no pipe to the step")
        with suppress(BrokenPipeError):  # it has ended already: its exit code says more
            self._process.stdin.write(job.to_text() + "\n")
            self._process.stdin.flush()

    def receive(self) -> list[Message] | None:
        """See `Worker`."""
        data = os.read(self.channel, _CHUNK)
        if not data:
            return None
        *lines, self._rest = (self._rest + data).split(b"\n")
        return [(kind, told) for kind, told in map(json.loads, lines)]

    def quiet(self) -> bool:
        """See `Worker`."""
        return not wait_for_any([self.channel], timeout=0)

    def gone(self) -> bool:
        """See `Worker`."""
        return self._process.poll() is not None

    def wait(self) -> int:
        """See `Worker`."""
        code = self._process.wait()
        if self._process.stdin is not None:
            with suppress(BrokenPipeError):
                self._process.stdin.close()
        os.close(self.channel)
        if self.leaving is not None:
            os.close(self.leaving)
        return code


def _watched(pid: int) -> int | None:
    """A descriptor that is readable once the process is gone; None where the kernel has none (it is asked then)."""
    try:
        return os.pidfd_open(pid)
    except (AttributeError, OSError):
        return None


# --- both ------------------------------------------------------------------------------------------------------------


def start(job: Job, held: Held, *, store: Path, network: bool) -> Worker:
    """Starts the process of a step."""
    if network or job.environment:
        return Spawned(job, held, environment(store, network=network))
    return Forked(job, held)


def stop(worker: Worker) -> None:
    """Tells a step to stop. Only its first process: what that started, it ends itself, after its checkpoint."""
    processes.kill([worker.pid], signal.SIGTERM)


def kill(worker: Worker) -> None:
    """Ends a step and everything that it has started, at once."""
    descendants = processes.members(worker.pid)
    sweep(worker)
    processes.kill(descendants)


def sweep(worker: Worker) -> None:
    """Ends what a step that has ended left behind in its process group."""
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(worker.pid, signal.SIGKILL)
