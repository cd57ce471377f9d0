"""`--target`, `--exclude`, `--replace`: from patterns of step ids to the steps that may run. Pure.

A target pulls in what it needs, an exclusion drops what needs it. A step needs the steps that make its inputs; where an
input or its condition hangs on a choice, it needs all that decides the choice.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase

from lcspec.diag.model import Diagnostic, LcspecError
from lcspec.diag.suggest import did_you_mean
from lcspec.ir.plan import Chosen, Graph, Output, Selection, Step

USAGE = 2


@dataclass(frozen=True, slots=True)
class Wish:
    """What was said on the command line: names of steps, or patterns with `*`, `?` and `[…]`."""

    target: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    replace: tuple[str, ...] = ()

    @property
    def said(self) -> bool:
        """Whether anything was said."""
        return bool(self.target or self.exclude or self.replace)


def select(graph: Graph, wish: Wish) -> Selection:
    """The steps that `wish` means.

    Raises:
        LcspecError: LC1109 (exit 2) for each name that no step has, or when a step is wished and left out at once.
    """
    if not wish.said:
        return Selection()
    ids = [step.id for step in graph.steps]
    found: list[Diagnostic] = []
    target, exclude, replace = (
        _matching(ids, patterns, flag, found)
        for patterns, flag in ((wish.target, "--target"), (wish.exclude, "--exclude"), (wish.replace, "--replace"))
    )
    if found:
        raise LcspecError(found, USAGE)
    only: set[str] | None = None
    if wish.target or wish.exclude:
        needs = needed_by(graph)
        only = closure(target, needs) if wish.target else set(ids)
        only -= closure(exclude, _turned(needs))
        _contradictions({"--target": target, "--replace": replace}, only)
    words = " and ".join(flag for flag, said in (("--target", wish.target), ("--exclude", wish.exclude)) if said)
    return Selection(None if only is None else frozenset(only), frozenset(replace), words)


def _matching(ids: list[str], patterns: Iterable[str], flag: str, found: list[Diagnostic]) -> set[str]:
    """The steps that a pattern names: whole ids; `prefix:` and what follows `:` count too."""
    matched: set[str] = set()
    for pattern in patterns:
        hits = {id for id in ids if id == pattern or fnmatchcase(id, pattern)}
        if not hits:
            help = did_you_mean(pattern, ids, "steps") + "; `lcspec plan --all` lists all, `*` stands for anything"
            found.append(Diagnostic("LC1109", f"{flag}: there is no step `{pattern}`", help=help))
        matched |= hits
    return matched


def _contradictions(wished: Mapping[str, set[str]], only: set[str]) -> None:
    found = [
        Diagnostic("LC1109", f"`{step}` is wished by {flag} and left out at once", help="drop one of the flags")
        for flag, steps in wished.items()
        for step in sorted(steps - only)
    ]
    if found:
        raise LcspecError(found, USAGE)


def needed_by(graph: Graph) -> dict[str, set[str]]:
    """Step id to the ids of the steps that it needs directly."""
    deciding = _Deciding(graph)
    return {step.id: deciding.needs(step) for step in graph.steps}


class _Deciding:
    """What decides each choice; looked up once per choice."""

    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        self._choices = {choice.id: choice for choice in graph.choices}
        self._known: dict[str, set[str]] = {}
        self._compared: dict[tuple[str, str], list[str]] = {}
        for place, step in graph.comparisons.items():
            _, candidate, split = place.split("|")
            self._compared.setdefault((candidate, split), []).append(step)

    def needs(self, step: Step) -> set[str]:
        found: set[str] = set()
        for ref in step.inputs.values():
            if isinstance(ref, Output):
                found.add(ref.step)
            elif isinstance(ref, Chosen):
                found |= self._choice(ref.choice) | self._makers(ref.choice, ref.slot)
        for rule, name in step.condition.all:
            found |= self._evidence(name, "test") if rule == "passes" else self._choice(name)
        return found - {step.id}

    def _choice(self, name: str) -> set[str]:
        """The steps that a choice is decided by; those that its candidates' choices are decided by, too."""
        if name not in self._known:
            self._known[name] = set()
            choice = self._choices[name]
            found: set[str] = set()
            for one in choice.candidates:
                if one in self._choices:
                    found |= self._choice(one)
                elif choice.rule == "variant":
                    found |= self._choice("finalist") | self._evidence("finalist", "test")
                if one in self.graph.candidates:
                    found |= self._evidence(one, "validation")
            self._known[name] = found
        return self._known[name]

    def _evidence(self, candidate: str, split: str) -> set[str]:
        scores = self.graph.candidates[candidate].scores
        return {splits[split] for splits in scores.values() if split in splits} | set(
            self._compared.get((candidate, split), ())
        )

    def _makers(self, choice: str, slot: str) -> set[str]:
        """The steps that may make the slot of the candidate that a choice picks."""
        found: set[str] = set()
        for one in self._choices[choice].candidates:
            if one in self._choices:
                found |= self._makers(one, slot)
                continue
            ref = self.graph.candidates[one].slots.get(slot)
            if isinstance(ref, Output):
                found.add(ref.step)
            elif isinstance(ref, Chosen) and ref.choice != choice:
                found |= self._makers(ref.choice, slot)
        return found


def closure(start: Iterable[str], edges: Mapping[str, set[str]]) -> set[str]:
    """Everything that `start` leads to, itself included."""
    seen, todo = set(), list(start)
    while todo:
        step = todo.pop()
        if step not in seen:
            seen.add(step)
            todo += edges.get(step, ())
    return seen


def _turned(edges: Mapping[str, set[str]]) -> dict[str, set[str]]:
    made: dict[str, set[str]] = {}
    for user, needed in edges.items():
        for step in needed:
            made.setdefault(step, set()).add(user)
    return made
