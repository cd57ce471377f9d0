"""One apply, from lock to release: take the store's lock, run what the planner says, decide, release, report."""

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from lcspec.compile.facts import Facts
from lcspec.compile.planner import EVERYTHING, LEFT_OUT, Planning
from lcspec.diag.model import Diagnostic
from lcspec.gates.choose import Chooser, bad
from lcspec.ir.plan import Graph, PlannedStep, Selection
from lcspec.ir.record import StepRecord
from lcspec.ir.verdict import Verdict
from lcspec.lock import Lock
from lcspec.run import runs
from lcspec.run.behind import NOTHING, Behind
from lcspec.run.ledger import Ledger
from lcspec.run.lock import StoreLock
from lcspec.run.looks import look_of
from lcspec.run.outcome import Emit, Outcome, begin, event
from lcspec.run.release import Releases
from lcspec.run.settings import RunSettings
from lcspec.run.soundness import check, found
from lcspec.run.store import Records, Store


@dataclass
class Applied:
    """What an apply came to.

    `release` is the manifest when one stands, `verdicts` are those that decided it, `why_not` says why there is none.
    `winner` is the candidate that may be released. `left_out` counts the steps that `--target` or `--exclude` left out:
    then there is no release, and no fault. `read` are the blobs that were looked at before the run.
    """

    outcome: Outcome
    steps: tuple[PlannedStep, ...]
    chooser: Chooser
    records: Mapping[str, StepRecord]
    verdicts: tuple[Verdict, ...] = ()
    release: dict[str, Any] | None = None
    new_release: bool = False
    why_not: str | None = None
    looks: int = 0
    left_out: int = 0
    winner: str | None = None
    read: list[Path] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Job:
    """What is to be applied."""

    name: str
    graph: Graph
    lock: Lock
    facts: Facts
    store: Path
    folder: Path
    spec_sha256: str
    argv: tuple[str, ...] = ()
    selection: Selection = EVERYTHING


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
                wanted=lambda planning: _release_trees(job, planning),
            )
        if job.selection.replace:  # what was to run again and did not stands as it was
            planning = Planning(job.graph, job.lock, job.facts, replace(job.selection, replace=frozenset()))
        outcome.warnings[:0] = warnings
        applied = _decide(job, store, planning, outcome, ledger, run)
        applied.read = read
        for step, key in behind.foreign(applied.steps).items():
            store.heads.set(step, key)
        if not idle:
            ledger.finish_run(run, outcome.status)
            _remember(job, applied, run, began)
        emit(event("run-finished", None, {"run": run, "exit_code": exit_code(applied), **_summary(applied)}))
    return applied


def _sound(job: Job, store: Store, behind: Behind) -> tuple[Job, Planning, list[Diagnostic], list[Path]]:
    """The plan under which a release that stands is what it was stored as: what is damaged of it is made again.

    With it what to warn of, and the blobs that were looked at. What lies behind the store is looked at when it is here.
    """
    warnings: list[Diagnostic] = []
    while True:
        planning = Planning(job.graph, job.lock, job.facts, job.selection)
        seen = check(store, _release_trees(job, planning) if behind is NOTHING else ())
        if not seen.damaged:
            return job, planning, warnings, seen.read
        warnings += map(found, seen.damaged)
        if not all(fault.steps for fault in seen.damaged):
            return job, planning, warnings, seen.read
        job = replace(job, facts=replace(job.facts, records=Records(job.store)))  # those that are left


def _idle(steps: Sequence[PlannedStep], store: Store, behind: Behind) -> bool:
    """Whether nothing is to run, and nothing is reused that another machine made since the last apply."""
    foreign = behind.foreign(steps).items()
    return all(one.action != "run" for one in steps) and foreign <= store.heads.keys_by_step().items()


def _release_trees(job: Job, planning: Planning) -> Iterator[str]:
    """What the release that these steps come to is made of: it must be in the store. Found out when asked for."""
    applied = _as_planned(job, planning, Outcome())
    if any(planned.action == LEFT_OUT for planned in applied.steps):
        return
    _judge(applied)
    if applied.winner is not None:
        parts, evidence = _contents(job, applied)
        yield from (*parts.values(), *evidence.values())


def _as_planned(job: Job, planning: Planning, outcome: Outcome) -> Applied:
    steps = planning.steps()
    records = {p.step.id: job.facts.records[p.key] for p in steps if p.key and p.key in job.facts.records}
    return Applied(outcome, steps, planning.chooser, records)


def _set_aside(store: Store, ledger: Ledger, blob: str) -> list[str]:
    from lcspec.run.repair import set_aside  # with all that verifies a store

    return set_aside(store, ledger, blob)


def _decide(job: Job, store: Store, planning: Planning, outcome: Outcome, ledger: Ledger, run: int) -> Applied:
    applied = _as_planned(job, planning, outcome)
    _count_looks(job, applied, ledger, run)
    if outcome.status != "ok":
        applied.why_not = "the run did not finish"
        return applied
    applied.left_out = sum(planned.action == LEFT_OUT for planned in applied.steps)
    if applied.left_out:
        applied.why_not = f"{applied.left_out} steps were left out by {job.selection.words}"
        return applied
    _judge(applied)
    if applied.winner is not None and _whole(job, store, applied):
        _release(job, applied, applied.winner)
    return applied


def _whole(job: Job, store: Store, applied: Applied) -> bool:
    """Whether every part of the release is what was stored; if not, the run has failed, and the next one makes it."""
    parts, evidence = _contents(job, applied)
    faults = check(store, (*parts.values(), *evidence.values())).damaged
    for fault in faults:
        applied.outcome.status, applied.outcome.exit_code = "failed", fault.exit_code
        applied.outcome.failures.append((fault.steps[0] if fault.steps else "release", fault.diagnostics[0]))
        applied.why_not = fault.diagnostics[0].message
    return not faults


def _judge(applied: Applied) -> None:
    """Says which candidate may be released, or why none may."""
    chooser = applied.chooser
    finalist, chosen = chooser.decision("finalist"), chooser.decision("release")
    if finalist is None or finalist.winner is None:
        applied.verdicts = finalist.verdicts if finalist else ()
        applied.why_not = finalist.why if finalist else "the ladder is undecided"
        return
    if chosen is None or chosen.winner is None:
        applied.verdicts = chooser.verdicts("finalist", "test") or ()
        applied.why_not = chosen.why if chosen else "the finalist is undecided"
        return
    applied.verdicts = (*(chooser.verdicts("release", "test") or ()), *(chooser.serving_verdicts() or ()))
    stopped = [verdict for verdict in applied.verdicts if bad(verdict)]
    if stopped:
        applied.why_not = "; ".join(f"{v.gate}: {v.outcome}, {v.why}" for v in stopped)
        return
    applied.winner = chosen.winner


def _count_looks(job: Job, applied: Applied, ledger: Ledger, run: int) -> None:
    """Counts each candidate's content that was judged on test, once per key: looks wear a test set out."""
    for planned in applied.steps:
        look = look_of(planned.step.id)
        if look is not None and planned.step.id in applied.records:
            ledger.look(run, look.suite, look.candidate, applied.records[planned.step.id].key)
    applied.looks = ledger.looks()


def _contents(job: Job, applied: Applied) -> tuple[dict[str, str], dict[str, str]]:
    """Parts and evidence of the release, name to tree."""
    resolved = {part: _digest(applied, ref) for part, ref in job.graph.release.items()}
    parts = {part: digest for part, digest in resolved.items() if digest is not None}
    evidence = {}
    for suite, splits in job.graph.candidates["release"].scores.items():
        for split, step in splits.items():
            if step in applied.records:
                evidence[f"{suite}.{split}"] = applied.records[step].outputs["rows"]
    return parts, evidence


def _release(job: Job, applied: Applied, winner: str) -> None:
    parts, evidence = _contents(job, applied)
    applied.release, applied.new_release = Releases(job.store, job.name).make(
        candidate=applied.chooser.name(winner),
        parts=parts,
        evidence=evidence,
        verdicts=[asdict(verdict) for verdict in applied.verdicts],
        spec_sha256=job.spec_sha256,
        lock_sha256=job.lock.digest(),
        looks=applied.looks,
    )


def _digest(applied: Applied, ref: Any) -> str | None:
    """The digest that a reference of the release resolves to; None for a slot that the candidate lacks."""
    if hasattr(ref, "choice"):
        decision = applied.chooser.decision(ref.choice)
        if decision is None or decision.winner is None:
            return None
        slot = applied.chooser.graph.candidates[decision.winner].slots.get(ref.slot)
        return None if slot is None else _digest(applied, slot)
    if hasattr(ref, "digest"):
        return str(ref.digest)
    record = applied.records.get(ref.step)
    return record.outputs[ref.name] if record else None


def _remember(job: Job, applied: Applied, run: int, began: float) -> None:
    """Writes down what the run came to, for `runs` and `compare`."""
    decisions = {
        choice: {"name": applied.chooser.name(made.winner) if made.winner else None, "passed": made.passed}
        for choice, made in applied.chooser.decisions().items()
    }
    told = {**_summary(applied), "verdicts": runs.plain_verdicts(applied.verdicts), "decisions": decisions}
    outcome = told.pop("status")
    seconds = round(time.time() - began, 3)
    started = datetime.fromtimestamp(began, UTC).isoformat(timespec="seconds")
    about = {"run": run, "name": job.name, "spec_sha256": job.spec_sha256, "started": started, "seconds": seconds}
    steps = {step: record.key for step, record in applied.records.items()}
    runs.write(
        job.store, {**about, **told, "argv": list(job.argv), "outcome": outcome, "exit_code": exit_code(applied)}, steps
    )


def _summary(applied: Applied) -> dict[str, Any]:
    return {
        "status": applied.outcome.status,
        "ran": applied.outcome.ran,
        "reused": applied.outcome.reused,
        "release": applied.release["number"] if applied.release else None,
        "new_release": applied.new_release,
        "why_not": applied.why_not,
        "left_out": applied.left_out,
        "verdicts": [asdict(verdict) for verdict in applied.verdicts],
    }


def exit_code(applied: Applied) -> int:
    """0 released, or a part was asked for and is done; 3 a gate, 4 a step, 7 a store; 129, 130, 143 interrupted."""
    if applied.outcome.status == "interrupted":
        return applied.outcome.exit_code or 130
    if applied.outcome.status == "failed":
        return applied.outcome.exit_code or 4
    if applied.release is None and not applied.left_out:
        return 3
    return 7 if applied.outcome.unpushed else 0
