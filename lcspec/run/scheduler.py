"""Runs what the planner says, again and again, until nothing with a known key is left to run.

The loop holds no plan of its own: after each finished step it plans anew, with the function of the dry run. Steps start
in the order of the plan, as far as tokens go; each key is started once, but for a step whose network failed.
"""

import shutil
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from multiprocessing.connection import wait as wait_for_any
from pathlib import Path
from typing import Any

from lcspec.diag.model import Diagnostic, LcspecError
from lcspec.ir.plan import PlannedStep
from lcspec.ir.record import Event, StepRecord
from lcspec.run import limits, logs, processes
from lcspec.run import worker as workers
from lcspec.run.blocked import blocked
from lcspec.run.diagnosis import RETRIES, diagnose, may_pass
from lcspec.run.interrupts import Interrupts
from lcspec.run.ledger import Ledger
from lcspec.run.lock import StoreLock
from lcspec.run.machine import Need, Tokens, need, this_machine
from lcspec.run.publishing import Unpublished, publish
from lcspec.run.running import Running
from lcspec.run.secrets import Redactor, passwords_of_urls, resolve
from lcspec.run.settings import RunSettings
from lcspec.run.store import Store
from lcspec.run.store.layout import snapshot
from lcspec.run.workspace import clear, prepare

TICK = 0.2  # seconds between looks at what says nothing
TELL_EVERY = 0.5  # seconds between two writings of what `status` reads
RETRY_AFTER = (2.0, 8.0)  # seconds before the second and the third attempt

Replan = Callable[[], Sequence[PlannedStep]]


@dataclass
class Outcome:
    """What a run came to.

    Attributes:
        status: ok, failed or interrupted.
        failures: step and diagnostic of each that failed, in the order in which they failed.
        warnings: what did not stop the run, but should be known.
        skipped: step and the reason for each that could not run because of that.
        overhead: seconds that no step was at work.
        exit_code: what the outcome asks for; None where the usual code will do.
    """

    status: str = "ok"
    failures: list[tuple[str, Diagnostic]] = field(default_factory=list)
    warnings: list[Diagnostic] = field(default_factory=list)
    skipped: list[tuple[str, str]] = field(default_factory=list)
    ran: int = 0
    reused: int = 0
    overhead: float = 0.0
    exit_code: int | None = None


def execute(
    *,
    store: Store,
    ledger: Ledger,
    replan: Replan,
    emit: Callable[[Event], None],
    jobs: int | None = 1,
    keep_going: bool = False,
    root: Path,
    run: int,
    lock: StoreLock,
    settings: RunSettings | None = None,
) -> Outcome:
    """Runs every step whose key is known and whose record is not there; see `Outcome`.

    `jobs` None means as many at a time as fit.
    """
    work = _Execution(store, ledger, emit, root, run, lock, settings or RunSettings())
    work.jobs, work.keep_going = jobs or work.settings.run.jobs or work.tokens.machine.cpus, keep_going
    began = time.monotonic()
    with work.interrupts.watched():
        work.loop(replan)
    work.outcome.overhead = max(0.0, time.monotonic() - began - work.busy)
    return work.outcome


class _Execution:
    def __init__(
        self,
        store: Store,
        ledger: Ledger,
        emit: Callable[[Event], None],
        root: Path,
        run: int,
        lock: StoreLock,
        settings: RunSettings,
    ) -> None:
        self.store, self.ledger, self._emit = store, ledger, emit
        self.root, self.run, self.lock, self.settings = root, run, lock, settings
        self.jobs, self.keep_going = 1, False
        self.tokens = Tokens(this_machine(), settings)
        self.interrupts = Interrupts()
        self.outcome = Outcome()
        self.running: dict[str, Running] = {}
        self.attempts: dict[str, int] = {}
        self.retry_at: dict[str, float] = {}
        self.failed: dict[str, str] = {}  # key to step
        self.server = False
        self.busy, self._told = 0.0, 0.0

    # --- the loop --------------------------------------------------------------------------------------------------

    def loop(self, replan: Replan) -> None:
        planned = replan()
        self.outcome.reused = sum(step.action == "reuse" for step in planned)
        todo = sum(step.action not in ("reuse", "skip", "left-out") for step in planned)
        self.emit("run-started", None, {"steps": len(planned), "reused": self.outcome.reused, "todo": todo})
        if any(step.action == "run" for step in planned):
            self.store.sweep()
            logs.trim(self.store.root)
        while True:
            self._start_ready(planned)
            if not self.running and not self.retry_at:
                break
            if self._hear():
                planned = replan()
            self._mind_limits()
            self._mind_interrupts()
        if self.failed:
            self._tell_skipped(planned)

    def _stopping(self) -> bool:
        return bool(self.interrupts) or (bool(self.outcome.failures) and not self.keep_going)

    def _start_ready(self, planned: Sequence[PlannedStep]) -> None:
        if self._stopping():
            self.retry_at.clear()
            return
        for step in planned:
            if len(self.running) >= self.jobs:
                return
            key = step.key
            if step.action != "run" or not key or key in self.running or key in self.failed:
                continue
            if self.retry_at.get(key, 0.0) > time.monotonic():
                continue
            wanted = need(step, self.tokens.machine, self.settings)
            gpus = self.tokens.take(key, wanted)
            if gpus is not None:
                self.retry_at.pop(key, None)
                self._start(step, planned, wanted, gpus)
                if self._stopping():
                    return

    def _start(self, planned: PlannedStep, whole: Sequence[PlannedStep], wanted: Need, gpus: tuple[str, ...]) -> None:
        key, step = planned.key or "", planned.step
        self.attempts[key] = self.attempts.get(key, 0) + 1
        if not self.server and not step.resources.network:
            self._start_server(whole)
        try:
            running = self._launch(planned, min(wanted.cpus, self.tokens.machine.cpus), gpus)
        except (LcspecError, OSError) as error:
            self.tokens.give(key)
            self._fail(step.id, key, *_cannot_start(error))
            return
        self.running[key] = running
        self.emit("step-started", step.id, {"kind": step.kind, "reason": planned.reason})
        if short := self.tokens.too_large(wanted):
            self.emit("log", step.id, {"message": f"it asks for {short} that this machine has: it runs alone"})
        self._tell(force=True)
        if step.resources.network and not self.server:
            self._start_server(whole)  # imports while this step waits for the network

    def _launch(self, planned: PlannedStep, threads: int, gpus: tuple[str, ...]) -> Running:
        key, step = planned.key or "", planned.step
        values = resolve(step.secrets, self.root)
        hidden = Redactor([*values.values(), *(passwords_of_urls() if step.resources.network else ())])
        log = logs.Log(logs.path(self.store.root, self.run, step.id, key), hidden)
        try:
            job = prepare(self.store, planned, root=self.root, threads=threads, log=log.path, gpus=gpus, secrets=values)
            inputs, kills = snapshot(self.store.work(key) / "in"), processes.oom_kills()
            held = workers.Held(self.lock.descriptor, log.writing)
            worker = workers.start(job, held, store=self.store.root, network=step.resources.network)
        finally:
            log.started()
        watch = limits.Watch(limits.allowed(planned, self.tokens.machine, self.settings), worker.pid)
        return Running(planned, worker, watch, log, hidden, inputs, self.attempts[key], kills)

    def _start_server(self, whole: Sequence[PlannedStep]) -> None:
        ml = any(step.step.libraries for step in whole if step.action in ("run", "conditional", "reuse-if-unchanged"))
        workers.start_server(self.store.root, ml=ml)
        self.server = True

    # --- hearing ---------------------------------------------------------------------------------------------------

    def _hear(self) -> bool:
        """Handles what workers say for one tick; whether a step ended."""
        sources: dict[Any, tuple[str, bool]] = {}
        for key, one in self.running.items():
            sources[one.worker.channel] = (key, False)
            if one.log_open:
                sources[one.log] = (key, True)
        if not sources:
            time.sleep(TICK)
        ready = [sources[one] for one in wait_for_any(list(sources), timeout=TICK)]
        ended = set()
        for key, is_log in ready:
            one = self.running[key]
            if is_log:
                one.log_open = one.log.read()
                one.watch.heard()
            elif (messages := one.worker.receive()) is None:
                ended.add(key)
            else:
                for kind, data in messages:
                    if event := one.hear(kind, data):
                        self.emit(event[0], one.planned.step.id, event[1])
        heard = {key for key, _ in ready}
        ended |= {key for key, one in self.running.items() if key not in heard and one.worker.ended()}
        for key in [key for key in self.running if key in ended]:
            self._ended(key, self.running[key])
        self._tell()
        return bool(ended)

    def _tell(self, *, force: bool = False) -> None:
        """Shows other terminals what is running."""
        now = time.monotonic()
        if force or now - self._told >= TELL_EVERY:
            self._told = now
            self.lock.tell({one.planned.step.id: one.brief() for one in self.running.values()}, run=self.run)

    def _ended(self, key: str, one: Running) -> None:
        one.worker.settle()
        workers.sweep(one.worker)
        code = one.worker.wait()
        one.log.close()
        del self.running[key]
        self.tokens.give(key)
        self.busy += one.seconds
        if code == 0 and "done" in one.told:
            self._finish(key, one)
            return
        clear(self.store, key)
        if self.interrupts:
            self._attempt(one, key, "interrupted")
            self.emit("step-failed", one.planned.step.id, {"code": "LC1204", "message": "interrupted"})
        else:
            self._attempt(one, key, "failed")
            self._failed(key, one, diagnose(one, code))

    def _failed(self, key: str, one: Running, why: Diagnostic) -> None:
        step = one.planned.step.id
        if may_pass(one) and one.attempt <= RETRIES and not self._stopping():
            pause = RETRY_AFTER[one.attempt - 1]
            self.retry_at[key] = time.monotonic() + pause
            told = f"{why.message}; trying again in {pause:.0f} s ({one.attempt} of {RETRIES})"
            self.emit("log", step, {"message": told})
            return
        self._fail(step, key, why)

    def _finish(self, key: str, one: Running) -> None:
        step = one.planned.step
        try:
            record, warning = publish(self.store, one)
        except Unpublished as error:
            clear(self.store, key)
            self._attempt(one, key, "failed")
            self._fail(step.id, key, error.diagnostic, error.exit_code)
            return
        if warning is not None:
            self.outcome.warnings.append(warning)
            self.emit("log", step.id, {"message": warning.message})
        self.store.heads.set(step.id, key)
        self._attempt(one, key, "ok", record)
        shutil.rmtree(self.store.work(key), ignore_errors=True)
        self.outcome.ran += 1
        brief = {name: value for name, value in record.metrics.items() if name != "curve"}
        self.emit("step-finished", step.id, {"seconds": one.seconds, "key": key, "metrics": brief})

    def _attempt(self, one: Running, key: str, status: str, record: StepRecord | None = None) -> None:
        step = one.planned.step
        self.ledger.attempt(
            self.run,
            step=step.id,
            kind=step.kind,
            key=key,
            status=status,
            seconds=one.seconds,
            peak=int(one.told.get("done", {}).get("peak", one.watch.peak)),
            size=step.estimate.size,
            disk=self.store.size(record) if record else 0,
            record=record,
        )

    def _fail(self, step: str, key: str, why: Diagnostic, exit_code: int | None = None) -> None:
        self.failed[key] = step
        self.outcome.status = "failed"
        self.outcome.exit_code = self.outcome.exit_code or exit_code
        named = Diagnostic(why.code, f"`{step}`: {why.message}", notes=why.notes, help=why.help)
        self.outcome.failures.append((step, named))
        self.emit("step-failed", step, {"code": why.code, "message": why.message})

    def _tell_skipped(self, planned: Sequence[PlannedStep]) -> None:
        self.outcome.skipped = blocked(planned, set(self.failed), set(self.failed.values()))
        for step, reason in self.outcome.skipped:
            self.emit("step-skipped", step, {"reason": reason})

    def emit(self, kind: str, step: str | None, data: Mapping[str, Any]) -> None:
        self._emit(Event(kind, step, data, datetime.now(UTC).isoformat(timespec="milliseconds")))

    # --- limits and interrupts -------------------------------------------------------------------------------------

    def _mind_limits(self) -> None:
        for one in self.running.values():
            breach = one.watch.look()
            if breach is not None:
                workers.stop(one.worker)
                grace = limits.GRACE if breach.what == "time" else limits.HUNG_GRACE
                one.kill_at = time.monotonic() + (1.0 if breach.what == "memory" else grace)
            elif one.kill_at is not None and time.monotonic() > one.kill_at:
                workers.kill(one.worker)

    def _mind_interrupts(self) -> None:
        if not self.interrupts:
            return
        if self.outcome.status != "interrupted":
            self.outcome.status, self.outcome.exit_code = "interrupted", self.interrupts.exit_code
            for one in self.running.values():
                workers.stop(one.worker)
                one.kill_at = time.monotonic() + limits.GRACE
        elif self.interrupts.impatient:
            for one in self.running.values():
                workers.kill(one.worker)


def _cannot_start(error: LcspecError | OSError) -> tuple[Diagnostic, int | None]:
    """Why a step could not even start, and the exit code that it asks for."""
    if isinstance(error, LcspecError):
        return error.diagnostics[0], error.exit_code
    help = "free space or repair the disk, then apply again: finished steps are kept"
    return Diagnostic("LC1214", f"its folder cannot be made: {error.strerror}", help=help), None
