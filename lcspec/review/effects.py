"""What two graphs compute differently, without a store: keys are made of definitions in place of contents.

A step's *definition* is its key with every input replaced by the definition of what makes it. Where a choice stands
between, two are kept: one that takes the choice for itself (does the step change for sure?) and one that holds all
that decides it (may it?).
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from lcspec.canon import changed, digest
from lcspec.compile.keys import key_parts
from lcspec.ir.plan import Chosen, Graph, Ref, Step, Stored
from lcspec.review.model import DEPENDS, DROPPED, FOLLOWS, NEW, RERUN, SAME, Effect, Side, Turn

DEVICE = "any"  # both sides run on the same one


class Definitions:
    """The definitions of one graph's steps. Made in their order at once: a chain of steps is no chain of calls."""

    def __init__(self, side: Side) -> None:
        self.graph: Graph = side.graph
        self.libraries: Mapping[str, str] = side.lock.libraries
        self.steps = {step.id: step for step in self.graph.steps}
        self._choices = {choice.id: choice for choice in self.graph.choices}
        self._known: dict[tuple[str, bool], str] = {}
        for step_id in self.steps:
            self.of(step_id, choices=False)
            self.of(step_id, choices=True)

    def own(self, step: Step) -> dict[str, Any]:
        """The fields of a step's key without its inputs."""
        return {name: part for name, part in key_parts(step, {}, self.libraries, DEVICE).items() if name != "inputs"}

    def of(self, step_id: str, *, choices: bool) -> str:
        """The definition of a step; with `choices`, all that decides the choices in it too."""
        known = (step_id, choices)
        if known not in self._known:
            step = self.steps[step_id]
            inputs = {name: self._ref(ref, choices) for name, ref in step.inputs.items()}
            self._known[known] = digest([self.own(step), inputs, self._condition(step) if choices else None])
        return self._known[known]

    def _ref(self, ref: Ref, choices: bool) -> Any:
        if isinstance(ref, Stored):
            return ref.digest
        if isinstance(ref, Chosen):
            return [ref.choice, ref.slot, self.choice(ref.choice) if choices else None]
        return [self.of(ref.step, choices=choices), ref.name]

    def _condition(self, step: Step) -> list[Any]:
        return [[rule, self.choice(name) if name in self._choices else name] for rule, name in step.condition.all]

    def choice(self, choice_id: str) -> str:
        """The definition of a choice: its candidates with their evidence, the gates and what ranks them."""
        known = (f"choice {choice_id}", True)
        if known not in self._known:
            self._known[known] = choice_id  # a choice that leads back to itself is told by its name
            choice = self._choices[choice_id]
            parts = [self._candidate(one) for one in choice.candidates]
            gates = [[getattr(gate, name) for name in _GATE] for gate in self.graph.gates]
            self._known[known] = digest([choice.rule, parts, gates, list(self.graph.select_by)])
        return self._known[known]

    def _candidate(self, name: str) -> Any:
        if name in self._choices:
            return self.choice(name)
        candidate = self.graph.candidates[name]
        slots = {slot: self._ref(ref, True) for slot, ref in candidate.slots.items()}
        scores = [
            [suite, split, self.of(step, choices=True)]
            for suite, splits in candidate.scores.items()
            for split, step in splits.items()
        ]
        return [slots, scores, candidate.inherits and self.choice(candidate.inherits)]


_GATE = ("name", "suite", "metric", "at_least", "at_most", "not_worse_than", "margin", "confidence", "only")


def effects(base: Side, head: Side, former: Callable[[str], tuple[str, ...]]) -> tuple[Effect, ...]:
    """What happens to each step of the head, in its order, then what the base alone has.

    `former` says what a step was called before an entry was renamed.
    """
    before, now = Definitions(base), Definitions(head)
    equal = {before.of(step_id, choices=False) for step_id in before.steps}
    planned = {one.step.id: one for one in head.plan.steps}
    found: list[Effect] = []
    met: set[str] = set()
    for step_id, step in now.steps.items():
        was = next((name for name in (step_id, *former(step_id)) if name in before.steps), None)
        met |= {was} if was else set()
        here = planned[step_id].action == "reuse"
        if was is None:
            state = SAME if now.of(step_id, choices=False) in equal else NEW  # equal work is shared, whatever its name
            found.append(Effect(step_id, state, (), here))
            continue
        moved = tuple(changed(before.own(before.steps[was]), now.own(step)))
        found.append(Effect(step_id, _state(moved, before, was, now, step_id), moved, here))
    found += [Effect(step_id, DROPPED) for step_id in before.steps if step_id not in met]
    return tuple(found)


def _state(moved: tuple[Any, ...], before: Definitions, was: str, now: Definitions, step_id: str) -> str:
    if moved:
        return RERUN
    old, new = before.steps[was], now.steps[step_id]
    if before.of(was, choices=False) != now.of(step_id, choices=False):
        return RERUN if set(old.inputs) != set(new.inputs) else FOLLOWS
    return SAME if before.of(was, choices=True) == now.of(step_id, choices=True) else DEPENDS


def stale(base: Side, found: Iterable[Effect], former: Callable[[str], tuple[str, ...]]) -> tuple[tuple[str, str], ...]:
    """The scores of the base, as (suite.split, candidate), whose steps are not what they were."""
    held = {name for one in found if one.state == SAME for name in (one.step, *former(one.step))}
    held |= {name for one in found if one.state == DEPENDS for name in (one.step, *former(one.step))}
    return tuple(
        (f"{suite}.{split}", candidate.id)
        for candidate in base.graph.candidates.values()
        for suite, splits in candidate.scores.items()
        for split, step in splits.items()
        if step not in held
    )


def turns(base: Side, head: Side) -> tuple[Turn, ...]:
    """The choices that the evidence at hand decides on both sides, and differently."""
    found = []
    for name, new in head.decisions.items():
        old = base.decisions.get(name)
        if old is None:
            continue
        was, now = _winner(old), _winner(new)
        if (was, old.passed) != (now, new.passed):
            found.append(Turn(name, was, now, old.passed, new.passed, new.why))
    return tuple(found)


def _winner(decision: Any) -> str | None:
    return decision.names.get(decision.winner, decision.winner) if decision.winner else None
