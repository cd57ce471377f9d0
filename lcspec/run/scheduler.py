"""Runs what the planner says, again and again, until nothing with a known key is left to run.

The loop holds no plan of its own: after each finished step it plans anew, with the function of the dry run.
"""

import os
import shutil
import signal
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from multiprocessing.connection import wait as wait_for_any
from pathlib import Path
from types import FrameType
from typing import Any

from lcspec.diag.model import Diagnostic, LcspecError
from lcspec.ir.plan import PlannedStep
from lcspec.ir.record import Event, StepRecord
from lcspec.run import worker as workers
from lcspec.run.io import Job
from lcspec.run.ledger import Ledger
from lcspec.run.lock import StoreLock
from lcspec.run.store import NonDeterminism, Store, unwritable
from lcspec.run.store.layout import Snapshot, snapshot

GRACE = 30.0  # seconds that an interrupted step has for its checkpoint
TICK = 0.2


@dataclass
class Outcome:
    """What a run came to: `status` is ok, failed or interrupted; `overhead` are seconds that no step was at work."""

    status: str = "ok"
    failures: list[tuple[str, Diagnostic]] = field(default_factory=list)
    warnings: list[Diagnostic] = field(default_factory=list)
    ran: int = 0
    reused: int = 0
    overhead: float = 0.0
    exit_code: int | None = None


@dataclass
class _Running:
    planned: PlannedStep
    worker: workers.Worker
    started: float
    log: Path
    inputs: Snapshot
    messages: dict[str, Any] = field(default_factory=lambda: {"metrics": {}, "measured": {}, "warnings": []})


def execute(
    *,
    store: Store,
    ledger: Ledger,
    replan: Callable[[], Sequence[PlannedStep]],
    emit: Callable[[Event], None],
    jobs: int = 1,
    keep_going: bool = False,
    root: Path,
    run: int,
    lock: StoreLock,
) -> Outcome:
    """Runs every step whose key is known and whose record is not there; see `Outcome`."""
    work = _Execution(store, ledger, emit, jobs, keep_going, root, run, lock)
    began = time.monotonic()
    with work.signals():
        work.loop(replan)
    work.outcome.overhead = max(0.0, time.monotonic() - began - work.busy)
    return work.outcome


class _Execution:
    def __init__(
        self,
        store: Store,
        ledger: Ledger,
        emit: Callable[[Event], None],
        jobs: int,
        keep_going: bool,
        root: Path,
        run: int,
        lock: StoreLock,
    ) -> None:
        self.store, self.ledger, self._emit, self.jobs, self.keep_going = store, ledger, emit, jobs, keep_going
        self.root, self.run, self.lock = root, run, lock
        self.outcome = Outcome()
        self.running: dict[str, _Running] = {}
        self.failed: set[str] = set()
        self.interrupts: list[int] = []
        self.server = False
        self.busy = 0.0

    # --- the loop --------------------------------------------------------------------------------------------------

    def loop(self, replan: Callable[[], Sequence[PlannedStep]]) -> None:
        planned = replan()
        self.outcome.reused = sum(step.action == "reuse" for step in planned)
        todo = sum(step.action != "reuse" and step.action != "skip" for step in planned)
        self.emit("run-started", None, {"steps": len(planned), "reused": self.outcome.reused, "todo": todo})
        if any(step.action == "run" for step in planned):
            self.store.sweep()
        while True:
            self._start_ready(planned)
            if not self.running:
                return
            if self._hear():
                planned = replan()

    def _start_ready(self, planned: Sequence[PlannedStep]) -> None:
        if self.interrupts or (self.outcome.failures and not self.keep_going):
            return
        for step in planned:
            if len(self.running) >= self.jobs:
                return
            if step.action == "run" and step.key and step.key not in self.running and step.key not in self.failed:
                self._start(step, planned)

    def _start(self, planned: PlannedStep, whole: Sequence[PlannedStep]) -> None:
        key, step = planned.key or "", planned.step
        if not self.server and not step.resources.network:
            self._start_server(whole)
        try:
            job = self._job(planned)
        except LcspecError as error:
            self._fail(step.id, key, error.diagnostics[0])
            self.outcome.exit_code = error.exit_code
            return
        self.lock.tell(step.id)
        self.emit("step-started", step.id, {"kind": step.kind, "reason": planned.reason})
        started, inputs = time.monotonic(), snapshot(self.store.work(key) / "in")
        worker = workers.start(job, network=step.resources.network, lock=self.lock.descriptor)
        self.running[key] = _Running(planned, worker, started, Path(job.log), inputs)
        if step.resources.network and not self.server:
            self._start_server(whole)  # imports while this step waits for the network

    def _start_server(self, whole: Sequence[PlannedStep]) -> None:
        ml = any(step.step.libraries for step in whole if step.action in ("run", "conditional", "reuse-if-unchanged"))
        workers.start_server(ml=ml)
        self.server = True

    def _job(self, planned: PlannedStep) -> Job:
        """Lays the step's folder out: inputs as links, an empty place for outputs, a log."""
        step, folder = planned.step, self.store.work(planned.key or "")
        for name in ("in", "out"):
            shutil.rmtree(folder / name, ignore_errors=True)
        inputs = {}
        for name, digest in (planned.inputs or {}).items():
            inputs[name] = str(folder / "in" / name)
            self.store.materialize(digest, Path(inputs[name]))
        (folder / "out").mkdir(parents=True)
        log = self.store.root / "logs" / f"{slug(step.id)}.log"
        threads = max(1, (os.cpu_count() or 1) // min(self.jobs, os.cpu_count() or 1))
        return Job(
            step=step.id,
            kind=step.kind,
            action=step.action,
            params=dict(step.params),
            inputs=inputs,
            libraries=list(step.libraries),
            outputs=str(folder / "out"),
            seed=step.seed or 0,
            threads=threads,
            root=str(self.root),
            cache=str(self.store.root / "cache" / "downloads"),
            checkpoint=str(folder / "checkpoint"),
            log=str(log),
            settings=dict(step.settings),
        )

    # --- hearing ---------------------------------------------------------------------------------------------------

    def _hear(self) -> bool:
        """Handles what workers say for one tick; whether a step ended."""
        ended = False
        channels: dict[Any, str] = {one.worker.channel: key for key, one in self.running.items()}
        for channel in wait_for_any(list(channels), timeout=TICK):
            key = channels[channel]
            one = self.running[key]
            message = one.worker.receive()
            if message is None:
                self._ended(key, one)
                ended = True
            else:
                self._message(one, *message)
        self._mind_interrupts()
        return ended

    def _message(self, one: _Running, kind: str, data: Any) -> None:
        step = one.planned.step.id
        if kind == "metric":
            one.messages["metrics"][data["name"]] = data["value"]
        elif kind == "measure":
            one.messages["measured"][data["name"]] = data["value"]
        elif kind == "progress":
            self.emit("progress", step, data)
        elif kind == "warn":
            one.messages["warnings"].append(data["message"])
            self.emit("log", step, data)
        else:
            one.messages[kind] = data

    def _ended(self, key: str, one: _Running) -> None:
        code = one.worker.wait()
        seconds = time.monotonic() - one.started
        self.busy += seconds
        del self.running[key]
        step = one.planned.step
        if code == 0 and "done" in one.messages:
            self._publish(key, one, seconds)
            return
        status = "interrupted" if self.interrupts else "failed"
        self._attempt(one, key, status, seconds)
        if self.interrupts:
            self.emit("step-failed", step.id, {"code": "LC1204", "message": "interrupted", "seconds": seconds})
            return
        self._fail(step.id, key, _diagnosis(one, code))

    def _publish(self, key: str, one: _Running, seconds: float) -> None:
        step, told = one.planned.step, one.messages
        folder = self.store.work(key)
        record = StepRecord(
            key=key,
            step=step.id,
            kind=f"{step.kind}/{step.action}",
            parts=one.planned.parts or {},
            outputs={},
            metrics=told["metrics"],
            measured={
                **told["measured"],
                "seconds": round(seconds, 3),
                "work_seconds": round(told["done"]["seconds"], 3),
                "peak_rss_bytes": told["done"]["peak"],
            },
            versions=told["done"]["versions"],
            warnings=tuple(told["warnings"]),
            finished=datetime.now(UTC).isoformat(timespec="seconds"),
        )
        if wrong := self.store.written_inputs(one.inputs, folder / "in", one.planned.inputs or {}):
            message = f"it wrote into its input: {', '.join(f'`{name}`' for name in wrong[:5])}"
            help = "a kind writes to its outputs, its checkpoint folder and its cache only"
            self._attempt(one, key, "failed", seconds)
            self._fail(step.id, key, Diagnostic("LC1121", message, help=help))
            return
        outputs = {path.name: path for path in sorted((folder / "out").iterdir()) if path.is_dir()}
        try:
            record = self.store.publish(record, outputs)
        except NonDeterminism as other:
            record = other.record
            if not step.measured:
                self.outcome.warnings.append(other.diagnostic())
                self.emit("log", step.id, {"message": other.diagnostic().message})
        except ValueError as error:
            help = "a kind writes plain files and folders to its outputs"
            self._attempt(one, key, "failed", seconds)
            self._fail(step.id, key, Diagnostic("LC1202", f"its outputs cannot be stored: {error}", help=help))
            return
        except OSError as error:
            fault = unwritable(self.store.root, error)
            self._attempt(one, key, "failed", seconds)
            self._fail(step.id, key, fault.diagnostics[0])
            self.outcome.exit_code = fault.exit_code
            return
        self.store.heads.set(step.id, key)
        self._attempt(one, key, "ok", seconds, self.store.size(record))
        shutil.rmtree(folder, ignore_errors=True)
        self.outcome.ran += 1
        brief = {name: value for name, value in record.metrics.items() if name != "curve"}
        self.emit("step-finished", step.id, {"seconds": seconds, "key": key, "metrics": brief})

    def _attempt(self, one: _Running, key: str, status: str, seconds: float, disk: int = 0) -> None:
        step = one.planned.step
        self.ledger.attempt(
            self.run,
            step=step.id,
            kind=step.kind,
            key=key,
            status=status,
            seconds=seconds,
            peak=int(one.messages.get("done", {}).get("peak", 0)),
            size=step.estimate.size,
            disk=disk,
        )

    def _fail(self, step: str, key: str, diagnostic: Diagnostic) -> None:
        self.failed.add(key)
        self.outcome.status = "failed"
        named = Diagnostic(
            diagnostic.code, f"`{step}`: {diagnostic.message}", notes=diagnostic.notes, help=diagnostic.help
        )
        self.outcome.failures.append((step, named))
        self.emit("step-failed", step, {"code": diagnostic.code, "message": diagnostic.message})

    def emit(self, kind: str, step: str | None, data: Any) -> None:
        self._emit(Event(kind, step, data, datetime.now(UTC).isoformat(timespec="milliseconds")))

    # --- interrupts ------------------------------------------------------------------------------------------------

    @contextmanager
    def signals(self) -> Iterator[None]:
        """The first signal lets running steps end, the second kills them."""

        def note(number: int, frame: FrameType | None) -> None:
            self.interrupts.append(number)

        before = {number: signal.signal(number, note) for number in (signal.SIGINT, signal.SIGTERM)}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def _mind_interrupts(self) -> None:
        if not self.interrupts:
            return
        if self.outcome.status != "interrupted":
            self.outcome.status = "interrupted"
            self.outcome.exit_code = 128 + self.interrupts[0]
            self._deadline = time.monotonic() + GRACE
            for one in self.running.values():
                workers.end(one.worker, kill=False)
        elif len(self.interrupts) > 1 or time.monotonic() > self._deadline:
            for one in self.running.values():
                workers.end(one.worker, kill=True)


def _diagnosis(one: _Running, code: int) -> Diagnostic:
    """Why a step ended without finishing."""
    if "failed" in one.messages:
        told = one.messages["failed"]["diagnostics"][0]
        return Diagnostic(told["code"], told["message"], notes=tuple(told["notes"]), help=told["help"])
    if code == -signal.SIGKILL:
        help = "give it more memory, or a smaller batch; the log may say more: " + str(one.log)
        return Diagnostic("LC1203", "the step was killed, probably because memory ran out", help=help)
    name = signal.Signals(-code).name if code < 0 else f"exit code {code}"
    return Diagnostic("LC1203", f"the step ended by {name} without a word", help=f"see its log: {one.log}")


def slug(step: str) -> str:
    """A file name for a step id."""
    return "".join(char if char.isalnum() or char in "-_." else "-" for char in step)
