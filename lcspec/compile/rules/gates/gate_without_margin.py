"""Not worse than a noisy baseline, without a margin: two equal models fail it or leave it undecided."""

from math import ceil

from lcspec.compile.asking import JUDGED, plural, rows_read, suite_metric
from lcspec.compile.check import Reporter
from lcspec.compile.known import Known
from lcspec.ir.spec import Spec
from lcspec.stats import paired_margin

DISCORDANT = 0.05  # share of rows on which two good candidates differ; an assumption, stated in the note


def check(spec: Spec, known: Known, report: Reporter) -> None:
    """LC0609 for no margin, LC0610 for one that these rows cannot tell from zero."""
    for name, gate in spec.gates.items():
        suite, _ = suite_metric(spec, gate)
        if gate.not_worse_than is None or suite is None:
            continue
        path = ("evaluation", "gates", name, "not-worse-than")
        counts = [count for split in JUDGED if (count := rows_read(spec, known, suite, split))]
        rows = min(counts, default=None)
        least = paired_margin(DISCORDANT, rows, gate.confidence) if rows else None
        fact = f"two equal candidates that differ on {DISCORDANT:.0%} of {rows} rows: ± {least:.3f}" if least else ""
        if gate.margin == 0:
            message = f"without a margin, a candidate as good as the {gate.not_worse_than} does not pass"
            help = f"add `margin: {_round_up(least)}`" if least else "add a margin: how much worse is still acceptable"
            report.warning("LC0609", path, message, help, notes=(fact,) if fact else ())
        elif least is not None and gate.margin < least:
            told = plural(rows or 0, "row")
            message = f"on {told} an equal candidate keeps a margin of {gate.margin:g} less often than not"
            need = ceil((least / gate.margin) ** 2 * (rows or 0))
            help = f"read about {need} rows, or allow a margin of {_round_up(least)}"
            report.warning("LC0610", (*path[:-1], "margin"), message, help, notes=(fact,))


def _round_up(margin: float) -> float:
    return ceil(margin * 100) / 100
