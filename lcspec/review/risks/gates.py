"""A gate that asks for less than it did, or is gone."""

from lcspec.compile.check import Reporter
from lcspec.ir.spec import GateSpec
from lcspec.review.model import Review

HELP = "say in the pull request why less is enough; what passes now might not have passed before"


def note(made: Review, report: Reporter) -> None:
    """LC1402 for each gate that is weaker in the head."""
    for name, old in made.base.spec.gates.items():
        new = made.head.spec.gates.get(name)
        if new is None:
            report.warning("LC1402", ("evaluation", "gates"), f"the gate `{name}` is gone", HELP, key=True)
            continue
        for field, message in _weaker(old, new):
            report.warning("LC1402", ("evaluation", "gates", name, field), f"the gate `{name}` {message}", HELP)


def _weaker(old: GateSpec, new: GateSpec) -> list[tuple[str, str]]:
    found = []
    if new.metric != old.metric:
        found.append(("metric", f"measures `{new.metric}` instead of `{old.metric}`"))
    for field, key, grows in (("at_least", "at-least", False), ("at_most", "at-most", True)):
        was, now = getattr(old, field), getattr(new, field)
        if was is not None and (now is None or (now > was if grows else now < was)):
            found.append((key, f"asks for {key} {_said(now)} instead of {was:g}"))
    if old.not_worse_than is not None and new.not_worse_than != old.not_worse_than:
        found.append(
            ("not-worse-than", f"compares with {new.not_worse_than or 'nothing'} instead of {old.not_worse_than}")
        )
    if new.margin > old.margin:
        found.append(("margin", f"allows a loss of {new.margin:g} instead of {old.margin:g}"))
    if new.confidence < old.confidence:
        found.append(("confidence", f"asks for {new.confidence:.0%} confidence instead of {old.confidence:.0%}"))
    return found


def _said(value: float | None) -> str:
    return "nothing" if value is None else f"{value:g}"
