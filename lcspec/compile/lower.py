"""`Spec` to `Graph`: entries become steps, the ladder becomes candidates and choices. Pure; the lock and facts come in.

The order of the passes is the order of the lifecycle: rungs, finalist, optimised variants, release, deployment.
"""

from collections.abc import Mapping
from dataclasses import replace
from itertools import product

from lcspec.compile.facts import Facts
from lcspec.compile.ladders import AXES, candidate_id, effective_ladder, generators
from lcspec.compile.lowering import Lowering
from lcspec.compile.moves import moved_models
from lcspec.compile.sizes import with_model_sizes
from lcspec.ir.plan import Candidate, Choice, Chosen, Condition, Gate, Graph, Output, Ref, Step
from lcspec.ir.spec import Bound, Rung, Spec
from lcspec.kinds import registry
from lcspec.kinds.api import Evidence, Lowered, Subject
from lcspec.lock import Lock
from lcspec.manifest import SLOTS

VALIDATION, TEST = "validation", "test"
EXPORTED = ("service", "export")  # slots of targets that are part of a release


def lower(spec: Spec, lock: Lock, facts: Facts) -> tuple[Graph, dict[str, tuple[Bound, tuple[str, ...]]]]:
    """The graph of `spec`, and the sources it needs: entry id to (source, members), for the lock."""
    work = Lowering(spec, lock, facts)
    _lower_ladder(work)
    _lower_finalist(work)
    _lower_variants(work)
    _lower_deployment(work)
    graph = Graph(
        steps=_shared_conditions(work.steps),
        candidates=work.candidates,
        choices=tuple(work.choices),
        gates=tuple(work.gates),
        select_by=work.select_by,
        comparisons=work.comparisons,
        contract=work.contract,
        release=work.release,
    )
    locked = moved_models(lock.models, spec.moved)
    known = {name: facts.models.get(name) or locked.get(name, {}) for name in spec.entries("model")}
    return with_model_sizes(graph, known), work.requests


def lower_entry(spec: Spec, lock: Lock, facts: Facts, family: str, name: str) -> dict[str, Step]:
    """The steps of one entry of data, models or prompts and of all that it needs, on a rung or not, by id."""
    work = Lowering(spec, lock, facts)
    work.slots(family, name)
    return work.steps


# --- rungs -----------------------------------------------------------------------------------------------------------


def _lower_ladder(work: Lowering) -> None:
    rungs = effective_ladder(work.spec)
    on_rungs = {name for rung in rungs for name in rung.augmentation}
    ambient = tuple(name for name in work.spec.entries("augment") if name not in on_rungs)
    below: str | None = None
    for number, rung in enumerate(rungs, 1):
        fails = tuple(("rung-fails", f"rung-{lower_}") for lower_ in range(1, number))
        condition = Condition(fails)
        made = [
            work.candidate(c, (VALIDATION,), condition) for c in _rung_candidates(work, rung, below, ambient, condition)
        ]
        for gate, candidate in product(work.gates, made):
            if gate.not_worse_than == "base" and number > 1:
                _compare_to_base(work, gate, candidate, VALIDATION, condition)
            elif gate.not_worse_than == "champion":
                work.compare(gate, candidate, None, VALIDATION, condition)
        below = f"rung-{number}"
        work.choices.append(Choice(below, "rung", tuple(candidate.id for candidate in made)))


def _compare_to_base(work: Lowering, gate: Gate, candidate: Candidate, split: str, condition: Condition) -> None:
    """Adds the comparison with the winner of rung 1; on test, that winner is measured for it."""
    base = work.candidates.get("base") or Candidate("base", {}, _inherited("rung-1"), inherits="rung-1")
    if split == TEST and f"scored.{gate.suite}.{split}" not in base.slots:
        base = work.candidate(base, (split,), Condition((("exists", "rung-1"), *condition.all)))
    work.compare(gate, candidate, base, split, condition)


def _inherited(choice: str) -> dict[str, Ref]:
    return {slot: Chosen(choice, slot) for slot in ("base", "model", "prompt", "index", "embedder", "guardrails")}


def _rung_candidates(
    work: Lowering, rung: Rung, below: str | None, ambient: tuple[str, ...], condition: Condition
) -> list[Candidate]:
    spec = work.spec
    first = below is None
    models = rung.models or (generators(spec) if first else ("",))
    prompts = rung.prompts or (tuple(spec.entries("prompt")) if first else ("",))
    made: list[Candidate] = []
    for model, prompt, tuning, augmentation in product(
        models, prompts, rung.tuning or ("",), rung.augmentation or ("",)
    ):
        parts = dict(zip(AXES, (model, prompt, tuning, augmentation), strict=True))
        slots: dict[str, Ref] = {} if below is None else dict(_inherited(below))
        if model:
            slots["base"] = slots["model"] = work.slots("model", model)["model"]
        if prompt:
            slots["prompt"] = work.slots("prompt", prompt)["prompt"]
        for name in (*(ambient if first else ()), *((augmentation,) if augmentation else ())):
            slots.update(work.slots("augment", name))
        id = candidate_id(parts, below)
        if tuning:
            stem = candidate_id({**parts, "tuning": ""}, below)
            slots["model"] = _tuned(work, tuning, stem, slots, condition)["model"]
        made.append(Candidate(id, parts, slots, inherits=below, cost=len(work.candidates) + len(made)))
    return made


def _tuned(work: Lowering, name: str, stem: str, slots: Mapping[str, Ref], condition: Condition) -> Mapping[str, Ref]:
    """The slots after the recipe `name`, and the recipes it comes `after`, on the untuned weights of `slots`."""
    entry = work.spec.find("tuning", name)
    start = dict(slots)
    if entry.body.after:
        start["model"] = _tuned(work, entry.body.after, stem, slots, condition)["model"]
    else:
        start["model"] = slots["base"]
    subject = Subject(f"{stem}/{name}", start, condition)
    return work.add(registry.load("tuning", entry.kind).lower(work, entry, subject), condition)


# --- after the ladder ------------------------------------------------------------------------------------------------


def _lower_finalist(work: Lowering) -> None:
    """The winner of the first rung that passes, judged once on test."""
    rungs = tuple(choice.id for choice in work.choices)
    work.choices.append(Choice("finalist", "finalist", rungs))
    condition = Condition((("exists", "finalist"),))
    finalist = Candidate("finalist", {}, _inherited("finalist"), inherits="finalist")
    finalist = work.candidate(finalist, (TEST,), condition)
    _compare_on_test(work, finalist, condition)


def _compare_on_test(work: Lowering, candidate: Candidate, condition: Condition) -> None:
    for gate in work.gates:
        if gate.not_worse_than == "base":
            _compare_to_base(work, gate, candidate, TEST, condition)
        elif gate.not_worse_than == "champion":
            work.compare(gate, candidate, None, TEST, condition)


def _lower_variants(work: Lowering) -> None:
    """Every optimised form of the finalist, measured and gated again on validation; the chosen one on test."""
    passed = Condition((("exists", "finalist"), ("passes", "finalist")))
    finalist = work.candidates["finalist"]
    ids = ["finalist"]
    for name, entry in work.spec.entries("optimize").items():
        subject = Subject(f"finalist/{name}", finalist.slots, passed)
        model = work.add(registry.load("optimize", entry.kind).lower(work, entry, subject), passed)["model"]
        variant = Candidate(subject.id, {"optimize": name}, {**finalist.slots, "model": model}, inherits="finalist")
        variant = work.candidate(replace(variant, cost=len(ids)), (VALIDATION,), passed)
        gate = _drop_gate(work, name, entry, variant.id)
        work.gates.append(gate)
        work.compare(gate, variant, finalist, VALIDATION, passed)
        for other in work.gates:
            if other.not_worse_than == "base":
                _compare_to_base(work, other, variant, VALIDATION, passed)
            elif other.not_worse_than == "champion":
                work.compare(other, variant, None, VALIDATION, passed)
        ids.append(variant.id)
    work.choices.append(Choice("release", "variant", tuple(ids)))
    chosen = Condition((*passed.all, ("exists", "release")))
    release = work.candidate(Candidate("release", {}, _inherited("release"), inherits="release"), (TEST,), chosen)
    _compare_on_test(work, release, chosen)
    work.release = {slot: release.slots[slot] for slot in SLOTS if slot in release.slots}


def _drop_gate(work: Lowering, name: str, entry: Bound, variant: str) -> Gate:
    """The gate that every optimised form must pass: not worse than its origin by more than `max-drop`."""
    suite, metric = work.select_by
    return Gate(
        name=f"{name}-keeps",
        suite=suite,
        metric=metric,
        not_worse_than="finalist",
        margin=entry.body.max_drop,
        only=(variant,),
        source=entry.path,
    )


def _lower_deployment(work: Lowering) -> None:
    passed = Condition((("exists", "release"), ("passes", "release")))
    release = work.candidates["release"]
    suite = work.spec.find("suite", work.select_by[0])
    module = registry.module("suite", suite.kind)
    answered = registry.load("suite", suite.kind).lower(work, suite, Subject("release", release.slots), TEST)
    evidence = Evidence(suite.name, module.manifest(work, suite), answered.slots["predictions"])
    for name, entry in work.spec.entries("deploy").items():
        subject = Subject(name, release.slots, passed)
        lowered: Lowered = registry.load("deploy", entry.kind).lower(work, entry, subject, evidence)
        slots = work.add(lowered, passed)
        work.release |= {f"{part}.{name}": ref for part, ref in slots.items() if part in EXPORTED}
        contract = slots.get("contract")
        if work.contract is None and isinstance(contract, Output):
            work.contract = contract.step


def _shared_conditions(steps: Mapping[str, Step]) -> tuple[Step, ...]:
    """The steps, where an artefact that only conditional steps use is made only when one of them may run."""
    made = dict(steps)
    users: dict[str, list[str]] = {}
    for step in steps.values():
        for ref in step.inputs.values():
            if isinstance(ref, Output):
                users.setdefault(ref.step, []).append(step.id)
    for step in reversed(list(steps.values())):
        using = [made[user].condition.all for user in users.get(step.id, ())]
        if not step.condition.all and using:
            common = tuple(part for part in using[0] if all(part in other for other in using))
            if common:
                made[step.id] = replace(made[step.id], condition=Condition(common))
    return tuple(made.values())
