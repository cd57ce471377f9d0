"""The head of a plan: how many steps of which sort, and what they take in all."""

from collections.abc import Callable

from lcspec.cli.planview.style import BOLD, DIM, RED, YELLOW, Paint, fill
from lcspec.compile.planner import FIRST, REQUESTED, UNLOCKED
from lcspec.compile.totals import Amount, Totals, describe
from lcspec.ir.plan import Plan
from lcspec.ir.spec import Budget
from lcspec.units import format_bytes, format_money, format_seconds

Show = Callable[[float], str]
WORDS = {
    "run": "to run",
    "conditional": "conditional",
    "reuse-if-unchanged": "reused if unchanged",
    "reuse": "reused",
    "skip": "not needed",
    "left-out": "left out",
}


def summary_lines(plan: Plan, summed: Totals, budget: Budget, price_from: str, paint: Paint, width: int) -> list[str]:
    """The sentence of counts, then one line for each total that says something."""
    lines = [paint("Plan:", BOLD) + f" {_counts(plan)}."]
    if not summed.time.high:
        return lines
    rows = [
        (
            "time",
            _range(summed.time, format_seconds),
            describe(summed.time),
            _held(summed.time, budget.time, format_seconds),
        )
    ]
    if summed.memory.high:
        rows.append(("memory", f"{_range(summed.memory, format_bytes)} peak", describe(summed.memory), ("", "")))
    if summed.disk.high or summed.disk.unknown:
        unknown = summed.disk.unknown
        more = f" and {unknown} step{'' if unknown == 1 else 's'} of unknown size" if unknown else ""
        rows.append(("disk", _range(summed.disk, format_bytes) + more, describe(summed.disk), ("", "")))
    if summed.cost is not None:
        basis = f"time × {format_money(plan.hourly_price or 0)} per hour ({price_from})"
        rows.append(("cost", _range(summed.cost, format_money), basis, _held(summed.cost, budget.cost, format_money)))
    column = max(len(text) for _, text, _, _ in rows)
    wide = max(len(basis) + len(held[0]) for _, _, basis, held in rows) + column + 16 <= width
    for name, text, basis, (said, style) in rows:
        if wide:
            shown = f"  {name:<7} {text:<{column}}   {paint(basis, DIM)}   {paint(said, style)}"
            lines.append(shown.rstrip())
        else:
            lines += [f"  {name:<7} {text}", *(paint(part, DIM) for part in fill(" " * 10 + basis, width, 10))]
            lines += [" " * 10 + paint(said, style)] if said else []
    return lines


def _counts(plan: Plan) -> str:
    counts = {action: sum(step.action == action for step in plan.steps) for action in WORDS}
    parts = [f"{count} {WORDS[action]}" for action, count in counts.items() if count]
    runs = [step for step in plan.steps if step.action == "run"]
    new = sum(step.cause in (FIRST, UNLOCKED) for step in runs)
    asked = sum(step.cause == REQUESTED for step in runs)
    if runs and new < len(runs):
        sorts = ((new, "new"), (len(runs) - new - asked, "again"), (asked, "by request"))
        parts[0] += f" ({', '.join(f'{count} {word}' for count, word in sorts if count)})"
    return ", ".join(parts) or "no steps"


def _range(amount: Amount, show: Show) -> str:
    low, high = show(amount.low), show(amount.high)
    return high if low == high else f"{low} – {high}"


def _held(amount: Amount, limit: float | None, show: Show) -> tuple[str, str]:
    """The budget beside what it limits, and its colour."""
    if limit is None:
        return "", ""
    said = f"budget {show(limit)}"
    if amount.low > limit:
        return f"beyond the {said}", RED
    if amount.high > limit:
        return f"may go beyond the {said}", YELLOW
    return f"within the {said}", DIM


def moves_lines(plan: Plan) -> list[str]:
    """Each entry that was renamed."""
    kept = sum(step.moved_from is not None and step.action == "reuse" for step in plan.steps)
    if not plan.moves:
        return []
    named = ", ".join(f"{old} → {new}" for old, new in plan.moves)
    return [f"Moved: {named}; {kept} step{'' if kept == 1 else 's'} made under former names are reused", ""]


_CHANGES = {"new": "+ ", "changed": "~ ", "removed": "- ", "": "  "}


def capability_lines(plan: Plan, paint: Paint, width: int) -> list[str]:
    """What the spec allows that could run code, with what is new in it; nothing where it allows nothing."""
    lines = []
    for one in plan.capabilities:
        digest = f"sha256 {one.sha256[:12]}…" if one.sha256 else "no longer allowed"
        former = f", before {', '.join(old[:12] + '…' for old in one.former)}" if one.former else ""
        used = f"{len(one.steps)} step{'' if len(one.steps) == 1 else 's'}"
        text = f"{_CHANGES[one.change]}{one.kind} `{one.item}`  {digest}{former}  ({one.change or 'as before'}, {used})"
        lines += [paint(part, YELLOW) if one.change else part for part in fill(f"  {text}", width, 6)]
    return [paint("Allowed to run code:", BOLD), *lines, ""] if lines else []
