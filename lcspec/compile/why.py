"""Why a step would run or not: what differs from the nearest record and, down to the root, what moved it. Pure."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from lcspec.canon import changed
from lcspec.compile.facts import Facts
from lcspec.compile.keys import key_parts
from lcspec.gates.choose import Chooser
from lcspec.ir.plan import Chosen, Output, Plan, PlannedStep, Ref, Step, Stored
from lcspec.ir.record import StepRecord
from lcspec.lock import Lock

NOT_YET = "not known yet"  # stands for the digest of an input whose maker must run first


@dataclass(frozen=True, slots=True)
class Moved:
    """One field of a key that differs: of `step`, from `old` to `new`.

    For an input, `maker` is the step that makes it now, `was` the one that made it before where that is another, and
    `below` what moved in the maker; `note` says why there is nothing below.
    """

    step: str
    field: str
    old: Any
    new: Any
    maker: str | None = None
    was: str | None = None
    below: tuple["Moved", ...] = ()
    note: str = ""


@dataclass(frozen=True, slots=True)
class Why:
    """A step explained: `parts` of its key as far as they are known, held against the `nearest` record."""

    planned: PlannedStep
    parts: Mapping[str, Any]
    nearest: StepRecord | None
    equal: int
    total: int
    moved: tuple[Moved, ...]

    @property
    def roots(self) -> tuple[Moved, ...]:
        """The fields at the bottom: what somebody changed."""
        found = [leaf for one in self.moved for leaf in _leaves(one)]
        return tuple(leaf for at, leaf in enumerate(found) if leaf not in found[:at])


def explain(plan: Plan, chooser: Chooser, facts: Facts, lock: Lock | None, step_id: str) -> Why:
    """Explains one step of `plan`; KeyError when it has none of that name."""
    return _Explaining(plan, chooser, facts, lock or Lock()).explain(step_id)


class _Explaining:
    def __init__(self, plan: Plan, chooser: Chooser, facts: Facts, lock: Lock) -> None:
        self.plan, self.chooser, self.facts, self.lock = plan, chooser, facts, lock
        self.planned = {step.step.id: step for step in plan.steps}
        self.records = [record for key in facts.records if (record := facts.records.get(key)) is not None]
        self.makers: dict[str, StepRecord] = {}
        for record in sorted(self.records, key=lambda one: (one.finished, one.key)):
            self.makers |= dict.fromkeys(record.outputs.values(), record)
        self.seen: set[str] = set()

    def explain(self, step_id: str) -> Why:
        planned = self.planned[step_id]
        parts = self._parts(planned.step)
        own = self.chooser.record_of(step_id)
        nearest = own or self._nearest(planned.step, parts)
        flat = dict(_flat(parts))
        before = dict(_flat(nearest.parts)) if nearest else {}
        equal = sum(name in before and before[name] == value for name, value in flat.items())
        moved = self._moved(planned.step, nearest.parts, parts) if nearest else ()
        return Why(planned, parts, nearest, equal, len(flat.keys() | before.keys()), moved)

    # --- the key as far as it is known ------------------------------------------------------------------------------

    def _parts(self, step: Step) -> dict[str, Any]:
        known = {name: self._digest(ref) for name, ref in step.inputs.items()}
        there = {name: value for name, value in known.items() if value is not None}
        return key_parts(step, there, self.lock.libraries, self.facts.device)

    def _digest(self, ref: Ref) -> str | None:
        """The digest of an input, NOT_YET, or None for a slot that the chosen candidate lacks."""
        if isinstance(ref, Stored):
            return ref.digest
        if isinstance(ref, Chosen):
            decision = self.chooser.decision(ref.choice)
            if decision is None or decision.winner is None:
                return NOT_YET
            slot = self.chooser.graph.candidates[decision.winner].slots.get(ref.slot)
            return None if slot is None else self._digest(slot)
        record = self.chooser.record_of(ref.step)
        return record.outputs.get(ref.name, NOT_YET) if record else NOT_YET

    def _maker(self, ref: Ref | None) -> str | None:
        """The step that makes an input; the choice where it is not decided."""
        if isinstance(ref, Output):
            return ref.step
        if isinstance(ref, Chosen):
            decision = self.chooser.decision(ref.choice)
            if decision is None or decision.winner is None:
                return ref.choice
            return self._maker(self.chooser.graph.candidates[decision.winner].slots.get(ref.slot))
        return None

    # --- the record that is nearest ---------------------------------------------------------------------------------

    def _nearest(self, step: Step, parts: Mapping[str, Any]) -> StepRecord | None:
        """Of all records of this kind and action the one with most equal parts; then its own, then the latest."""
        flat = dict(_flat(parts))

        def rank(record: StepRecord) -> tuple[int, bool, str, str]:
            before = dict(_flat(record.parts))
            equal = sum(name in before and before[name] == value for name, value in flat.items())
            return equal, record.step == step.id, record.finished, record.key

        alike = [r for r in self.records if r.parts.get("kind") == step.kind and r.parts.get("action") == step.action]
        return max(alike, key=rank, default=None)

    # --- what moved -------------------------------------------------------------------------------------------------

    def _moved(self, step: Step, before: Mapping[str, Any], now: Mapping[str, Any]) -> tuple[Moved, ...]:
        made = []
        for field, old, new in changed(before, now):
            if field.startswith("inputs."):
                made.append(self._input(step, field, old, new))
            else:
                made.append(Moved(step.id, field, old, new))
        return tuple(made)

    def _input(self, step: Step, field: str, old: Any, new: Any) -> Moved:
        """An input that moved: what its maker did before, and what moved since."""
        ref = step.inputs.get(field.removeprefix("inputs."))
        maker = self._maker(ref)
        before = self.makers.get(old) if isinstance(old, str) else None
        names = (maker, *self.facts.former(maker)) if maker else ()
        was = before.step if before is not None and before.step not in names else None
        if maker in self.seen:
            return Moved(step.id, field, old, new, maker, was, note="told above")
        planned = self.planned.get(maker or "")
        if planned is None:
            note = f"known when {maker} is decided" if maker else "from the promoted release" if ref else "not used now"
            return Moved(step.id, field, old, new, maker, was, note=note)
        if was is not None:
            return Moved(step.id, field, old, new, maker, was, note="another step makes it now")
        self.seen.add(planned.step.id)
        if before is None:
            note = "" if old is None else "its record is gone"
            return Moved(step.id, field, old, new, maker, was, note=note or planned.reason)
        record = self.chooser.record_of(planned.step.id)
        below = self._moved(planned.step, before.parts, record.parts if record else self._parts(planned.step))
        return Moved(step.id, field, old, new, maker, was, below, "" if below else planned.reason)


def _leaves(moved: Moved) -> Iterator[Moved]:
    if not moved.below:
        yield moved
    for inner in moved.below:
        yield from _leaves(inner)


def _flat(value: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """The leaves of nested mappings by dotted path; an empty mapping is none."""
    for key, inner in value.items():
        if isinstance(inner, Mapping):
            yield from _flat(inner, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", inner


def flat(parts: Mapping[str, Any]) -> list[tuple[str, Any]]:
    """The parts of a key as sorted leaves."""
    return sorted(_flat(parts))
