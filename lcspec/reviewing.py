"""`lcspec diff` as functions: the base from git or from a file, both sides compiled, the review and its JSON."""

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from lcspec.api import Loaded, gather_facts, load, load_text, lower_loaded
from lcspec.compile.check import Reporter
from lcspec.compile.compose import Settings
from lcspec.compile.facts import Facts
from lcspec.compile.moves import Moves
from lcspec.compile.planner import plan_steps
from lcspec.compile.totals import Totals, totals
from lcspec.diag.model import Diagnostic, LcspecError
from lcspec.gitbase import CODE, at_revision
from lcspec.ir.document import Path as DocPath
from lcspec.ir.plan import Plan
from lcspec.ir.source import SourceFile
from lcspec.local import files_of
from lcspec.lock import Lock
from lcspec.project import FileDigests, Project, read_source
from lcspec.review.changes import changes, pin_changes
from lcspec.review.effects import effects, stale, turns
from lcspec.review.model import CHANGED, DEPENDS, FOLLOWS, NEW, RERUN, Change, Effect, Review, Side
from lcspec.review.risks import notes
from lcspec.showing import resolved

STEPS = {NEW: "run", RERUN: "run", FOLLOWS: "reuse-if-unchanged", DEPENDS: "conditional"}


@contextmanager
def base_of(base: str, head: Path, settings: Settings) -> Iterator[Loaded]:
    """The base spec: the file `base` where there is one, else `head` as it was at the revision `base`.

    Raises:
        LcspecError: it is neither, the spec was not there (exit 2), or it cannot be read.
    """
    if Path(base).is_file():
        yield load(Path(base), settings)
        return
    project = Project(head)
    inside = project.spec.resolve().relative_to(project.root.resolve())
    with at_revision(project.root, base) as folder:
        there = Project(folder / inside)
        linked = there.spec.is_symlink() and there.spec.readlink().is_absolute()  # from the working tree: untracked
        if linked or not there.spec.is_file():
            message, help = f"`{head}` is not in `{base}`", "a spec that is new has no base; name another revision"
            raise LcspecError([Diagnostic(CODE, message, help=help)], 2)

        def read(path: Path) -> SourceFile:
            return replace(read_source(path), path=f"{base}:{os.path.relpath(path, folder)}")

        yield load_text(there, read(there.spec), settings, read=read)


def review(base: Loaded, head: Loaded, name: str, facts: Facts | None = None) -> Review:
    """The review of `base` → `head`, both without errors; `name` is what the base is called.

    A side without a lock is read with the pins of the other. The store of the head says what is there already, and what
    its evidence decides on both sides.

    Raises:
        LcspecError: one of both has errors.
    """
    facts = facts or gather_facts(head)
    if base.lock is None or head.lock is None:  # nothing is known to be pinned otherwise
        base, head = (replace(side, lock=base.lock or head.lock) for side in (base, head))
    before = replace(gather_facts(base), records=facts.records, heads=facts.heads, champion=facts.champion)
    one, other = _side(name, base, before), _side(head.source.path, head, facts)
    former = Moves(other.spec.moved).former
    found = effects(one, other, former)
    return Review(
        base=one,
        head=other,
        changes=(*changes(one.tree, other.tree, other.spec.moved), *_file_changes(one.files, other.files)),
        pins=pin_changes(one.lock, other.lock),
        effects=found,
        stale=stale(one, found, former),
        turns=turns(one, other),
    )


def _side(name: str, loaded: Loaded, facts: Facts) -> Side:
    graph, _ = lower_loaded(loaded, facts)
    assert loaded.spec is not None  # noqa: S101 - lower_loaded raised otherwise
    assert loaded.root is not None  # noqa: S101
    steps, chooser = plan_steps(graph, loaded.lock, facts)
    plan = Plan(
        loaded.spec.name, loaded.digest, None, graph, steps, chooser.decisions(), hourly_price=facts.hourly_price
    )
    return Side(name, loaded.root, loaded.spec, resolved(loaded), loaded.lock or Lock(), plan, _files(loaded))


def _files(loaded: Loaded) -> Mapping[DocPath, str]:
    """The local files that entries of the spec name, with their digests, by where the entry stands."""
    assert loaded.spec is not None  # noqa: S101 - only sound specs come here
    digests = FileDigests(loaded.project)
    entries = [entry for family in loaded.spec.sections.values() for entry in family.values()]
    named = [(entry, name) for entry in entries if not getattr(entry.body, "from_", None) for name in files_of(entry)]
    known = {(*entry.path, "content", name): digests.get(name) for entry, name in named}
    return {path: digest for path, digest in known.items() if digest is not None}


def _file_changes(base: Mapping[DocPath, str], head: Mapping[DocPath, str]) -> tuple[Change, ...]:
    """Files of the same name with another content."""
    both = [path for path in head if path in base and base[path] != head[path]]
    return tuple(Change(CHANGED, path, base[path], head[path]) for path in both)


def takes(made: Review) -> Totals:
    """What the steps that change take, as one apply of the head would: those that are in the store take nothing."""
    state = {one.step: one for one in made.effects}
    steps = [
        replace(one, action=STEPS[state[one.step.id].state])
        for one in made.head.plan.steps
        if one.action not in ("reuse", "skip") and state[one.step.id].state in STEPS
    ]
    return totals(replace(made.head.plan, steps=tuple(steps)))


def risks(made: Review) -> list[Diagnostic]:
    """What got riskier, as warnings at the line of the head that says so."""
    report = Reporter(made.head.root)
    notes(made, report)
    return report.found


def to_json(made: Review, sources: Mapping[str, SourceFile]) -> dict[str, Any]:
    """The review as plain data: schema `schemas/diff/v1.json`."""
    from lcspec.diag.render_json import to_json as diagnostics

    def change(one: Change) -> dict[str, Any]:
        place = None
        if one.span is not None and one.span.file in sources:
            at = sources[one.span.file].position(one.span.start)
            place = {"file": one.span.file, "line": at.line, "column": at.column}
        return {"kind": one.kind, "path": list(one.path), "old": one.old, "new": one.new, "place": place}

    def effect(one: Effect) -> dict[str, Any]:
        moved = [{"field": field, "old": old, "new": new} for field, old, new in one.moved]
        return {"step": one.step, "state": one.state, "moved": moved, "here": one.here}

    summed = takes(made)
    return {
        "format_version": 1,
        "base": made.base.name,
        "head": made.head.name,
        "equal": made.empty,
        "changes": [change(one) for one in made.changes],
        "pins": [change(one) for one in made.pins],
        "effects": [effect(one) for one in made.effects if one.state != "same"],
        "unchanged": len(made.of_state("same")),
        "stale": [{"suite": suite, "candidate": candidate} for suite, candidate in made.stale],
        "turns": [
            {
                "choice": one.choice,
                "old": {"winner": one.old, "passed": one.old_passed},
                "new": {"winner": one.new, "passed": one.new_passed},
                "why": one.why,
            }
            for one in made.turns
        ],
        "time": [summed.time.low, summed.time.high],
        "disk": [summed.disk.low, summed.disk.high],
        "cost": None if summed.cost is None else [summed.cost.low, summed.cost.high],
        "risks": diagnostics(risks(made), sources)["diagnostics"],
    }
