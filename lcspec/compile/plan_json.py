"""A plan as JSON: schema `schemas/plan/v1.json`. It embeds spec and lock, so that it says exactly what was reviewed."""

from collections.abc import Iterable
from dataclasses import asdict
from typing import Any

from lcspec.compile.compose import Settings
from lcspec.ir.plan import PLAN_FORMAT, Chosen, Output, Plan, PlannedStep, Ref
from lcspec.ir.source import SourceFile
from lcspec.lock import Lock

_NONE = Settings()


def plan_to_json(
    plan: Plan,
    source: SourceFile,
    lock: Lock | None,
    *,
    bases: Iterable[SourceFile] = (),
    settings: Settings = _NONE,
) -> dict[str, Any]:
    """Plain data without clock, host or absolute path: equal inputs give equal bytes."""
    spec = {"path": source.path, "sha256": plan.spec_digest, "text": source.text, "bases": texts(bases)}
    spec |= {"sets": list(settings.sets), "variables": texts(settings.variables)}
    return {
        "format_version": PLAN_FORMAT,
        "name": plan.spec_name,
        "spec": spec,
        "lock": None if lock is None else {"sha256": plan.lock_digest, "data": lock.to_json()},
        "steps": [_step(step) for step in plan.steps],
        "choices": [{"id": c.id, "rule": c.rule, "candidates": list(c.candidates)} for c in plan.graph.choices],
        "decisions": {name: asdict(decision) for name, decision in plan.decisions.items()},
        "gates": [asdict(gate) for gate in plan.graph.gates],
        "problems": list(plan.problems),
        "pending": any(step.action in ("run", "conditional", "reuse-if-unchanged") for step in plan.steps),
    }


def texts(sources: Iterable[SourceFile]) -> list[dict[str, str]]:
    """Path and text of each source."""
    return [{"path": source.path, "text": source.text} for source in sources]


def _step(planned: PlannedStep) -> dict[str, Any]:
    step, estimate = planned.step, planned.estimate
    return {
        "id": step.id,
        "kind": step.kind,
        "step_action": step.action,
        "version": step.version,
        "action": planned.action,
        "reason": planned.reason,
        "moved": [{"field": name, "old": old, "new": new} for name, old, new in planned.moved],
        "key": planned.key,
        "params": dict(step.params),
        "inputs": {name: _ref(ref) for name, ref in step.inputs.items()},
        "condition": [list(part) for part in step.condition.all],
        "estimate": {"seconds": list(estimate.seconds), "memory": estimate.memory, "basis": estimate.basis},
        "source": list(step.source),
    }


def _ref(ref: Ref) -> str:
    if isinstance(ref, Output):
        return f"{ref.step}#{ref.name}"
    if isinstance(ref, Chosen):
        return f"{ref.choice}.winner#{ref.slot}"
    return f"sha256:{ref.digest}"
