"""A plan as text: the summary first, then what would run and why, then the gates."""

import sys
from collections.abc import Callable

from lcspec.gates.choose import Chooser
from lcspec.ir.plan import Gate, Plan, PlannedStep
from lcspec.units import format_bytes, format_seconds

Paint = Callable[[str, str], str]
WORTH_SAYING = 256 << 20  # bytes
SYMBOLS = {"run": "+", "reuse": "=", "conditional": "?", "reuse-if-unchanged": "~", "skip": "-"}
WORDS = {
    "run": "to run",
    "conditional": "conditional",
    "reuse-if-unchanged": "reused if unchanged",
    "reuse": "reused",
    "skip": "not needed",
}
_STYLE = {
    "run": "\x1b[32m",
    "conditional": "\x1b[36m",
    "reuse-if-unchanged": "\x1b[33m",
    "reuse": "\x1b[2m",
    "skip": "\x1b[2m",
}
_OFF, _BOLD, _DIM = "\x1b[0m", "\x1b[1m", "\x1b[2m"


def render_plan(plan: Plan, chooser: Chooser, *, path: str, everything: bool, color: bool | None) -> str:
    """The whole text; colour by default only on a terminal."""
    paint = _painter(sys.stdout.isatty() if color is None else color)
    lines = [paint(f"{plan.spec_name}", _BOLD) + f"  {path}", "", _summary(plan), ""]
    shown = [step for step in plan.steps if everything or step.action not in ("reuse", "skip")]
    width = max((len(step.step.id) for step in shown), default=0)
    for step in shown:
        lines += _step(step, width, paint)
    hidden = len(plan.steps) - len(shown)
    if not shown:
        lines.append("Nothing to do: every step is up to date.")
    elif hidden:
        lines.append(paint(f"  … {hidden} reused or not needed; `--all` lists them", _DIM))
    lines += ["", *_ladder(plan, chooser), *_gates(plan)]
    lines += [f"Note: {problem}" for problem in plan.problems]
    if plan.lock_digest is None:
        lines.append("Note: there is no lock; apply resolves sources and writes it, or run `lcspec lock`.")
    return "\n".join(lines).rstrip() + "\n"


def _painter(color: bool) -> Paint:
    return lambda text, style: f"{style}{text}{_OFF}" if color else text


def _summary(plan: Plan) -> str:
    counts = {action: sum(step.action == action for step in plan.steps) for action in WORDS}
    parts = [f"{count} {WORDS[action]}" for action, count in counts.items() if count]
    best, worst, memory = totals(plan)
    text = "Plan: " + ", ".join(parts) + "."
    if worst:
        text += (
            f"\n      {format_seconds(best)} at best, {format_seconds(worst)} at worst; peak {format_bytes(memory)}."
        )
    return text


def totals(plan: Plan) -> tuple[float, float, int]:
    """Seconds at best (conditional steps fall away), at worst, and the peak of memory in bytes."""
    must = [step for step in plan.steps if step.action == "run"]
    may = [step for step in plan.steps if step.action in ("conditional", "reuse-if-unchanged")]
    best = sum(step.estimate.seconds[0] for step in must)
    worst = sum(step.estimate.seconds[1] for step in (*must, *may))
    return best, worst, max((step.estimate.memory for step in (*must, *may)), default=0)


def _step(planned: PlannedStep, width: int, paint: Paint) -> list[str]:
    low, high = planned.estimate.seconds
    symbol = paint(SYMBOLS[planned.action], _STYLE[planned.action])
    span = f"{format_seconds(low)} – {format_seconds(high)}" if planned.action not in ("reuse", "skip") else ""
    if span and planned.estimate.memory >= WORTH_SAYING:
        span += f", {format_bytes(planned.estimate.memory)}"
    basis = f" ({planned.estimate.basis})" if span else ""
    line = f"  {symbol} {planned.step.id:<{width}}  {planned.reason}" + (
        paint(f"  {span}{basis}", _DIM) if span else ""
    )
    moved = [f"      {name}: {_short(old)} → {_short(new)}" for name, old, new in planned.moved[:6]]
    return [line, *(paint(text, _DIM) for text in moved)]


def _short(value: object) -> str:
    text = "none" if value is None else str(value)
    return text if len(text) <= 40 else f"{text[:12]}…{text[-12:]}"


def _ladder(plan: Plan, chooser: Chooser) -> list[str]:
    lines = ["Choices:"]
    for choice in plan.graph.choices:
        decision = plan.decisions.get(choice.id)
        if decision is None:
            lines.append(f"  {choice.id}: known after apply, of {', '.join(choice.candidates)}")
        elif decision.winner is None:
            lines.append(f"  {choice.id}: none ({decision.why})")
        else:
            mark = "passes" if decision.passed else "does not pass"
            lines.append(f"  {choice.id}: {chooser.name(decision.winner)} — {mark}")
    return [*lines, ""]


def _gates(plan: Plan) -> list[str]:
    return ["Gates:", *(f"  {gate.name}: {_gate(gate)}" for gate in plan.graph.gates), ""] if plan.graph.gates else []


def _gate(gate: Gate) -> str:
    metric = f"{gate.suite}.{gate.metric}"
    if gate.at_least is not None:
        return f"{metric} at least {gate.at_least:g}, at {gate.confidence:.0%} confidence"
    if gate.at_most is not None:
        return f"{metric} at most {gate.at_most:g}, at {gate.confidence:.0%} confidence"
    drop = f"by more than {gate.margin:g}"
    return f"{metric} not worse than {gate.not_worse_than} {drop}, at {gate.confidence:.0%} confidence"
