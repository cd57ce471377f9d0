"""Runs what the planner says until nothing with a known key is left to run.

The loop holds no plan of its own: after each finished step it asks the planning of the dry run what that has changed.
Steps start in the order of the plan, as far as tokens go; each key is started once, unless its network failed.
"""

import time
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from multiprocessing.connection import wait as wait_for_any
from pathlib import Path
from typing import Any

from lcspec.compile.planner import Planning
from lcspec.diag.model import Diagnostic, LcspecError
from lcspec.ir.plan import PlannedStep
from lcspec.run import logs
from lcspec.run.behind import NOTHING, Behind
from lcspec.run.blocked import blocked
from lcspec.run.diagnosis import RETRIES, diagnose, may_pass
from lcspec.run.ending import Ender
from lcspec.run.interrupts import Interrupts
from lcspec.run.ledger import Ledger
from lcspec.run.lock import StoreLock
from lcspec.run.machine import Need, Tokens, need, this_machine
from lcspec.run.minding import kill_all, mind_limits, stop_all
from lcspec.run.outcome import Emit, Outcome, begin, event, tell_choices
from lcspec.run.publishing import Unpublished
from lcspec.run.ready import Ready
from lcspec.run.running import Running
from lcspec.run.settings import RunSettings
from lcspec.run.starting import Starter, cannot_start
from lcspec.run.store import Store

TICK = 0.2  # seconds between looks at what says nothing
TELL_EVERY = 0.5  # seconds between two writings of what `status` reads
RETRY_AFTER = (2.0, 8.0)  # seconds before the second and the third attempt

Wanted = Callable[[Planning], Iterable[str]]


def _no_trees(planning: Planning) -> Iterable[str]:
    return ()


def execute(
    *,
    store: Store,
    ledger: Ledger,
    planning: Planning,
    emit: Emit,
    jobs: int | None = 1,
    keep_going: bool = False,
    root: Path,
    run: int,
    lock: StoreLock,
    settings: RunSettings | None = None,
    behind: Behind = NOTHING,
    wanted: Wanted = _no_trees,
) -> Outcome:
    """Runs every step whose key is known and whose record is not there; see `Outcome`.

    `jobs` None means as many at a time as fit. `wanted` are the trees that must be here at the end.
    """
    settings = settings or RunSettings()
    tokens = Tokens(this_machine(), settings)
    work = _Execution(planning, emit, tokens, settings, lock, run)
    work.starter = Starter(store, root, run, lock, tokens.machine, settings)
    work.ender = Ender(store, ledger, run)
    work.behind, work.wanted = behind, wanted
    work.jobs, work.keep_going = jobs or settings.run.jobs or tokens.machine.cpus, keep_going
    began = time.monotonic()
    with work.interrupts.watched():
        work.loop(store)
    work.outcome.unpushed = behind.left()
    work.outcome.overhead = max(0.0, time.monotonic() - began - work.busy)
    return work.outcome


class _Execution:
    starter: Starter
    ender: Ender
    behind: Behind
    wanted: Wanted

    def __init__(
        self, planning: Planning, emit: Emit, tokens: Tokens, settings: RunSettings, lock: StoreLock, run: int
    ) -> None:
        self.planning, self._emit, self.tokens, self.settings = planning, emit, tokens, settings
        self.lock, self.run = lock, run
        self.jobs, self.keep_going = 1, False
        self.interrupts = Interrupts()
        self.outcome = Outcome()
        self.ready = Ready(())
        self.running: dict[str, Running] = {}
        self.attempts: dict[str, int] = {}
        self.retry_at: dict[str, float] = {}
        self.failed: dict[str, str] = {}  # key to step
        self.told: set[str] = set()  # choices
        self.busy, self._told = 0.0, 0.0

    # --- the loop --------------------------------------------------------------------------------------------------

    def loop(self, store: Store) -> None:
        planned = self.planning.steps()
        self.outcome.reused = begin(self.planning, self._emit, self.told).reused
        if any(step.action == "run" for step in planned):
            store.sweep()
            logs.trim(store.root)
        self.ready = Ready(planned)
        self.starter.expect(planned)
        self.behind.offer(planned)
        while True:
            self._start_ready()
            if self._at_end():
                break
            self._hear()
            self._hear_behind()
            mind_limits(self.running.values())
            self._mind_interrupts()
        if self.failed:
            self._tell_skipped()

    def _at_end(self) -> bool:
        if self.running or self.retry_at:
            return False
        if self.interrupts:
            self._mind_interrupts()
            return True
        if self.behind.busy():
            return False
        return self._stopping() or self._have("the release", "", self.wanted(self.planning)) or self._stopping()

    def _have(self, step: str, key: str, trees: Iterable[str]) -> bool:
        """Whether trees are here; else they are on their way, or the step has failed for want of them."""
        try:
            return self.behind.ready(trees)
        except LcspecError as error:
            self._fail(step, key, error.diagnostics[0], error.exit_code)
            return False

    def _stopping(self) -> bool:
        return bool(self.interrupts) or (bool(self.outcome.failures) and not self.keep_going)

    def _start_ready(self) -> None:
        if self._stopping():
            self.retry_at.clear()
            return
        for step in self.ready:
            if len(self.running) >= self.jobs or self.tokens.spent():
                return
            key = step.key or ""
            if key in self.running or self.retry_at.get(key, 0.0) > time.monotonic():
                continue
            if key in self.failed:
                self.ready.drop(step)
                continue
            if not self._have(step.step.id, key, (step.inputs or {}).values()):
                if self._stopping():
                    return
                continue
            wanted = need(step, self.tokens.machine, self.settings)
            gpus = self.tokens.take(key, wanted)
            if gpus is not None:
                self.retry_at.pop(key, None)
                self._start(step, wanted, gpus)
                if self._stopping():
                    return

    def _start(self, planned: PlannedStep, wanted: Need, gpus: tuple[str, ...]) -> None:
        key, step = planned.key or "", planned.step
        self.attempts[key] = self.attempts.get(key, 0) + 1
        try:
            self.running[key] = self.starter.start(planned, wanted, gpus, self.attempts[key])
        except (LcspecError, OSError) as error:
            self.tokens.give(key)
            self._fail(step.id, key, *cannot_start(error))
            return
        self.ready.drop(planned)
        self.emit("step-started", step.id, {"kind": step.kind, "reason": planned.reason})
        if short := self.tokens.too_large(wanted):
            self.emit("log", step.id, {"message": f"it asks for {short} that this machine has: it runs alone"})
        self._tell(force=True)
        with suppress(OSError):  # the step that needs it will say so
            self.starter.start_server()

    # --- hearing ---------------------------------------------------------------------------------------------------

    def _hear(self) -> None:
        """Handles what workers say for one tick, and the end of those that have ended."""
        sources: dict[Any, tuple[Running, Callable[[Running], None]]] = {}
        for one in self.running.values():
            if one.leave_by is None:
                sources[one.worker.channel] = (one, self._listen)
            if one.worker.leaving is not None:
                sources[one.worker.leaving] = (one, lambda one: None)
            if one.log_open:
                sources[one.log] = (one, Running.read_log)
        if not sources:
            time.sleep(TICK)
        for ready in wait_for_any(list(sources), timeout=TICK):
            one, take = sources[ready]
            take(one)
        for key, one in [(key, one) for key, one in self.running.items() if one.over()]:
            self._ended(key, one)
        self._tell()

    def _hear_behind(self) -> None:
        """Handles what came from the remote store and what went there."""
        news = self.behind.news()
        for step, message in news.told:
            self.emit("log", step, {"message": message})
        for record in news.adopted:
            self.ender.adopt(record)
        self.outcome.warnings += news.warnings
        if news.plan_anew:
            self.ready = Ready(self.planning.again())
            tell_choices(self.planning, self._emit, self.told)

    def _listen(self, one: Running) -> None:
        messages = one.worker.receive()
        if messages is None:
            one.fell_silent()
        for kind, data in messages or ():
            if event := one.hear(kind, data):
                self.emit(event[0], one.planned.step.id, event[1])

    def _tell(self, *, force: bool = False) -> None:
        """Shows other terminals what is running."""
        now = time.monotonic()
        if force or now - self._told >= TELL_EVERY:
            self._told = now
            self.lock.tell({one.planned.step.id: one.brief() for one in self.running.values()}, run=self.run)

    def _ended(self, key: str, one: Running) -> None:
        code = self.ender.leave(one)
        del self.running[key]
        self.tokens.give(key)
        self.busy += one.seconds
        if code == 0 and "done" in one.told:
            self._finish(key, one)
        elif self.interrupts:
            self.ender.note(one, "interrupted")
            self.emit("step-failed", one.planned.step.id, {"code": "LC1204", "message": "interrupted"})
        else:
            self.ender.note(one, "failed")
            self._failed(key, one, diagnose(one, code))

    def _failed(self, key: str, one: Running, why: Diagnostic) -> None:
        step = one.planned.step.id
        if may_pass(one) and one.attempt <= RETRIES and not self._stopping():
            pause = RETRY_AFTER[one.attempt - 1]
            self.retry_at[key] = time.monotonic() + pause
            self.ready.update([one.planned])
            told = f"{why.message}; trying again in {pause:.0f} s ({one.attempt} of {RETRIES})"
            self.emit("log", step, {"message": told})
            return
        self._fail(step, key, why)

    def _finish(self, key: str, one: Running) -> None:
        step = one.planned.step
        try:
            record, warning = self.ender.publish(one)
        except Unpublished as error:
            self._fail(step.id, key, error.diagnostic, error.exit_code)
            return
        if warning is not None:
            self.outcome.warnings.append(warning)
            self.emit("log", step.id, {"message": warning.message})
        self.outcome.ran += 1
        brief = {name: value for name, value in record.metrics.items() if name != "curve"}
        self.emit("step-finished", step.id, {"seconds": one.seconds, "key": key, "metrics": brief})
        self.behind.take(one.planned, record)
        self.ready.update(self.planning.finished(key, step.id))
        tell_choices(self.planning, self._emit, self.told)

    def _fail(self, step: str, key: str, why: Diagnostic, exit_code: int | None = None) -> None:
        self.failed[key] = step
        self.outcome.status = "failed"
        self.outcome.exit_code = self.outcome.exit_code or exit_code
        named = Diagnostic(why.code, f"`{step}`: {why.message}", notes=why.notes, help=why.help)
        self.outcome.failures.append((step, named))
        self.emit("step-failed", step, {"code": why.code, "message": why.message})

    def _tell_skipped(self) -> None:
        self.outcome.skipped = blocked(self.planning.steps(), set(self.failed), set(self.failed.values()))
        for step, reason in self.outcome.skipped:
            self.emit("step-skipped", step, {"reason": reason})

    def emit(self, kind: str, step: str | None, data: Mapping[str, Any]) -> None:
        self._emit(event(kind, step, data))

    def _mind_interrupts(self) -> None:
        if not self.interrupts:
            return
        if self.outcome.status != "interrupted":
            self.outcome.status, self.outcome.exit_code = "interrupted", self.interrupts.exit_code
            stop_all(self.running.values())
        elif self.interrupts.impatient:
            kill_all(self.running.values())
