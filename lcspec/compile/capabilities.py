"""What a spec allows that could run code: looked up by who needs it, and listed with the steps that use it. Pure.

A step that uses a capability says so in its params, under `capabilities`: `kind:item` to digests. So the digest is in
its key, and a plan can tell what is new against the last runs.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from lcspec.compile.planner import IF_UNCHANGED, REUSE
from lcspec.ir.document import Path
from lcspec.ir.plan import PlannedStep
from lcspec.ir.spec import Spec
from lcspec.kinds import registry
from lcspec.runtime.scan import own_module

_FIELD = "params.capabilities"


class Capability(NamedTuple):
    """An entry of `allow` as a plan shows it.

    Attributes:
        name: of the entry; empty for what the spec no longer allows.
        item: what it is for: a file, or a model and its file.
        change: against the last runs of the steps that use it: `new`, `changed`, `removed`, or empty.
        former: the digests that it replaces, or that are gone; sorted.
        steps: ids of the steps whose key holds it; of a removed one, whose key held it.
    """

    name: str
    kind: str
    item: str
    sha256: str | None
    change: str
    former: tuple[str, ...]
    steps: tuple[str, ...]


class CodeUse(NamedTuple):
    """A Python file of the project that a step would run.

    Attributes:
        name: what it is for, as an entry of `allow` would be called.
        path: where the spec says so; `path` and `function` stand below.
        file: as the spec names it.
        function: the one in it that is called.
    """

    name: str
    path: Path
    file: str
    function: str


def code_uses(spec: Spec) -> Iterator[CodeUse]:
    """Every function of the project that a metric or a reward is."""
    for name, entry in spec.entries("metric").items():
        if entry.kind == "python":
            yield CodeUse(name, entry.path, entry.body.path, entry.body.function)
    for recipe in spec.entries("tuning").values():
        for name, reward in getattr(recipe.body, "rewards", {}).items():
            if reward.path:
                yield CodeUse(name, (*recipe.path, "rewards", name), reward.path, reward.function or "")


def allowed(spec: Spec, kind: str, item: str) -> tuple[str, ...]:
    """The digests with which `spec` allows an item, sorted."""
    return tuple(sorted({digest for _, digest, _ in _entries(spec).get(f"{kind}:{item}", ())}))


def remote_code(spec: Spec, model: str) -> dict[str, tuple[str, ...]]:
    """The Python files of a model that may run: name to digests, sorted."""
    entries = [one.body for one in spec.entries("allow").values() if one.kind == "remote-code"]
    own = [body for body in entries if body.model == model]
    return {
        file: tuple(sorted({body.sha256 for body in own if body.file == file}))
        for file in sorted({body.file for body in own})
    }


def needed_code(facts: Mapping[str, Any]) -> list[str]:
    """The Python files that the `auto_map` of a model names and all that they import beside them, in that order."""
    named = (own_module(one) for one in facts.get("auto_map") or ())
    found = list(dict.fromkeys(file for file in named if file is not None))
    for file in found:  # grows while it is read
        found += [one for one in (facts.get("code") or {}).get(file, {}).get("imports", ()) if one not in found]
    return found


def capabilities(spec: Spec, steps: Sequence[PlannedStep]) -> tuple[Capability, ...]:
    """The entries of `allow` in the order of the spec, then what former runs were allowed and the spec no longer is."""
    said = _entries(spec)
    told = []
    for mark, entries in said.items():
        kind = mark.partition(":")[0]
        for name, digest, item in entries:
            using = [one for one in steps if digest in one.step.params.get("capabilities", {}).get(mark, ())]
            before = [_before(one, mark, digest) for one in using]
            former = {old for one in before for old in one}
            known = not using or digest in former
            change = "" if known else "changed" if former else "new"
            gone = () if known else tuple(sorted(former))
            told.append(Capability(name, kind, item, digest, change, gone, tuple(one.step.id for one in using)))
    removed: dict[str, list[tuple[str, tuple[str, ...]]]] = {}
    for planned in steps:
        for mark, old in _moved(planned):
            if old and mark not in said:
                removed.setdefault(mark, []).append((planned.step.id, old))
    for mark, lost in sorted(removed.items()):
        kind, _, item = mark.partition(":")
        digests = tuple(sorted({digest for _, old in lost for digest in old}))
        told.append(Capability("", kind, item, None, "removed", digests, tuple(step for step, _ in lost)))
    return tuple(told)


def _entries(spec: Spec) -> dict[str, list[tuple[str, str, str]]]:
    """What keys hold, `kind:item`, to the entries for it: (name, digest, item as it is shown)."""
    made: dict[str, list[tuple[str, str, str]]] = {}
    for name, entry in spec.entries("allow").items():
        module = registry.module("allow", entry.kind)
        shown = str(module.item(entry.body))
        mark = getattr(module, "mark", module.item)(entry.body)
        made.setdefault(f"{entry.kind}:{mark}", []).append((name, str(entry.body.sha256), shown))
    return made


def _before(planned: PlannedStep, mark: str, digest: str) -> tuple[str, ...]:
    """What the last run of a step was allowed of an item; empty when there was none, or it was allowed nothing."""
    if planned.action in (REUSE, IF_UNCHANGED):
        return (digest,)
    moved = dict(_moved(planned))
    return moved.get(mark, (digest,) if planned.moved else ())


def _moved(planned: PlannedStep) -> Iterator[tuple[str, tuple[str, ...]]]:
    """(`kind:item`, digests) that the last run of a step was allowed, for all that it is no longer allowed alike."""
    for field, old, new in planned.moved:
        if field == _FIELD:
            sides: list[Mapping[str, Any]] = [side or {} for side in (old, new)]
            yield from ((mark, tuple(sides[0].get(mark, ()))) for mark in sorted({*sides[0], *sides[1]}))
        elif field.startswith(f"{_FIELD}."):
            yield field.removeprefix(f"{_FIELD}."), tuple(old or ())
