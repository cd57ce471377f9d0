"""`moved:`: entries that were renamed. Keys hold no names, so nothing reruns; what is kept under names follows.

An id of a step is taken back through the moves to what it was called before; heads, histories, facts in the lock and a
champion's evidence are looked up by those names too.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any, NamedTuple

from lcspec.compile.facts import Facts
from lcspec.ir.plan import Estimate, Step
from lcspec.ir.record import StepRecord
from lcspec.ir.spec import Move, Spec
from lcspec.kinds.api import SECTIONS

_SECTION = {".".join(path): family for path, family in SECTIONS.items()}
_IN_IDS = {"model": "models", "prompt": "prompts", "data": "data", "augment": "augmentation", "deploy": "targets"}
_AXES = ("model", "prompt", "tuning", "augment", "optimize")
MOST = 16  # renames of one entry, one after the other


class Named(NamedTuple):
    """An entry as `moved` names it: its family and its name."""

    family: str
    name: str


def named(text: str) -> Named | None:
    """The entry that `models.smollm2` means; None when no section begins so, or no name follows."""
    for section, family in _SECTION.items():
        if text.startswith(f"{section}.") and len(text) > len(section) + 1:
            return Named(family, text[len(section) + 1 :])
    return None


class Moves:
    """The renames of one spec, from new names to old ones."""

    def __init__(self, moved: Iterable[Move]) -> None:
        self.before: dict[Named, Named] = {}
        for move in moved:
            old, new = named(move.from_), named(move.to)
            if old is not None and new is not None:
                self.before[new] = old
        self._known: dict[str, tuple[str, ...]] = {}

    def former(self, step_id: str) -> tuple[str, ...]:
        """What a step was called before, latest first; empty when it was always called so."""
        if not self.before:
            return ()
        if step_id not in self._known:
            found: list[str] = []
            now = step_id
            while len(found) < MOST and (older := self._older(now)) != now and older not in found:
                found.append(older)
                now = older
            self._known[step_id] = tuple(found)
        return self._known[step_id]

    def former_names(self, family: str, name: str) -> Iterator[str]:
        """What an entry was called before, latest first."""
        at = Named(family, name)
        for _ in range(MOST):
            if at not in self.before:
                return
            at = self.before[at]
            yield at.name

    def _older(self, step_id: str) -> str:
        """The id with every moved name taken back by one move."""
        verb, *parts = step_id.split(":")
        return ":".join([verb, *(self._part(verb, part, at, len(parts)) for at, part in enumerate(parts))])

    def _part(self, verb: str, part: str, at: int, count: int) -> str:
        for family, section in _IN_IDS.items():
            if part.startswith(f"{section}."):
                name = part[len(section) + 1 :]
                return f"{section}.{self._name(family, name)}"
        if at == 0 and count > 1:  # `suite.split`, or the gate that an optimised form must keep
            suite, dot, split = part.rpartition(".")
            if dot:
                return f"{self._name('suite', suite)}.{split}"
            form = part.removesuffix("-keeps")
            return f"{self._name('optimize', form)}-keeps" if verb == "compare" and form != part else part
        return "/".join(self._axis(name) for name in part.split("/"))

    def _axis(self, name: str) -> str:
        """A part of a candidate's id: names are unique across axes."""
        return next((old for family in _AXES if (old := self._name(family, name)) != name), name)

    def _name(self, family: str, name: str) -> str:
        before = self.before.get(Named(family, name))
        return before.name if before is not None and before.family == family else name


class MovedHeads(Mapping[str, StepRecord]):
    """The last record of a step, also where it finished under a former name."""

    def __init__(self, heads: Mapping[str, StepRecord], moves: Moves) -> None:
        self._heads, self._moves = heads, moves

    def __getitem__(self, step: str) -> StepRecord:
        for name in (step, *self._moves.former(step)):
            if (record := self._heads.get(name)) is not None:
                return record
        raise KeyError(step)

    def __iter__(self) -> Iterator[str]:
        return iter(self._heads)

    def __len__(self) -> int:
        return len(self._heads)


def moved_history(history: Callable[[Step], Estimate | None], moves: Moves) -> Callable[[Step], Estimate | None]:
    """What a step took, also under its former names; runs of other steps of its kind come last."""

    def look_up(step: Step) -> Estimate | None:
        own = history(step)
        for name in moves.former(step.id) if own is None or own.like else ():
            known = history(replace(step, id=name))
            if known is not None and not known.like:
                return known
        return own

    return look_up


def moved_models(models: Mapping[str, Mapping[str, Any]], moved: Iterable[Move]) -> Mapping[str, Mapping[str, Any]]:
    """Facts of models by their present names, where the lock still has a former one."""
    moves = Moves(moved)
    made = dict(models)
    for family, name in moves.before:
        known = [old for old in moves.former_names(family, name) if old in models]
        if family == "model" and name not in made and known:
            made[name] = models[known[0]]
    return made


def moved_evidence(champion: Mapping[str, str] | None, moves: Moves, suites: Iterable[str]) -> Mapping[str, str] | None:
    """A champion's facts, with the evidence of renamed suites under their present names."""
    if champion is None:
        return None
    made = dict(champion)
    for suite in suites:
        for old in moves.former_names("suite", suite):
            made |= {
                f"{suite}.{split}": champion[f"{old}.{split}"]
                for split in ("validation", "test")
                if f"{old}.{split}" in champion and f"{suite}.{split}" not in made
            }
    return made


def moved_facts(facts: Facts, spec: Spec) -> Facts:
    """The facts for a spec whose entries were renamed: what is known under former names is found."""
    if not spec.moved:
        return facts
    moves = Moves(spec.moved)
    return replace(
        facts,
        heads=MovedHeads(facts.heads, moves),
        champion=moved_evidence(facts.champion, moves, spec.entries("suite")),
        history=moved_history(facts.history, moves),
        former=moves.former,
    )
