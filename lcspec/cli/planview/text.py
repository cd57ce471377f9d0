"""A plan as text: the summary first, then what would run and why, then choices and gates, then the symbols."""

from lcspec.api import Loaded
from lcspec.cli.planview.gates import choice_lines, gate_lines
from lcspec.cli.planview.steps import QUIET, Look, step_lines
from lcspec.cli.planview.style import BOLD, DIM, Places, fill, legend, painter, symbol
from lcspec.cli.planview.summary import capability_lines, moves_lines, summary_lines
from lcspec.compile.outlooks import outlooks
from lcspec.compile.totals import totals
from lcspec.gates.choose import Chooser
from lcspec.gates.outlook import undecided
from lcspec.ir.plan import Plan
from lcspec.ir.spec import Budget


def render_plan(
    loaded: Loaded, plan: Plan, chooser: Chooser, *, width: int, color: bool = False, everything: bool = False
) -> str:
    """The whole text, at most `width` columns wide where it can be."""
    paint = painter(color)
    budget = loaded.spec.scope.budget if loaded.spec is not None else Budget()
    look = Look(width, paint, places(loaded, plan), everything)
    lines = [paint(plan.spec_name, BOLD) + f"  {loaded.source.path}", ""]
    hardware = loaded.spec.scope.hardware if loaded.spec is not None else None
    price_from = "lcspec.toml" if hardware is None or hardware.hourly_price is None else "scope.hardware"
    lines += [*summary_lines(plan, totals(plan), budget, price_from, paint, width), ""]
    lines += capability_lines(plan, paint, width)
    lines += [*(part for line in moves_lines(plan) for part in fill(line, width, 2)), *step_lines(plan, look)]
    lines += [*_hidden(plan, look), "", *choice_lines(plan, chooser, width), ""]
    looks, open_ = outlooks(plan.graph, chooser.record_of), undecided(plan.decisions)
    lines += [*gate_lines(plan, looks, open_, paint, width), ""]
    lines += [f"Note: {problem}" for problem in plan.problems]
    if plan.lock_digest is None:
        lines.append("Note: there is no lock; apply resolves sources and writes it, or run `lcspec lock`.")
    used = [symbol(step) for step in plan.steps if everything or step.action not in QUIET]
    lines += legend(used, paint, width)
    return "\n".join(lines).rstrip() + "\n"


def places(loaded: Loaded, plan: Plan) -> Places:
    """The look-up of spec and lock lines for the steps of a plan."""
    steps = {step.step.id: step.step for step in plan.steps}
    return Places(loaded.root, loaded.sources, loaded.sources.get(str(loaded.project.lock)), steps)


def _hidden(plan: Plan, look: Look) -> list[str]:
    counts = {"reuse": "reused", "skip": "not needed", "left-out": "left out"}
    if look.everything:
        return []
    told = [f"{n} {word}" for action, word in counts.items() if (n := sum(s.action == action for s in plan.steps))]
    pending = any(step.action not in QUIET for step in plan.steps)
    return [look.paint(f"  … {', '.join(told)}; `--all` lists them", DIM)] if told and pending else []
