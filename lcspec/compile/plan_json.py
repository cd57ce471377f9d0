"""A plan as JSON: schema `schemas/plan/v1.json`. It embeds spec and lock, so that it says exactly what was reviewed."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from lcspec.compile.compose import Settings
from lcspec.compile.groups import groups
from lcspec.compile.places import entry_span, place
from lcspec.compile.select import Wish
from lcspec.compile.totals import Amount, Totals, totals
from lcspec.gates.outlook import Outlook, undecided
from lcspec.ir.document import Node
from lcspec.ir.plan import PLAN_FORMAT, Chosen, Estimate, Output, Plan, PlannedStep, Ref
from lcspec.ir.source import SourceFile, Span
from lcspec.lock import Lock

_NONE = Settings()


@dataclass(frozen=True)
class Texts:
    """The texts that places point into; without a root nothing has a place."""

    root: Node | None = None
    sources: Mapping[str, SourceFile] | None = None
    lock: SourceFile | None = None

    def at(self, span: Span | None) -> dict[str, Any] | None:
        """File and line of a span."""
        source = (self.sources or {}).get(span.file) if span is not None else None
        if span is None or source is None:
            return None
        return {"file": span.file, "line": source.position(span.start).line}


def plan_to_json(
    plan: Plan,
    source: SourceFile,
    lock: Lock | None,
    *,
    bases: Iterable[SourceFile] = (),
    settings: Settings = _NONE,
    wish: Wish | None = None,
    shown: Texts | None = None,
    looks: Sequence[Outlook] = (),
    warnings: Sequence[Mapping[str, Any]] = (),
) -> dict[str, Any]:
    """Plain data without clock, host or absolute path: equal inputs give equal bytes."""
    spec = {"path": source.path, "sha256": plan.spec_digest, "text": source.text, "bases": texts(bases)}
    spec |= {"sets": list(settings.sets), "variables": texts(settings.variables)}
    where = groups(plan.graph)
    return {
        "format_version": PLAN_FORMAT,
        "name": plan.spec_name,
        "spec": spec,
        "lock": None if lock is None else {"sha256": plan.lock_digest, "data": lock.to_json()},
        "selection": {flag: list(names) for flag, names in asdict(wish or Wish()).items()},
        "moves": [{"from": old, "to": new} for old, new in plan.moves],
        "capabilities": [one._asdict() for one in plan.capabilities],
        "totals": _totals(totals(plan), plan.hourly_price),
        "steps": [_step(step, where[step.step.id], shown or Texts()) for step in plan.steps],
        "choices": [{"id": c.id, "rule": c.rule, "candidates": list(c.candidates)} for c in plan.graph.choices],
        "decisions": {name: asdict(decision) for name, decision in plan.decisions.items()},
        "gates": [asdict(gate) for gate in plan.graph.gates],
        "outlooks": [asdict(look) for look in looks],
        "undecided": [asdict(one) for one in undecided(plan.decisions)],
        "problems": list(plan.problems),
        "warnings": [dict(warning) for warning in warnings],
        "pending": any(step.action in ("run", "conditional", "reuse-if-unchanged") for step in plan.steps),
    }


def texts(sources: Iterable[SourceFile]) -> list[dict[str, str]]:
    """Path and text of each source."""
    return [{"path": source.path, "text": source.text} for source in sources]


def _totals(summed: Totals, price: float | None) -> dict[str, Any]:
    cost = None if summed.cost is None else _amount(summed.cost, "USD") | {"hourly_price": price}
    return {
        "time": _amount(summed.time, "seconds"),
        "memory": _amount(summed.memory, "bytes"),
        "disk": _amount(summed.disk, "bytes"),
        "cost": cost,
    }


def _amount(amount: Amount, unit: str) -> dict[str, Any]:
    return {**asdict(amount), "unit": unit}


def _step(planned: PlannedStep, where: tuple[str, str], shown: Texts) -> dict[str, Any]:
    step = planned.step
    entry = entry_span(shown.root, step) if shown.root is not None else None
    return {
        "id": step.id,
        "kind": step.kind,
        "step_action": step.action,
        "version": step.version,
        "action": planned.action,
        "reason": planned.reason,
        "cause": planned.cause,
        "moved": moved_json(planned, shown),
        "moved_from": planned.moved_from,
        "key": planned.key,
        "params": dict(step.params),
        "inputs": {name: ref_text(ref) for name, ref in step.inputs.items()},
        "condition": [list(part) for part in step.condition.all],
        "estimate": estimate_json(planned.estimate),
        "group": where[0],
        "candidate": where[1] or None,
        "source": list(step.source),
        "place": shown.at(entry),
    }


def moved_json(planned: PlannedStep, shown: Texts) -> list[dict[str, Any]]:
    """The fields that moved, with the line that says the new value."""
    return [
        {
            "field": name,
            "old": old,
            "new": new,
            "place": shown.at(place(shown.root, planned.step, name, shown.lock) if shown.root is not None else None),
        }
        for name, old, new in planned.moved
    ]


def estimate_json(estimate: Estimate) -> dict[str, Any]:
    """An estimate as plain data."""
    return {
        "seconds": list(estimate.seconds),
        "memory": estimate.memory,
        "disk": None if estimate.disk is None else list(estimate.disk),
        "basis": estimate.basis,
        "runs": estimate.runs,
        "like": estimate.like,
    }


def ref_text(ref: Ref) -> str:
    """How an input is written: `step#output`, `choice.winner#slot` or a digest."""
    if isinstance(ref, Output):
        return f"{ref.step}#{ref.name}"
    if isinstance(ref, Chosen):
        return f"{ref.choice}.winner#{ref.slot}"
    return f"blake3:{ref.digest}"
