"""Looks at test: the steps that read a suite's test split for a candidate, by their ids."""

from typing import NamedTuple

_FROM_PREDICTIONS = ("score", "compare")  # verbs of steps that read what a look has seen, and no row anew


class Look(NamedTuple):
    """One candidate judged on the test split of one suite."""

    suite: str
    candidate: str


def look_of(step: str) -> Look | None:
    """The look that a step with this id takes; None when it reads no test split."""
    verb, _, rest = step.partition(":")
    suite, marked, candidate = rest.partition(".test:")
    return Look(suite, candidate) if marked and verb not in _FROM_PREDICTIONS else None
