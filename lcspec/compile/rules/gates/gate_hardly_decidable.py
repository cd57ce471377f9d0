"""A gate that only a nearly perfect model could pass on so few rows: undecided is the likely end."""

from lcspec.compile.asking import JUDGED, PROPORTIONS, plural, rows_read, suite_metric
from lcspec.compile.check import Reporter
from lcspec.compile.known import Known
from lcspec.ir.spec import Spec
from lcspec.stats import half_width, rows_needed, share_needed, wilson

POWER = 0.8
HEADROOM = 0.9  # told when only the last tenth of the room above the threshold would do


def check(spec: Spec, known: Known, report: Reporter) -> None:
    """LC0608 with the interval, the value a model would need, and the rows that would do."""
    for name, gate in spec.gates.items():
        suite, metric = suite_metric(spec, gate)
        if suite is None or metric not in PROPORTIONS or gate.at_least is None or not 0 < gate.at_least < 1:
            continue
        threshold = gate.at_least
        counts = {split: rows_read(spec, known, suite, split) for split in JUDGED}
        for split, rows in counts.items():
            if rows is None or wilson(rows, rows, gate.confidence).low < threshold:
                continue  # unknown, or LC0604
            needed = share_needed(rows, threshold, gate.confidence, power=POWER)
            if needed is not None and needed <= threshold + HEADROOM * (1 - threshold):
                continue
            enough = rows_needed((threshold + 1) / 2, threshold, gate.confidence, power=POWER)
            message = f"`{name}` is hard to decide on {plural(rows, 'row')} of {split}"
            wide = half_width(threshold, rows, gate.confidence)
            notes = (
                f"at {threshold:g} the interval is ± {wide:.3f} ({gate.confidence:.0%}, one-sided Wilson)",
                f"8 of 10 times only a model that truly reaches {needed:.3f} passes"
                if needed
                else "no model passes often",
            )
            help = f"read {enough} rows or more, which shows {(threshold + 1) / 2:.3g}, or lower the threshold"
            also = ((suite.path, "measured here"),)
            path = ("evaluation", "gates", name, "at-least")
            report.warning("LC0608", path, message, help, notes=notes, also=also)
