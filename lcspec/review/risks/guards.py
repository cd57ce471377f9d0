"""A guardrail that is gone, or does less."""

from typing import Any

from lcspec.compile.check import Reporter
from lcspec.review.model import Review

HELP = "say what keeps such input and output out now"


def note(made: Review, report: Reporter) -> None:
    """LC1405 for each guardrail of the base that the head lacks."""
    for name, entry in made.base.spec.entries("augment").items():
        if entry.kind != "guardrails":
            continue
        now = made.head.spec.entries("augment").get(name)
        for side in ("input", "output"):
            old = getattr(entry.body, side, ())
            new = getattr(now.body, side, ()) if now is not None else ()
            lost = [guard for guard in old if guard not in new]
            for guard in lost:
                message = f"the {side} guardrail `{_kind(guard)}` of `{name}` is {_fate(guard, new)}"
                report.warning("LC1405", ("augmentation", name, side), message, HELP, key=True)


def _kind(guard: Any) -> str:
    return str(getattr(guard, "kind", guard))


def _fate(guard: Any, new: tuple[Any, ...]) -> str:
    return "not what it was" if any(_kind(one) == _kind(guard) for one in new) else "gone"
