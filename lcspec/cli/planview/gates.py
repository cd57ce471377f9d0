"""The gates and choices of a plan: what is decided, and what the rows at hand can decide."""

from collections.abc import Sequence

from lcspec.cli.planview.style import DIM, YELLOW, Paint, fill
from lcspec.gates.choose import Chooser
from lcspec.gates.outlook import Outlook, Undecided
from lcspec.ir.plan import Gate, Plan

MANY = 6  # candidates of a choice that are named


def choice_lines(plan: Plan, chooser: Chooser, width: int) -> list[str]:
    """What each choice picked, or of what it will."""
    lines = ["Choices:"]
    for choice in plan.graph.choices:
        decision = plan.decisions.get(choice.id)
        if decision is None:
            names = [*choice.candidates[:MANY]]
            more = len(choice.candidates) - len(names)
            listed = ", ".join(names) + (f" and {more} more" if more else "")
            lines += fill(f"  {choice.id}: known after apply, of {listed}", width, 6)
        elif decision.winner is None:
            lines += fill(f"  {choice.id}: none ({decision.why})", width, 6)
        else:
            mark = "passes" if decision.passed else "does not pass"
            lines.append(f"  {choice.id}: {chooser.name(decision.winner)} — {mark}")
    return lines


def gate_lines(plan: Plan, looks: Sequence[Outlook], open_: Sequence[Undecided], paint: Paint, width: int) -> list[str]:
    """Each gate, what its rows can show, and the verdicts that want more rows."""
    if not plan.graph.gates:
        return []
    lines = ["Gates:"]
    for gate in plan.graph.gates:
        lines += fill(f"  {gate.name}: {gate_text(gate)}", width, 6)
        for look in looks:
            if look.gate == gate.name:
                style = DIM if look.decidable else YELLOW
                lines += [paint(line, style) for line in fill(f"      {_outlook(gate, look)}", width, 8)]
        for one in open_:
            if one.gate == gate.name:
                rows = f"; n ≥ {one.needed:,} rows would decide it if the value stays" if one.needed else ""
                text = f"inconclusive for {one.candidate} on {one.n:,} rows of {one.split}{rows}"
                lines += [paint(line, YELLOW) for line in fill(f"      {text}", width, 8)]
    return lines


def _outlook(gate: Gate, look: Outlook) -> str:
    head = f"{look.split}, {look.n:,} rows: "
    if gate.not_worse_than is not None:
        loss = f"equal answers still leave a loss of {look.passes_from:.3f} possible, allowed {gate.margin:g}"
        if look.decidable:
            return head + loss
        needed = (
            f"n ≥ {look.needed:,} rows are needed" if look.needed else "only a better one can pass without a margin"
        )
        return f"{head}an equal candidate cannot pass: {loss}; {needed}"
    word = "at least" if gate.at_least is not None else "at most"
    if look.decidable and look.passes_from is not None:
        return f"{head}passes when {word} {look.passes_from:.3f} is measured"
    needed = f"; n ≥ {look.needed:,} rows are needed" if look.needed else ""
    return f"{head}cannot pass, whatever is measured{needed}"


def gate_text(gate: Gate) -> str:
    """A gate in words."""
    metric = f"{gate.suite}.{gate.metric}"
    if gate.at_least is not None:
        return f"{metric} at least {gate.at_least:g}, at {gate.confidence:.0%} confidence"
    if gate.at_most is not None:
        return f"{metric} at most {gate.at_most:g}, at {gate.confidence:.0%} confidence"
    drop = f"by more than {gate.margin:g}"
    return f"{metric} not worse than {gate.not_worse_than} {drop}, at {gate.confidence:.0%} confidence"
