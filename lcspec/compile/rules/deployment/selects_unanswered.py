"""A service is held against the answers that were evaluated: the suite that selects must have some."""

from lcspec.compile.check import Reporter
from lcspec.compile.known import Known
from lcspec.compile.ladders import select_by
from lcspec.ir.spec import Spec

UNANSWERED = {"perplexity": "only likelihoods", "lm-eval": "asked in its own way"}


def check(spec: Spec, known: Known, report: Reporter) -> None:
    """LC0581 for a target when a suite without answers ranks the candidates."""
    suite = spec.entries("suite").get(select_by(spec)[0])
    if suite is None or suite.kind not in UNANSWERED:
        return
    others = [f"{name}.{one.body.metrics[0]}" for name, one in spec.entries("suite").items() if one.kind == "rows"]
    help = "add a suite of `kind: rows`, and name one of its metrics under `evaluation.select-by`"
    help = f"say `evaluation: {{select-by: {others[0]}}}`" if others else help
    for entry in spec.entries("deploy").values():
        message = f"`{entry.name}` is held against evaluated answers, and `{suite.name}`, which selects, has none"
        report.error("LC0581", entry.path, message, help, key=True, also=((suite.path, UNANSWERED[suite.kind]),))
