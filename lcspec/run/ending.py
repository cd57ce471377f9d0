"""Ending a step: its process is gone, what it made is published, what it came to is written down."""

import shutil

from lcspec.diag.model import Diagnostic
from lcspec.ir.record import StepRecord
from lcspec.run import worker as workers
from lcspec.run.ledger import Ledger
from lcspec.run.publishing import Unpublished, publish
from lcspec.run.rebuild import adopted_entry
from lcspec.run.running import Running
from lcspec.run.store import Store
from lcspec.run.workspace import clear


class Ender:
    """Ends the steps of one run."""

    def __init__(self, store: Store, ledger: Ledger, run: int) -> None:
        self._store, self._ledger, self._run = store, ledger, run

    def leave(self, one: Running) -> int:
        """The exit code of a step that is over; nothing that it started outlives it."""
        workers.sweep(one.worker)
        code = one.worker.wait()
        one.log.close()
        return code

    def note(self, one: Running, status: str) -> None:
        """Writes down an attempt that came to nothing. What it was given and wrote goes, its checkpoint stays."""
        clear(self._store, one.planned.key or "")
        self._enter(one, status)

    def publish(self, one: Running) -> tuple[StepRecord, Diagnostic | None]:
        """The record that stands, and a warning where its outputs are not those that the step made.

        Raises:
            Unpublished: see `publish`; the attempt is written down as failed.
        """
        key = one.planned.key or ""
        try:
            record, warning = publish(self._store, one)
        except Unpublished:
            self.note(one, "failed")
            raise
        self._store.heads.set(one.planned.step.id, key)
        self._enter(one, "ok", record)
        shutil.rmtree(self._store.work(key), ignore_errors=True)
        return record, warning

    def adopt(self, record: StepRecord) -> None:
        """Writes down a record that came from another machine."""
        self._store.heads.set(record.step, record.key)
        self._ledger.append("adopted", {"records": [adopted_entry(self._store, record)]})

    def _enter(self, one: Running, status: str, record: StepRecord | None = None) -> None:
        step = one.planned.step
        self._ledger.attempt(
            self._run,
            step=step.id,
            kind=step.kind,
            key=one.planned.key or "",
            status=status,
            seconds=one.seconds,
            peak=int(one.told.get("done", {}).get("peak", one.watch.peak)),
            size=step.estimate.size,
            disk=self._store.size(record) if record else 0,
            record=record,
        )
