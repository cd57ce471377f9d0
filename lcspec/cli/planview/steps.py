"""The steps of a plan: grouped by the part of the lifecycle, each with its reason, folded when they are many."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from lcspec.cli.planview.style import DIM, Paint, Places, field_name, painted_symbol, short, symbol
from lcspec.compile.groups import groups, order
from lcspec.ir.plan import Estimate, Plan, PlannedStep
from lcspec.units import format_bytes, format_seconds

LONG = 40  # steps above which candidates become one line each
MOST = 12  # lines of one group of a long plan
FIELDS = 6  # moved fields of one step
WORTH_SAYING = 256 << 20  # bytes
QUIET = ("reuse", "skip", "left-out")


@dataclass(frozen=True)
class Look:
    """How steps are shown: columns of the terminal, colours, the look-up of lines, and whether all are listed."""

    width: int
    paint: Paint
    places: Places
    everything: bool = False


@dataclass(frozen=True)
class _Row:
    mark: str
    name: str
    reason: str
    estimate: str
    below: tuple[str, ...] = ()
    count: int = 1


def step_lines(plan: Plan, look: Look) -> list[str]:
    """All groups that have something to show."""
    where = groups(plan.graph)
    shown = [step for step in plan.steps if look.everything or step.action not in QUIET]
    if not shown:
        return ["Nothing to do: every step is up to date."] if not _left_out(plan) else []
    long = len(shown) > LONG and not look.everything
    by_group: dict[str, list[PlannedStep]] = {}
    for step in shown:
        by_group.setdefault(where[step.step.id][0], []).append(step)
    lines: list[str] = []
    for group in order(plan.graph):
        steps = by_group.get(group, [])
        if not steps:
            continue
        rows = _folded(steps, where, look) if long else [_row(step, look) for step in steps]
        kept = rows if not long or len(rows) <= MOST + 1 else rows[:MOST]
        lines += [f"  {look.paint(group, DIM)}", *_columns(kept, look)]
        if len(kept) < len(rows):
            left = sum(row.count for row in rows[len(kept) :])
            lines.append(look.paint(f"      … {left} more steps of {group}; `--all` lists them", DIM))
        lines.append("")
    return lines[:-1]


def _left_out(plan: Plan) -> bool:
    return any(step.action == "left-out" for step in plan.steps)


def _folded(steps: Sequence[PlannedStep], where: Mapping[str, tuple[str, str]], look: Look) -> list[_Row]:
    """One row for each candidate whose steps say nothing of their own."""
    rows: list[_Row] = []
    together: dict[str, list[PlannedStep]] = {}
    for step in steps:
        candidate = where[step.step.id][1]
        together.setdefault(candidate or step.step.id, []).append(step)
    for name, members in together.items():
        plain = len({(symbol(step), step.cause) for step in members}) == 1 and not any(s.moved for s in members)
        if len(members) < 2 or not plain:
            rows += [_row(step, look) for step in members]
            continue
        verbs = ", ".join(dict.fromkeys(step.step.id.partition(":")[0] for step in members))
        low = sum(step.estimate.seconds[0] for step in members)
        high = sum(step.estimate.seconds[1] for step in members)
        reason = f"{members[0].reason}: {verbs}"
        rows.append(_Row(symbol(members[0]), name, reason, _span(low, high), count=len(members)))
    return rows


def _row(planned: PlannedStep, look: Look) -> _Row:
    told = estimate_text(planned.estimate) if planned.action not in QUIET else ""
    return _Row(symbol(planned), planned.step.id, planned.reason, told, tuple(moved_lines(planned, look)))


def moved_lines(planned: PlannedStep, look: Look, indent: str = "        ") -> list[str]:
    """Each field that moved: old → new, and the line that says so."""
    told = []
    for name, old, new in planned.moved[:FIELDS]:
        text = f"{indent}{field_name(name)}: {short(old)} → {short(new)}"
        where = look.places.of(planned.step, name)
        told.append(f"{text}   {look.paint(where, DIM)}" if where else text)
    if len(planned.moved) > FIELDS:
        told.append(f"{indent}… {len(planned.moved) - FIELDS} more; `lcspec why {planned.step.id}` lists them")
    return told


def estimate_text(estimate: Estimate) -> str:
    """`29 s – 2 min 10 s, 1.46 GiB (formula)`."""
    text = _span(*estimate.seconds)
    if estimate.memory >= WORTH_SAYING:
        text += f", {format_bytes(estimate.memory)}"
    return f"{text} ({basis_text(estimate)})"


def basis_text(estimate: Estimate) -> str:
    """What an estimate rests on: `constant`, `history of 3 runs`, `history of 5 runs like it`."""
    if not estimate.runs:
        return estimate.basis
    runs = f"history of {estimate.runs} run{'' if estimate.runs == 1 else 's'}"
    return f"{runs} like it" if estimate.like else runs


def _span(low: float, high: float) -> str:
    first, last = format_seconds(low), format_seconds(high)
    return last if first == last else f"{first} – {last}"


def _columns(rows: Sequence[_Row], look: Look) -> list[str]:
    """Rows as lines: in columns where they fit, else what is said of a step below it. Ids are never cut."""
    names = max((len(row.name) for row in rows), default=0)
    reasons = max((len(row.reason) for row in rows), default=0)
    fits = names + reasons + max((len(row.estimate) for row in rows), default=0) + 10 <= look.width
    lines = []
    for row in rows:
        mark, estimate = painted_symbol(row.mark, look.paint), look.paint(row.estimate, DIM)
        if fits:
            reason = f"{row.reason:<{reasons}}  {estimate}" if estimate else row.reason
            lines.append(f"  {mark} {row.name:<{names}}  {reason}")
        elif len(row.reason) + len(row.estimate) + 10 <= look.width:
            lines += [f"  {mark} {row.name}", f"        {row.reason}  {estimate}".rstrip()]
        else:
            lines += [f"  {mark} {row.name}", f"        {row.reason}"]
            lines += [f"        {estimate}"] if estimate else []
        lines += row.below
    return lines
