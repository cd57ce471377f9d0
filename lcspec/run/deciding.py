"""After the run: which candidate may be released, what its release consists of, and whether that is all there."""

from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

from lcspec.compile.planner import LEFT_OUT, Planning
from lcspec.diag.model import LcspecError
from lcspec.gates.choose import bad
from lcspec.run.applied import Applied, Job
from lcspec.run.behind import NOTHING, Behind
from lcspec.run.ledger import Ledger
from lcspec.run.looks import look_of
from lcspec.run.outcome import Outcome
from lcspec.run.soundness import check
from lcspec.run.store import Store


def release_trees(job: Job, planning: Planning) -> Iterator[str]:
    """What the release that these steps come to is made of: it must be in the store. Found out when asked for."""
    applied = as_planned(job, planning, Outcome())
    if any(planned.action == LEFT_OUT for planned in applied.steps):
        return
    _judge(applied)
    if applied.winner is not None:
        parts, evidence = _contents(job, applied)
        yield from (*parts.values(), *evidence.values())


def as_planned(job: Job, planning: Planning, outcome: Outcome) -> Applied:
    """An apply with the records that are there, in which nothing is decided yet."""
    steps = planning.steps()
    known = job.facts.records
    records = {p.step.id: record for p in steps if p.key and (record := known.get(p.key)) is not None}
    return Applied(outcome, steps, planning.chooser, records)


def decide(
    job: Job, store: Store, planning: Planning, outcome: Outcome, ledger: Ledger, run: int, behind: Behind
) -> Applied:
    """What the run comes to: counts looks at test, judges, and releases what may be released and is whole."""
    applied = as_planned(job, planning, outcome)
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
        _release(job, applied, applied.winner, behind)
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


def _release(job: Job, applied: Applied, winner: str, behind: Behind) -> None:
    """Releases the winner: behind the store, too, but only when all that it consists of is there."""
    if applied.outcome.unpushed is not None:
        applied.why_not = "what it consists of is not in the remote store yet; the next apply pushes it and releases"
        return
    parts, evidence = _contents(job, applied)
    releases = behind.releases(job.store, job.name)
    try:
        made, new = releases.make(
            candidate=applied.chooser.name(winner),
            parts=parts,
            evidence=evidence,
            verdicts=[asdict(verdict) for verdict in applied.verdicts],
            spec_sha256=job.spec_sha256,
            lock_sha256=job.lock.digest(),
            looks=applied.looks,
        )
    except LcspecError as fault:
        if behind is NOTHING:
            raise
        applied.outcome.unpushed = fault.diagnostics[0]
        applied.why_not = "the remote store could not be told of it; the next apply releases"
        return
    releases.shelf.copy(made)
    applied.release, applied.new_release = made, new


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
