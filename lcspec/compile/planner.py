"""`Graph` + lock + facts to planned steps: what would run, what is reused, and why. Pure and linear in the steps.

The scheduler asks the same object again after each finished step, which plans anew what that step can have changed, in
the same way: dry run and apply cannot disagree, and a whole run is linear in the steps too.
"""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from functools import partial
from typing import Any

from lcspec.canon import changed
from lcspec.compile.facts import Facts
from lcspec.compile.keys import key_parts, step_key
from lcspec.compile.waits import Waits
from lcspec.gates.choose import Chooser
from lcspec.ir.plan import Chosen, Graph, Output, PlannedStep, Ref, Selection, Step, Stored
from lcspec.ir.record import StepRecord
from lcspec.ir.verdict import Decision
from lcspec.lock import Lock

RUN, REUSE, CONDITIONAL, IF_UNCHANGED, SKIP = "run", "reuse", "conditional", "reuse-if-unchanged", "skip"
LEFT_OUT = "left-out"
FIRST, CHANGED, GONE, REQUESTED, UNLOCKED = "first", "changed", "gone", "requested", "unlocked"
EVERYTHING = Selection()


class _Mark(str):
    """A state of an input that is not a digest."""


ABSENT, UNKNOWN, NEVER = _Mark("absent"), _Mark("unknown"), _Mark("never")


def plan_steps(
    graph: Graph, lock: Lock | None, facts: Facts, selection: Selection = EVERYTHING
) -> tuple[tuple[PlannedStep, ...], Chooser]:
    """Every step with its action, in topological order, and the chooser that knows the decisions so far."""
    planning = Planning(graph, lock, facts, selection)
    return planning.steps(), planning.chooser


class Planning:
    """The plan of a graph, kept true while its steps finish.

    A step whose plan rests on something that is not known yet waits for it. When a step gets its record, or turns out
    not to be needed, those that wait for it are planned anew, and so on downstream.
    """

    def __init__(self, graph: Graph, lock: Lock | None, facts: Facts, selection: Selection = EVERYTHING) -> None:
        self.graph, self.lock, self.facts, self.selection = graph, lock, facts, selection
        self._steps = {step.id: step for step in graph.steps}
        self._done: dict[str, PlannedStep] = {}
        self._records: dict[str, StepRecord] = {}
        self._rerun: set[str] = set()
        self._keyed: dict[str, dict[str, None]] = {}  # key to the steps that would make its record
        self._waits = Waits(graph, self._records)
        self.chooser = self._waits.chooser

    def steps(self) -> tuple[PlannedStep, ...]:
        """Every step with its action, in topological order, as things stand."""
        if not self._done:
            for step in self.graph.steps:
                self._planned(step)
            for choice in self.graph.choices:
                self._waits.answer(("choice", choice.id))
            self._plan_again(())
        return tuple(self._done[step.id] for step in self.graph.steps)

    def again(self) -> tuple[PlannedStep, ...]:
        """The same as if it were asked for the first time: a record that it rests on is gone."""
        self._done.clear()
        self._records.clear()
        self._keyed.clear()
        self._waits = Waits(self.graph, self._records)
        self.chooser = self._waits.chooser
        return self.steps()

    def finished(self, key: str, step: str) -> list[PlannedStep]:
        """Tells that `step` has made the record of `key`; the steps to which something else happens now."""
        self._rerun.add(step)
        return self._plan_again(self._keyed.pop(key, ()))

    def decided(self) -> list[Decision]:
        """The choices that were decided since this was last asked."""
        return self._waits.decided()

    def _plan_again(self, ids: Iterable[str]) -> list[PlannedStep]:
        self._waits.again.extend(ids)
        changed: dict[str, PlannedStep] = {}
        while self._waits.again:
            step_id = self._waits.again.popleft()
            before = self._done.pop(step_id)
            made = self._planned(self._steps[step_id])
            if (made.action, made.key) != (before.action, before.key):
                changed[step_id] = made
        return list(changed.values())

    # --- one step --------------------------------------------------------------------------------------------------

    def _planned(self, step: Step) -> PlannedStep:
        if step.id not in self._done:
            made = self._selected(self._plan(step))
            if made.action not in (REUSE, SKIP):  # a plan that reuses everything asks no ledger
                made = replace(made, estimate=self.facts.history(step) or step.estimate)
                if made.key:
                    self._keyed.setdefault(made.key, {})[step.id] = None
            self._done[step.id] = made
            if made.action == SKIP or step.id in self._records:
                self._waits.known(step.id)
        return self._done[step.id]

    def _selected(self, planned: PlannedStep) -> PlannedStep:
        """A step that is not selected does not run; what it made before is used as ever."""
        only = self.selection.only
        if only is None or planned.step.id in only or planned.action in (REUSE, SKIP):
            return planned
        return replace(planned, action=LEFT_OUT, reason=f"left out by {self.selection.words}", moved=(), cause="")

    def _plan(self, step: Step) -> PlannedStep:
        held, why = self._condition(step)
        if held is False:
            return PlannedStep(step, SKIP, why, None, step.estimate)
        inputs = {name: self._resolve(ref, step.id) for name, ref in step.inputs.items()}
        if NEVER in inputs.values():
            return PlannedStep(step, SKIP, "no candidate is left to work on", None, step.estimate)
        if self.lock is None or step.params.get("pinned") is False:
            action, reason = (RUN, "unknown until locked") if held else (CONDITIONAL, why)
            return PlannedStep(step, action, reason, None, step.estimate, cause=UNLOCKED)
        if UNKNOWN in inputs.values():
            return self._unknown(step, inputs, held, why)
        known = {name: value for name, value in inputs.items() if value is not ABSENT}
        parts = key_parts(step, known, self.lock.libraries, self.facts.device)
        return self._with_key(step, known, parts, held, why)

    def _with_key(
        self, step: Step, inputs: Mapping[str, str], parts: Mapping[str, Any], held: bool | None, why: str
    ) -> PlannedStep:
        """A step whose inputs are all known: reused when there is a record under its key."""
        key = step_key(parts)
        planned = partial(PlannedStep, step, key=key, estimate=step.estimate, inputs=inputs, parts=parts)
        record = self.facts.records.get(key)
        if record is not None and step.id in self.selection.replace and step.id not in self._rerun:
            return planned(RUN, "runs again by --replace", cause=REQUESTED)
        if record is not None:
            self._records[step.id] = record
            return self._renamed(planned(REUSE, "unchanged"), record)
        if held is None:
            return planned(CONDITIONAL, why)
        cause, reason, moved = self._why(step, parts)
        return self._renamed(planned(RUN, reason, moved=moved, cause=cause), self.facts.heads.get(step.id))

    def _renamed(self, planned: PlannedStep, record: StepRecord | None) -> PlannedStep:
        """The step with the name under which it ran, when `moved` says that it was called so."""
        if record is None or record.step not in self.facts.former(planned.step.id):
            return planned
        waits = planned.action == IF_UNCHANGED  # its reason is long enough
        reason = planned.reason if waits else f"{planned.reason}; moved from `{record.step}`"
        return replace(planned, reason=reason, moved_from=record.step)

    def _unknown(self, step: Step, inputs: Mapping[str, str], held: bool | None, why: str) -> PlannedStep:
        """A step that waits for another: it reruns only if what it waits for comes out different."""
        planned = partial(PlannedStep, step, key=None, estimate=step.estimate)
        waits, verb = self._waits_for(step, inputs)
        if held is None:
            return planned(CONDITIONAL, why)
        head = self.facts.heads.get(step.id)
        if head is None or self.lock is None:
            return planned(RUN, "first run", cause=FIRST)
        known = {name: value for name, value in inputs.items() if value not in (ABSENT, UNKNOWN)}
        parts = key_parts(step, known, self.lock.libraries, self.facts.device)
        moved = tuple(m for m in changed(head.parts, parts) if not m[0].startswith("inputs."))
        if not moved:
            return self._renamed(planned(IF_UNCHANGED, f"reused if {waits} {verb} out unchanged"), head)
        return self._renamed(planned(RUN, _moved_reason(moved), moved=moved, cause=CHANGED), head)

    def _waits_for(self, step: Step, inputs: Mapping[str, str]) -> tuple[str, str]:
        names = [self._producer(step.inputs[name]) for name, value in inputs.items() if value is UNKNOWN]
        listed = [f"`{name}`" for name in dict.fromkeys(names)]
        return " and ".join(listed), "comes" if len(listed) == 1 else "come"

    def _producer(self, ref: Ref) -> str:
        if isinstance(ref, Output):
            return ref.step
        if isinstance(ref, Chosen):
            decision = self._waits.answer(("choice", ref.choice))
            if isinstance(decision, Decision) and decision.winner:
                return self._producer(self.graph.candidates[decision.winner].slots[ref.slot])
            return ref.choice
        return "stored"

    def _why(self, step: Step, parts: Mapping[str, object]) -> tuple[str, str, tuple[tuple[str, object, object], ...]]:
        head = self.facts.heads.get(step.id)
        if head is None:
            return FIRST, "first run", ()
        moved = tuple(changed(head.parts, parts))
        return (CHANGED, _moved_reason(moved), moved) if moved else (GONE, "its record is gone", ())

    def _resolve(self, ref: Ref, asker: str) -> str:
        """The digest of an input of `asker`, or ABSENT, UNKNOWN, NEVER."""
        if isinstance(ref, Stored):
            return ref.digest
        if isinstance(ref, Chosen):
            decision = self._waits.answer(("choice", ref.choice), asker)
            if not isinstance(decision, Decision):
                return UNKNOWN
            if decision.winner is None:
                return NEVER
            slot = self.graph.candidates[decision.winner].slots.get(ref.slot)
            return ABSENT if slot is None else self._resolve(slot, asker)
        planned = self._planned(self._steps[ref.step])
        record = self._records.get(ref.step)
        if record is not None:
            return record.outputs[ref.name]
        if planned.action == SKIP:
            return NEVER
        self._waits.wait(ref.step, asker)
        return UNKNOWN

    def _condition(self, step: Step) -> tuple[bool | None, str]:
        """Whether the step is needed: True, False or None (not known yet), and the sentence that says why."""
        undecided = ""
        for rule, name in step.condition.all:
            value, positive = self._holds(rule, name, step.id)
            if value is False:
                return False, _NOT_NEEDED[rule].format(name=name)
            if value is None and not undecided:
                undecided = positive
        return (None, undecided) if undecided else (True, "")

    def _holds(self, rule: str, name: str, asker: str) -> tuple[bool | None, str]:
        answer = self._waits.answer(("passes" if rule == "passes" else "choice", name), asker)
        if rule == "passes":
            return None if answer is None else bool(answer), f"only if `{name}` passes its gates on test"
        decision = answer if isinstance(answer, Decision) else None
        if rule == "rung-fails":
            return None if decision is None else not decision.passed, f"only if {name} does not pass its gates"
        return None if decision is None else decision.winner is not None, f"only if there is a {name}"


_NOT_NEEDED = {
    "passes": "not needed: `{name}` did not pass its gates on test",
    "rung-fails": "not needed: {name} passed its gates",
    "exists": "not needed: there is no {name}",
}


def _moved_reason(moved: tuple[tuple[str, object, object], ...]) -> str:
    names = [name.removeprefix("params.") for name, _, _ in moved]
    shown = ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")
    return f"changed: {shown}"
