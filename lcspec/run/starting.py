"""Starting a step: its secrets, its folder, its log, its process."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from lcspec.diag.model import Diagnostic, LcspecError
from lcspec.ir.plan import PlannedStep
from lcspec.run import limits, logs, processes
from lcspec.run import worker as workers
from lcspec.run.lock import StoreLock
from lcspec.run.machine import Machine, Need
from lcspec.run.running import Running
from lcspec.run.secrets import Redactor, passwords_of_urls, resolve
from lcspec.run.settings import RunSettings
from lcspec.run.store import Store
from lcspec.run.store.layout import snapshot
from lcspec.run.workspace import prepare


class Starter:
    """Starts the steps of one run; the fork server comes up with the first of them."""

    def __init__(
        self, store: Store, root: Path, run: int, lock: StoreLock, machine: Machine, settings: RunSettings
    ) -> None:
        self._store, self._root, self._run, self._lock = store, root, run, lock
        self._machine, self._settings = machine, settings
        self._ml, self._server = False, False
        self._kinds: set[str] = set()

    def expect(self, planned: Sequence[PlannedStep]) -> None:
        """Tells which steps may come, so that the fork server imports what they need."""
        coming = [one.step for one in planned if one.action in ("run", "conditional", "reuse-if-unchanged")]
        self._ml = any(step.libraries for step in coming)
        self._kinds = {step.kind for step in coming}

    def start(self, planned: PlannedStep, wanted: Need, gpus: tuple[str, ...], attempt: int) -> Running:
        """The running step.

        Raises:
            LcspecError: a secret is not there, the store is damaged.
            OSError: the disk is full.
        """
        if not planned.step.resources.network:
            self.start_server()
        return self._launch(planned, min(wanted.cpus, self._machine.cpus), gpus, attempt)

    def start_server(self) -> None:
        """Starts the fork server, unless it is there: it imports while a step that needs none of it is at work."""
        if not self._server:
            workers.start_server(self._store.root, ml=self._ml, kinds=self._kinds)
            self._server = True

    def _launch(self, planned: PlannedStep, threads: int, gpus: tuple[str, ...], attempt: int) -> Running:
        key, step, store = planned.key or "", planned.step, self._store
        values = resolve(step.secrets, self._root)
        hidden = Redactor([*values.values(), *(passwords_of_urls() if step.resources.network else ())])
        log = logs.Log(logs.path(store.root, self._run, step.id, key), hidden)
        try:
            more: dict[str, Any] = {"gpus": gpus, "secrets": values, "code": self._settings.code.settings()}
            job = prepare(store, planned, root=self._root, threads=threads, log=log.path, **more)
            inputs, kills = snapshot(store.work(key) / "in"), processes.oom_kills()
            held = workers.Held(self._lock.descriptor, log.writing)
            worker = workers.start(job, held, store=store.root, network=step.resources.network)
        finally:
            log.started()
        watch = limits.Watch(limits.allowed(planned, self._machine, self._settings), worker.pid)
        return Running(planned, worker, watch, log, hidden, inputs, attempt, kills)


def cannot_start(error: LcspecError | OSError) -> tuple[Diagnostic, int | None]:
    """Why a step could not even start, and the exit code that it asks for."""
    if isinstance(error, LcspecError):
        return error.diagnostics[0], error.exit_code
    help = "free space or repair the disk, then apply again: finished steps are kept"
    return Diagnostic("LC1214", f"its folder cannot be made: {error.strerror}", help=help), None
