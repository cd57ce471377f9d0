"""What a plan means beside its steps: its warnings, and the whole of it as JSON."""

from typing import Any

from lcspec.api import Loaded
from lcspec.compile.outlooks import outlooks
from lcspec.compile.plan_json import Texts, plan_to_json
from lcspec.compile.select import Wish
from lcspec.compile.totals import budget_warnings, totals
from lcspec.diag.model import Diagnostic
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


def shown(loaded: Loaded) -> Texts:
    """The texts that places of a plan point into."""
    return Texts(loaded.root, loaded.sources, loaded.sources.get(str(loaded.project.lock)))
