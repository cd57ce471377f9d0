"""A gate that these rows cannot decide: even a perfect score would leave the interval across the threshold."""

from lcspec.compile.check import Reporter
from lcspec.compile.known import Known
from lcspec.ir.spec import Spec
from lcspec.stats import wilson

PROPORTIONS = ("accuracy", "exact-match", "hit-rate", "retrieval-recall")


def check(spec: Spec, known: Known, report: Reporter) -> None:
    """LC0604 with the arithmetic, for gates on proportions whose suite limits its rows."""
    for name, gate in spec.gates.items():
        suite, _, metric = gate.metric.partition(".")
        entry = spec.entries("suite").get(suite)
        if entry is None or metric not in PROPORTIONS or gate.at_least is None:
            continue
        for split in ("validation", "test"):
            rows = getattr(entry.body.limit, split, None) if hasattr(entry.body, "limit") else None
            if rows is None:
                continue
            best = wilson(rows, rows, gate.confidence).low
            if best < gate.at_least:
                needed = next(
                    (n for n in range(rows, 100_000) if wilson(n, n, gate.confidence).low >= gate.at_least), None
                )
                message = f"`{name}` cannot be decided on {rows} rows of {split}"
                note = f"with every answer right, {rows} rows show at least {best:.3f} at {gate.confidence:.0%}"
                help = f"read at least {needed} rows" if needed else "lower the threshold"
                path = ("evaluation", "gates", name, "at-least")
                also = (((*entry.path, "limit"), "limited here"),)
                report.error("LC0604", path, message, help, notes=(note,), also=also)
