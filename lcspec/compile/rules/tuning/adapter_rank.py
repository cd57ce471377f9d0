"""A rank that is no low rank, or a scale that drowns the base."""

from lcspec.compile.check import Reporter
from lcspec.compile.known import Known
from lcspec.compile.ladders import generators
from lcspec.estimate.architecture import sizes
from lcspec.ir.spec import Spec

MOST_SCALE = 16


def check(spec: Spec, known: Known, report: Reporter) -> None:
    """LC0506 for a rank of half the hidden size or more; LC0511 for a scale alpha / rank beyond 16."""
    known_sizes = [sizes(known.models.get(name, {}).get("config") or {}) for name in generators(spec)]
    hidden = min((one.hidden for one in known_sizes if one is not None), default=None)
    for entry in spec.entries("tuning").values():
        rank, alpha = getattr(entry.body, "rank", None), getattr(entry.body, "alpha", None)
        if not rank:
            continue
        if hidden and rank * 2 >= hidden:
            message = f"rank {rank} on a hidden size of {hidden}: the adapters hold as much as the layers"
            note = f"a layer has {hidden} × {hidden} weights, its adapter 2 × {hidden} × {rank}"
            help = "take a rank of 8 to 64, or `kind: full`"
            report.warning("LC0506", (*entry.path, "rank"), message, help, notes=(note,))
        elif alpha and alpha / rank > MOST_SCALE:
            message = f"the update is multiplied by {alpha} / {rank} = {alpha / rank:g}"
            help = f"alpha of one or two times the rank is usual: `alpha: {2 * rank}`"
            report.warning("LC0511", (*entry.path, "alpha"), message, help)
