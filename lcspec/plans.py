"""What a plan means beside its steps: its warnings, why a step would run, and both as JSON."""

from typing import Any

from lcspec.api import Loaded, gather_facts, make_plan
from lcspec.compile.facts import Facts
from lcspec.compile.outlooks import outlooks
from lcspec.compile.places import place
from lcspec.compile.plan_json import Texts, plan_to_json
from lcspec.compile.select import Wish
from lcspec.compile.totals import budget_warnings, totals
from lcspec.compile.why import Moved, Why, explain
from lcspec.diag.model import Diagnostic, LcspecError
from lcspec.diag.suggest import did_you_mean
from lcspec.gates.choose import Chooser
from lcspec.ir.plan import Plan


def warnings(loaded: Loaded, plan: Plan) -> list[Diagnostic]:
    """What a reviewer of the plan should know: limits of the scope's budget that it goes beyond."""
    if loaded.spec is None or loaded.root is None:
        return []
    return budget_warnings(totals(plan), loaded.spec.scope.budget, loaded.root)


def plan_json(loaded: Loaded, plan: Plan, chooser: Chooser, wish: Wish | None = None) -> dict[str, Any]:
    """The plan with everything that its text says, as plain data."""
    from lcspec.diag.render_json import to_json

    return plan_to_json(
        plan,
        loaded.source,
        loaded.lock,
        bases=loaded.bases,
        settings=loaded.settings,
        wish=wish,
        shown=shown(loaded),
        looks=outlooks(plan.graph, chooser.record_of),
        warnings=to_json(warnings(loaded, plan), loaded.sources)["diagnostics"],
    )


def why(loaded: Loaded, step: str, facts: Facts | None = None) -> tuple[Why, Plan]:
    """Why a step would run or not, and the plan that says so.

    Raises:
        LcspecError: LC1109 (exit 2), there is no such step; or the spec has errors.
    """
    facts = facts or gather_facts(loaded)
    plan, chooser = make_plan(loaded, facts)
    ids = [planned.step.id for planned in plan.steps]
    if step not in ids:
        help = did_you_mean(step, ids, "steps") + "; `lcspec plan --all` lists all"
        raise LcspecError([Diagnostic("LC1109", f"there is no step `{step}`", help=help)], 2)
    return explain(plan, chooser, facts, loaded.lock, step), plan


def why_json(loaded: Loaded, told: Why, plan: Plan) -> dict[str, Any]:
    """The explanation as plain data: schema `schemas/why/v1.json`."""
    texts = shown(loaded)
    steps = {planned.step.id: planned.step for planned in plan.steps}

    def one(moved: Moved) -> dict[str, Any]:
        known = texts.root is not None and moved.step in steps
        span = place(texts.root, steps[moved.step], moved.field, texts.lock) if known and texts.root else None
        whole = {name: getattr(moved, name) for name in ("step", "field", "old", "new", "maker", "was", "note")}
        return whole | {"place": texts.at(span), "below": [one(inner) for inner in moved.below]}

    record = told.nearest
    near = None
    if record is not None:
        near = {"key": record.key, "step": record.step, "finished": record.finished}
    return {
        "format_version": 1,
        "step": told.planned.step.id,
        "action": told.planned.action,
        "cause": told.planned.cause,
        "reason": told.planned.reason,
        "key": told.planned.key,
        "nearest": near,
        "equal": told.equal,
        "total": told.total,
        "moved": [one(moved) for moved in told.moved],
        "roots": [one(moved) for moved in told.roots],
        "parts": dict(told.parts),
    }


def shown(loaded: Loaded) -> Texts:
    """The texts that places of a plan point into."""
    return Texts(loaded.root, loaded.sources, loaded.sources.get(str(loaded.project.lock)))
