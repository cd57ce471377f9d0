"""`ReportInput` to `ReportModel`: a pure function of graph, decisions and records."""

from collections.abc import Mapping
from typing import Any

from lcspec.gates.choose import Chooser
from lcspec.gates.verdict import interval_of
from lcspec.ir.plan import Candidate, Chosen, Output, Ref
from lcspec.ir.record import StepRecord
from lcspec.ir.verdict import FAIL
from lcspec.report.headline import headline
from lcspec.report.model import (
    Classes,
    Contract,
    Curve,
    DataView,
    Figure,
    ForestGroup,
    Judged,
    Limit,
    Measure,
    ReportInput,
    ReportModel,
    RungView,
    StepView,
    Variant,
)

VALIDATION, TEST = "validation", "test"


def build(source: ReportInput) -> ReportModel:
    """The model of the report."""
    work = _Work(source)
    rungs = tuple(work.rung(number, choice.id) for number, choice in enumerate(work.choices("rung"), 1))
    variants, tests, contract = work.variants(), work.tests(), work.contract()
    suite, metric = source.graph.select_by
    return ReportModel(
        name=source.name,
        description=source.description,
        spec_digest=source.spec_digest,
        metric=f"{suite}.{metric}",
        confidence=work.confidence,
        headline=headline(source, rungs, variants, tests, contract),
        scope=tuple(source.scope.items()),
        rungs=rungs,
        forest=_forest(rungs, variants, tests),
        limit=work.limit,
        tests=tests,
        figures=work.figures(),
        classes=work.classes(),
        curves=work.curves(),
        variants=variants if len(variants) > 1 else (),
        contract=contract,
        release=source.release,
        data=work.data(),
        steps=tuple(work.step(step.id) for step in source.graph.steps),
        warnings=work.warnings(),
        lock=tuple(sorted(source.lock.items())),
        versions=tuple(sorted(source.versions.items())),
    )


class _Work:
    """The look-ups that the parts of the report share."""

    def __init__(self, source: ReportInput) -> None:
        self.source, self.graph, self.records = source, source.graph, source.records
        self.chooser = Chooser(source.graph, source.records.get)
        self.limit = _limit(source)
        self.confidence = self.limit.confidence if self.limit else 0.95

    def choices(self, rule: str) -> list[Any]:
        return [choice for choice in self.graph.choices if choice.rule == rule]

    def name(self, candidate_id: str) -> str:
        """The full name without the axes that end it unused."""
        parts = self.chooser.name(candidate_id).split("/")
        while len(parts) > 1 and parts[-1] == "-":
            parts.pop()
        return "/".join(parts)

    def record_of(self, candidate: Candidate, split: str) -> StepRecord | None:
        return self.records.get(candidate.scores.get(self.graph.select_by[0], {}).get(split, ""))

    def judged(self, candidate_id: str, split: str, *, won: bool = False) -> Judged:
        candidate = self.graph.candidates[candidate_id]
        record = self.record_of(candidate, split)
        metric = record.metrics.get(self.graph.select_by[1]) if record else None
        verdicts = self.chooser.verdicts(candidate_id, split) or ()
        return Judged(candidate_id, self.name(candidate_id), split, self._measure(metric), verdicts, won)

    def _measure(self, metric: Mapping[str, Any] | None) -> Measure:
        if not metric:
            return Measure(None)
        low, high = interval_of(metric, self.confidence) or (None, None)
        return Measure(metric.get("value"), low, high, int(metric.get("n") or 0))

    def rung(self, number: int, choice_id: str) -> RungView:
        decision = self.source.decisions.get(choice_id)
        ids = next(choice.candidates for choice in self.graph.choices if choice.id == choice_id)
        winner = decision.winner if decision else None
        shown = tuple(self.judged(id, VALIDATION, won=id == winner) for id in ids)
        if decision is None:
            made = [self.source.decisions.get(choice.id) for choice in self.choices("rung")]
            climbed = not any(one is not None and one.passed for one in made)
            return RungView(number, "not measured" if climbed else "not needed", "", shown)
        outcomes = {verdict.outcome for verdict in decision.verdicts}
        state = "passed" if decision.passed else "failed" if FAIL in outcomes else "undecided"
        why = decision.why.replace(winner, self.name(winner)) if winner else decision.why
        return RungView(number, state, why, shown)

    def variants(self) -> tuple[Variant, ...]:
        decision = self.source.decisions.get("release")
        made = []
        for choice in self.choices("variant"):
            for id in choice.candidates:
                judged = self.judged(
                    id, VALIDATION, won=bool(decision) and decision is not None and decision.winner == id
                )
                if judged.measure.value is not None:
                    made.append(Variant(judged, self._bytes(id), self._agreement(id)))
        return tuple(made)

    def _bytes(self, candidate_id: str) -> int | None:
        step = self._maker(self.graph.candidates[candidate_id].slots.get("model"))
        record = self.records.get(step or "")
        return record.metrics.get("bytes") if record else None

    def _maker(self, ref: Ref | None) -> str | None:
        """The step that makes an artefact, through the choices that it comes from."""
        while isinstance(ref, Chosen):
            decision = self.source.decisions.get(ref.choice)
            if decision is None or decision.winner is None:
                return None
            ref = self.graph.candidates[decision.winner].slots.get(ref.slot)
        return ref.step if isinstance(ref, Output) else None

    def _agreement(self, candidate_id: str) -> float | None:
        """The share of validation rows that were answered as by the candidate it is derived from."""
        gates = {gate.name for gate in self.graph.gates if candidate_id in gate.only}
        for at, step in sorted(self.graph.comparisons.items()):
            gate, candidate, split = at.split("|")
            record = self.records.get(step)
            if record and gate in gates and (candidate, split) == (candidate_id, VALIDATION):
                agreement = (record.metrics.get("comparison") or {}).get("agreement")
                return None if agreement is None else float(agreement)
        return None

    def tests(self) -> tuple[Judged, ...]:
        """The finalist and the release on test; once when they are the same."""
        found = []
        for id in ("finalist", "release"):
            candidate = self.graph.candidates.get(id)
            if candidate is not None and self.record_of(candidate, TEST):
                found.append(self.judged(id, TEST, won=id == "release" or "release" not in self.graph.candidates))
        return tuple(found[1:] if len(found) == 2 and found[0].name == found[1].name else found)

    def figures(self) -> tuple[Figure, ...]:
        """What else was measured of the last candidate on test, suite by suite."""
        candidates = [self.graph.candidates.get(id) for id in ("release", "finalist")]
        judged = next((one for one in candidates if one is not None and self.record_of(one, TEST)), None)
        made = []
        for suite, splits in judged.scores.items() if judged else ():
            record = self.records.get(splits.get(TEST, ""))
            for metric, told in sorted(record.metrics.items()) if record else ():
                if isinstance(told, Mapping) and "value" in told and (suite, metric) != self.graph.select_by:
                    made.append(Figure(f"{suite}.{metric}", self._measure(told)))
        return tuple(made)

    def classes(self) -> Classes | None:
        """The table and confusion of the last candidate on test, else of the best rung on validation."""
        places = [("release", TEST), ("finalist", TEST), ("finalist", VALIDATION)]
        places += [(made.winner, VALIDATION) for made in reversed(tuple(self.source.decisions.values())) if made.winner]
        for id, split in places:
            candidate = self.graph.candidates.get(id)
            record = self.record_of(candidate, split) if candidate else None
            for _, metric in sorted(record.metrics.items()) if record else ():
                if isinstance(metric, Mapping) and metric.get("confusion"):
                    return _classes(self.name(id), split, metric)
        return None

    def curves(self) -> tuple[Curve, ...]:
        made = []
        for step in self.graph.steps:
            record = self.records.get(step.id)
            points = record.metrics.get("curve") if record else None
            if points:
                what = (
                    "reward" if any("reward" in point for point in points) else "loss"
                )  # with rewards it tells nothing
                known = [point for point in points if point.get(what) is not None]
                told = tuple((int(p["step"]), float(p[what]), p.get("learning_rate")) for p in known)
                id = step.id.partition(":")[2]
                made.append(Curve(self.name(id) if id in self.graph.candidates else id, told, what))
        return tuple(made)

    def contract(self) -> Contract | None:
        step = self.graph.contract or next((s.id for s in self.graph.steps if s.id.startswith("contract:")), "")
        record = self.records.get(step)
        if record is None:
            return None
        metrics, measured = record.metrics, record.measured
        p50, p95 = measured.get("latency_p50"), measured.get("latency_p95")
        verdicts = self.chooser.serving_verdicts() or ()
        return Contract(step, int(metrics.get("asked", 0)), int(metrics.get("equal", 0)), p50, p95, verdicts)

    def data(self) -> tuple[DataView, ...]:
        made = []
        for step in self.graph.steps:
            record = self.records.get(step.id)
            if record is None or not step.kind.startswith("data."):
                continue
            name = step.id.rpartition(".")[2]
            rows = record.metrics.get("rows")
            counts = list(rows.items()) if isinstance(rows, Mapping) else []
            counts += [(what, record.metrics[what]) for what in ("documents", "words") if what in record.metrics]
            made.append(DataView(name, tuple(counts), self.source.licenses.get(f"data.{name}")))
        return tuple(made)

    def step(self, step_id: str) -> StepView:
        record = self.records.get(step_id)
        if record is None:
            return StepView(step_id, self.source.states.get(step_id, "not needed"), None, None, None)
        measured = record.measured
        state = self.source.states.get(step_id, "recorded")
        return StepView(step_id, state, measured.get("seconds"), measured.get("peak_rss_bytes"), record.key)

    def warnings(self) -> tuple[tuple[str, str], ...]:
        """(step or empty, sentence)."""
        recorded = [
            (step.id, text)
            for step in self.graph.steps
            if step.id in self.records
            for text in self.records[step.id].warnings
        ]
        return (*(("", text) for text in self.source.problems), *recorded)


def _limit(source: ReportInput) -> Limit | None:
    """The first gate that holds the main metric against a number."""
    for gate in source.graph.gates:
        value = gate.at_least if gate.at_least is not None else gate.at_most
        if value is not None and (gate.suite, gate.metric) == source.graph.select_by and not gate.only:
            return Limit(gate.name, value, gate.at_least is not None, gate.confidence)
    return None


def _classes(name: str, split: str, metric: Mapping[str, Any]) -> Classes:
    confusion = metric["confusion"]
    counts = tuple(tuple(int(count) for count in line) for line in confusion["counts"])
    table, labels = tuple(metric.get("classes") or ()), tuple(confusion["labels"])
    return Classes(name, split, table, labels, tuple(confusion.get("columns") or labels), counts)


def _forest(
    rungs: tuple[RungView, ...], variants: tuple[Variant, ...], tests: tuple[Judged, ...]
) -> tuple[ForestGroup, ...]:
    optimised = tuple(variant.judged for variant in variants if variant.judged.id != "finalist")
    groups = [ForestGroup(f"Rung {rung.number}, validation", rung.candidates) for rung in rungs]
    groups += [ForestGroup("Optimised, validation", optimised), ForestGroup("Test", tests)]
    kept = [ForestGroup(g.title, tuple(row for row in g.rows if row.measure.value is not None)) for g in groups]
    return tuple(group for group in kept if group.rows)
