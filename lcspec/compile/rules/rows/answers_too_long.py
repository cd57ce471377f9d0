"""Answers longer than `max-tokens` cannot be given: the metric has a ceiling below the gate."""

from lcspec.compile.asking import columns_of, scoring_of
from lcspec.compile.check import Reporter
from lcspec.compile.known import Known
from lcspec.compile.ladders import generators
from lcspec.ir.spec import Spec

WHOLE = ("accuracy", "exact-match", "hit-rate")


def check(spec: Spec, known: Known, report: Reporter) -> None:
    """LC0620 for a gate above the share of test rows whose shortest answer fits."""
    for name, gate in spec.gates.items():
        suite_name, _, metric = gate.metric.partition(".")
        suite = spec.entries("suite").get(suite_name)
        most = getattr(suite.body, "max_tokens", None) if suite is not None else None
        if suite is None or metric not in WHOLE or not gate.at_least or not most:
            continue
        if scoring_of(spec, suite) != "generation" or columns_of(spec.entries("data").get(suite.body.data)) is None:
            continue
        rows = (known.rows(suite.body.data) or {}).get("test", ())
        counters = [counter for model in generators(spec) if (counter := known.counter(model))]
        answers = [min(filter(None, (row.target, *row.accepted)), key=len, default="") for row in rows]
        # without a tokenizer: no tokenizer in use spends fewer than one token on eleven characters of prose
        fits = [any(c(a) <= most for c in counters) if counters else len(a) <= 11 * most for a in answers]
        reach = sum(fits) / len(fits) if fits else 1.0
        if reach < gate.at_least:
            message = f"{len(fits) - sum(fits)} of {len(fits)} answers of test are longer than {most} tokens"
            note = f"`{gate.metric}` can reach {reach:.3f} at most; `{name}` asks for {gate.at_least:g}"
            path = (*suite.path, "max-tokens")
            also = ((("evaluation", "gates", name, "at-least"), "asked for here"),)
            report.error("LC0620", path, message, "raise `max-tokens`", notes=(note,), also=also)
