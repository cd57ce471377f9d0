"""What a plan takes in all: time, peak of memory, disk and money as intervals, each with what it rests on. Pure."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

from lcspec.compile.sizes import FAMILIES
from lcspec.diag.model import Diagnostic, Label
from lcspec.ir.document import Node, locate
from lcspec.ir.plan import Plan, PlannedStep
from lcspec.ir.spec import Budget
from lcspec.units import format_money, format_seconds

Part = Callable[[PlannedStep], tuple[tuple[float, float] | None, str]]
MAY_RUN = ("run", "conditional", "reuse-if-unchanged")


@dataclass(frozen=True, slots=True)
class Amount:
    """From `low` (only what must run) to `high` (all that may), `basis` by its share of the high end.

    `runs` counts the past runs behind the history; `unknown` the steps that nothing is known of.
    """

    low: float
    high: float
    basis: Mapping[str, float] = field(default_factory=dict)
    runs: int = 0
    unknown: int = 0


@dataclass(frozen=True, slots=True)
class Totals:
    """Seconds and bytes; `cost` in dollars is None when no price is known."""

    time: Amount
    memory: Amount
    disk: Amount
    cost: Amount | None


def totals(plan: Plan) -> Totals:
    """The totals of one apply of `plan`, one step at a time."""
    must = [step for step in plan.steps if step.action == "run"]
    may = [step for step in plan.steps if step.action in MAY_RUN]
    time = _summed(must, may, lambda step: (step.estimate.seconds, step.estimate.basis))
    disk = _summed(must, may, lambda step: (step.estimate.disk, _disk_basis(step)))
    price = plan.hourly_price
    cost = None if price is None else Amount(time.low / 3600 * price, time.high / 3600 * price, time.basis, time.runs)
    return Totals(time, _peak(must, may), disk, cost)


def _disk_basis(step: PlannedStep) -> str:
    """Bytes of weights and of rows are arithmetic even where the time of the step is a constant."""
    counted = step.step.kind.partition(".")[0] in FAMILIES or step.estimate.size
    return "formula" if counted and step.estimate.basis == "constant" else step.estimate.basis


def _summed(must: Iterable[PlannedStep], may: Iterable[PlannedStep], part: Part) -> Amount:
    low = sum(known[0] for step in must if (known := part(step)[0]))
    high, runs, unknown = 0.0, 0, 0
    shares: dict[str, float] = {}
    for step in may:
        known, basis = part(step)
        if known is None:
            unknown += 1
            continue
        high += known[1]
        runs += step.estimate.runs
        shares[basis] = shares.get(basis, 0.0) + known[1]
    parts = {name: share / high for name, share in sorted(shares.items()) if high and share / high >= 0.005}
    return Amount(low, high, parts, runs, unknown)


def _peak(must: list[PlannedStep], may: list[PlannedStep]) -> Amount:
    """The largest step decides: its basis is the whole basis."""
    low = max((step.estimate.memory for step in must), default=0)
    largest = max(may, key=lambda step: step.estimate.memory, default=None)
    if largest is None:
        return Amount(0, 0)
    estimate = largest.estimate
    return Amount(low, estimate.memory, {estimate.basis: 1.0}, estimate.runs)


def budget_warnings(summed: Totals, budget: Budget, root: Node) -> list[Diagnostic]:
    """LC1106 for each limit of `scope.budget` that the plan goes, or may go, beyond; LC1110: money, no price."""
    found = []
    if budget.cost is not None and summed.cost is None and summed.time.high:
        help = "add `hourly-price` to `scope.hardware`, or to `[hardware]` in `lcspec.toml`"
        label = (Label(locate(root, ("scope", "budget", "cost"), key=True), ""),)
        message = "nothing says what an hour of the device costs: this limit is held against nothing"
        found.append(Diagnostic("LC1110", message, label, (), help, "warning"))
    for name, limit, amount, show in (
        ("time", budget.time, summed.time, format_seconds),
        ("cost", budget.cost, summed.cost, format_money),
    ):
        if limit is None or amount is None or amount.high <= limit:
            continue
        label = (Label(locate(root, ("scope", "budget", name)), ""),)
        if amount.low > limit:
            message = f"the plan takes {show(amount.low)} at least; the budget is {show(limit)}"
        else:
            message = f"the plan may take {show(amount.high)}; the budget is {show(limit)}"
        note = f"from {show(amount.low)} to {show(amount.high)}; {describe(amount)}"
        help = "raise the budget, leave rungs or candidates out, or apply a part with `--target`"
        found.append(Diagnostic("LC1106", message, label, (note,), help, "warning"))
    return found


def describe(amount: Amount) -> str:
    """`formula 71 %, history 29 % (9 runs)`; a basis alone has no share."""
    parts = []
    for basis, share in sorted(amount.basis.items(), key=lambda item: -item[1]):
        text = basis if len(amount.basis) == 1 else f"{basis} {max(1, round(100 * share))} %"
        if basis == "history" and amount.runs:
            text += f" ({amount.runs} run{'' if amount.runs == 1 else 's'})"
        parts.append(text)
    return ", ".join(parts)
