"""A limit of the scope that allows more than it did."""

from typing import Any

from lcspec.compile.check import Reporter
from lcspec.ir.spec import Scope
from lcspec.review.model import Review

HELP = "make sure that those who serve, pay for and answer for the system agree"


def note(made: Review, report: Reporter) -> None:
    """LC1404 for each limit that was raised, lowered to allow more, or dropped."""
    old, new = made.base.spec.scope, made.head.spec.scope
    before, now = _limits(old), _limits(new)
    for key, (limit, sign) in before.items():
        have = now[key][0] if key in now else None
        if have is None:
            report.warning("LC1404", ("scope", *key.split(".")), f"the limit `{key}` is gone", HELP, key=True)
        elif (have - limit) * sign > 0:
            report.warning("LC1404", ("scope", *key.split(".")), f"`{key}` allows {have:g}, before {limit:g}", HELP)
    wider = sorted(set(new.requires.licenses) - set(old.requires.licenses))
    if old.requires.licenses and (wider or not new.requires.licenses):
        message = f"licences that are allowed now: {', '.join(wider) or 'any'}"
        report.warning("LC1404", ("scope", "requires", "licenses"), message, HELP)
    if old.commercial and not new.commercial:
        report.warning("LC1404", ("scope", "commercial"), "licences are no longer judged for commercial use", HELP)


def _limits(scope: Scope) -> dict[str, tuple[float, int]]:
    """Each numeric limit, with 1 where more is laxer and -1 where less is."""
    wants, budget = scope.requires, scope.budget
    limits: dict[str, tuple[Any, str, int]] = {
        "requires.parameters.max": (wants.parameters, "max", 1),
        "requires.context.min": (wants.context, "min", -1),
        "requires.memory.max": (wants.memory, "max", 1),
        "requires.latency_p95.max": (wants.latency_p95, "max", 1),
        "budget.time": (budget, "time", 1),
        "budget.cost": (budget, "cost", 1),
    }
    said = {key: (getattr(holder, field, None), sign) for key, (holder, field, sign) in limits.items()}
    return {key: (float(limit), sign) for key, (limit, sign) in said.items() if limit is not None}
