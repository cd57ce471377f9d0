"""The best of many on few rows looks better than it is: part of its lead is luck."""

import math

from lcspec.compile.asking import rows_read
from lcspec.compile.check import Reporter
from lcspec.compile.known import Known
from lcspec.compile.ladders import effective_ladder, generators
from lcspec.ir.spec import Spec

TOO_MUCH = 0.05
FEW = 8


def check(spec: Spec, known: Known, report: Reporter) -> None:
    """LC0617 where the expected luck of the winner, σ √(2 ln k), is more than five points."""
    suites = list(spec.entries("suite").values())
    rows = rows_read(spec, known, suites[0], "validation") if suites else None
    for index, rung in enumerate(effective_ladder(spec)):
        models = len(rung.models) or (len(generators(spec)) if index == 0 else 1)
        prompts = len(rung.prompts) or (len(spec.entries("prompt")) if index == 0 else 1)
        count = models * prompts * (len(rung.tuning) or 1) * (len(rung.augmentation) or 1)
        if rows is None or count < FEW:
            continue
        luck = 0.4 / math.sqrt(rows) * math.sqrt(2 * math.log(count))  # σ of a share of 0.8
        if luck > TOO_MUCH:
            need = math.ceil(rows * (luck / TOO_MUCH) ** 2)
            message = f"the best of {count} candidates on {rows} rows of validation is partly the luckiest"
            note = f"expected luck 0.4 / √{rows} · √(2 ln {count}) = {luck:.3f}"
            path = ("ladder", index) if spec.ladder else suites[0].path
            help = f"validate on {need} rows or more, or try fewer candidates on this rung"
            report.warning("LC0617", path, message, help, notes=(note,), key=not spec.ladder)
