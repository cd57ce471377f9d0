"""Estimates from what finished runs took. They rest on the latest runs, and narrow with each one."""

from collections.abc import Sequence

from lcspec.ir.plan import Estimate, Step
from lcspec.run.ledger import Ledger, Taken

LATEST = 20  # attempts at the same step that count
LATEST_LIKE = 50  # attempts at other steps of its kind that count
TAIL = 0.1  # share of runs left out below and above
DOUBT = 0.5  # how much wider an interval from a single run is than what was seen; shrinks as 1 / runs


class History:
    """What the ledger knows of steps, by step and by kind; each kind is asked for once."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._kinds: dict[tuple[str, str], list[Taken]] = {}

    def estimate(self, step: Step) -> Estimate | None:
        """From runs of this step; else, where the size is known, from runs of its kind; else None."""
        if own := self._ledger.taken(step.id, step.kind, LATEST):
            return estimate_from(own, step.estimate)
        if not step.estimate.size:
            return None
        verb = step.id.partition(":")[0]
        if (verb, step.kind) not in self._kinds:
            self._kinds[verb, step.kind] = self._ledger.taken_like(verb, step.kind, LATEST_LIKE)
        like = [run for run in self._kinds[verb, step.kind] if run.size]
        return estimate_from(like, step.estimate, like=True) if like else None


def estimate_from(runs: Sequence[Taken], guess: Estimate, *, like: bool = False) -> Estimate:
    """The estimate that `runs` (one at least) give a step of the size of `guess`.

    A run of another size counts as a bracket from its time to its time scaled: a fixed part does not grow with the
    size, and how large that part is, one run does not tell.
    """
    ratios = [guess.size / run.size if guess.size and run.size else 1.0 for run in runs]
    lows = [run.seconds * min(1.0, ratio) for run, ratio in zip(runs, ratios, strict=True)]
    highs = [run.seconds * max(1.0, ratio) for run, ratio in zip(runs, ratios, strict=True)]
    doubt = 1 + DOUBT / len(runs)
    seconds = (quantile(lows, TAIL) / doubt, quantile(highs, 1 - TAIL) * doubt)
    disks = [run.disk for run in runs if run.disk]
    disk = (min(disks), max(disks)) if disks else guess.disk
    peak = max(run.peak for run in runs) or guess.memory
    return Estimate(seconds, peak, "history", disk, guess.size, len(runs), like)


def quantile(values: Sequence[float], share: float) -> float:
    """The `share` quantile, linear between neighbours."""
    ordered = sorted(values)
    place = share * (len(ordered) - 1)
    below = int(place)
    above = min(below + 1, len(ordered) - 1)
    return ordered[below] + (ordered[above] - ordered[below]) * (place - below)
