"""One apply, from lock to release: take the store's lock, run what the planner says, decide, release, report."""

import time
from collections.abc import Sequence
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from lcspec.compile.planner import Planning
from lcspec.diag.model import Diagnostic
from lcspec.ir.plan import PlannedStep
from lcspec.run import runs
from lcspec.run.applied import Applied, Job, exit_code, summary
from lcspec.run.behind import NOTHING, Behind
from lcspec.run.deciding import decide, release_trees
from lcspec.run.ledger import Ledger
from lcspec.run.lock import StoreLock
from lcspec.run.outcome import Emit, begin, event
from lcspec.run.settings import CodeTable, RunSettings
from lcspec.run.soundness import check, found
from lcspec.run.store import Records, Store


def apply_graph(
    job: Job,
    emit: Emit,
    *,
    wait: float | None = None,
    jobs: int | None = None,
    keep_going: bool = False,
    settings: RunSettings | None = None,
    behind: Behind = NOTHING,
) -> Applied:
    """Runs the graph of `job` to its end and decides. The facts of `job` are those that `behind` knows of, too.

    Raises:
        LcspecError: the store is busy or damaged.
    """
    store = Store.open(job.store)
    with StoreLock.acquire(job.store, wait=wait) as lock, closing(Ledger.open(job.store)) as ledger:
        store.blobs.aside = lambda digest: _set_aside(store, ledger, digest)
        behind.attach(store)
        job, planning, warnings, read = _sound(job, store, behind)
        idle = _idle(planning.steps(), store, behind)
        if settings is not None and settings.code.confine != CodeTable().confine:
            from lcspec.run.confining import demand_sandbox  # with all that starts one

            demand_sandbox(planning.steps(), settings, job.folder)
        # An apply with nothing to do leaves no trace: it can be told again without running (see replay.py).
        run = 0 if idle else ledger.start_run(job.name, job.spec_sha256, list(job.argv))
        began = time.time()
        if idle and behind is NOTHING:
            outcome = begin(planning, emit)
        else:
            from lcspec.run.scheduler import execute  # with all that processes need

            outcome = execute(
                store=store,
                ledger=ledger,
                planning=planning,
                emit=emit,
                jobs=jobs,
                keep_going=keep_going,
                root=job.folder,
                run=run,
                lock=lock,
                settings=settings,
                behind=behind,
                wanted=lambda planning: release_trees(job, planning),
            )
        if job.selection.replace:  # what was to run again and did not stands as it was
            planning = Planning(job.graph, job.lock, job.facts, replace(job.selection, replace=frozenset()))
        outcome.warnings[:0] = warnings
        applied = decide(job, store, planning, outcome, ledger, run, behind)
        applied.read = read
        for step, key in behind.foreign(applied.steps).items():
            store.heads.set(step, key)
        if not idle:
            ledger.finish_run(run, outcome.status)
            _remember(job, applied, run, began)
        emit(event("run-finished", None, {"run": run, "exit_code": exit_code(applied), **summary(applied)}))
    return applied


def _sound(job: Job, store: Store, behind: Behind) -> tuple[Job, Planning, list[Diagnostic], list[Path]]:
    """The plan under which a release that stands is what it was stored as: what is damaged of it is made again.

    With it what to warn of, and the blobs that were looked at. What lies behind the store is looked at when it is here.
    """
    warnings: list[Diagnostic] = []
    while True:
        planning = Planning(job.graph, job.lock, job.facts, job.selection)
        seen = check(store, release_trees(job, planning) if behind is NOTHING else ())
        if not seen.damaged:
            return job, planning, warnings, seen.read
        warnings += map(found, seen.damaged)
        if not all(fault.steps for fault in seen.damaged):
            return job, planning, warnings, seen.read
        job = replace(job, facts=replace(job.facts, records=Records(job.store)))  # those that are left


def _idle(steps: Sequence[PlannedStep], store: Store, behind: Behind) -> bool:
    """Whether nothing is to run, and nothing is reused that another machine made since the last apply."""
    if any(one.action == "run" for one in steps):
        return False
    foreign = behind.foreign(steps).items()
    return not foreign or foreign <= store.heads.keys_by_step().items()


def _set_aside(store: Store, ledger: Ledger, blob: str) -> list[str]:
    from lcspec.run.repair import set_aside  # with all that verifies a store

    return set_aside(store, ledger, blob)


def _remember(job: Job, applied: Applied, run: int, began: float) -> None:
    """Writes down what the run came to, for `runs` and `compare`."""
    decisions = {
        choice: {"name": applied.chooser.name(made.winner) if made.winner else None, "passed": made.passed}
        for choice, made in applied.chooser.decisions().items()
    }
    told = {**summary(applied), "verdicts": runs.plain_verdicts(applied.verdicts), "decisions": decisions}
    outcome = told.pop("status")
    seconds = round(time.time() - began, 3)
    started = datetime.fromtimestamp(began, UTC).isoformat(timespec="seconds")
    about = {"run": run, "name": job.name, "spec_sha256": job.spec_sha256, "started": started, "seconds": seconds}
    steps = {step: record.key for step, record in applied.records.items()}
    runs.write(
        job.store, {**about, **told, "argv": list(job.argv), "outcome": outcome, "exit_code": exit_code(applied)}, steps
    )
