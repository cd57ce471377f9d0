"""Choices: which candidate won, which rung passed, what is released. Pure functions of records, never cached.

Planner and scheduler call the same `Chooser`, so a changed threshold costs nothing and a dry run decides as apply does.
"""

from collections.abc import Callable, Mapping
from typing import Any

from lcspec.gates.verdict import judge
from lcspec.ir.plan import Candidate, Choice, Gate, Graph
from lcspec.ir.record import StepRecord
from lcspec.ir.verdict import FAIL, NOT_APPLICABLE, PASS, Decision, Verdict

RecordOf = Callable[[str], StepRecord | None]


class Chooser:
    """Decides the choices of one graph from the records that `record_of(step id)` knows; None means not known yet."""

    def __init__(self, graph: Graph, record_of: RecordOf) -> None:
        self.graph, self.record_of = graph, record_of
        self._choices = {choice.id: choice for choice in graph.choices}
        self._decided: dict[str, Decision] = {}
        self._judged: dict[tuple[str, str], tuple[Verdict, ...]] = {}

    def decision(self, choice_id: str) -> Decision | None:
        """The decision of a choice, or None while a record is missing."""
        if choice_id not in self._decided:
            choice = self._choices[choice_id]
            made = {"rung": self._rung, "finalist": self._finalist, "variant": self._variant}[choice.rule](choice)
            if made is None:
                return None
            self._decided[choice_id] = made
        return self._decided[choice_id]

    def decisions(self) -> dict[str, Decision]:
        """All choices that can be decided now."""
        made = {choice: self.decision(choice) for choice in self._choices}
        return {choice: decision for choice, decision in made.items() if decision is not None}

    def name(self, candidate_id: str) -> str:
        """The full name `model/prompt/tuning/augmentation/optimisation` of a candidate, as far as it is decided."""
        parts = self._parts(candidate_id)
        axes = ("models", "prompts", "tuning", "augmentation", "optimize")
        return "/".join(parts.get(axis) or "-" for axis in axes)

    def _parts(self, candidate_id: str) -> dict[str, str]:
        candidate = self.graph.candidates[candidate_id]
        inherited: dict[str, str] = {}
        if candidate.inherits:
            decision = self.decision(candidate.inherits)
            if decision is None or decision.winner is None:
                inherited = {"models": f"{candidate.inherits}.winner"}
            else:
                inherited = self._parts(decision.winner)
        return {**inherited, **{axis: name for axis, name in candidate.parts.items() if name}}

    # --- verdicts --------------------------------------------------------------------------------------------------

    def verdicts(self, candidate_id: str, split: str) -> tuple[Verdict, ...] | None:
        """The verdicts of all gates that apply to a candidate on a split; None while evidence is missing."""
        if (candidate_id, split) in self._judged:
            return self._judged[candidate_id, split]
        candidate = self.graph.candidates[candidate_id]
        made = []
        for gate in self.graph.gates:
            if gate.suite == "serving" or (gate.only and candidate_id not in gate.only):
                continue
            verdict = self._verdict(gate, candidate, split)
            if verdict is None:
                return None
            made.append(verdict)
        self._judged[candidate_id, split] = tuple(made)
        return tuple(made)

    def serving_verdicts(self) -> tuple[Verdict, ...] | None:
        """The verdicts of gates on `serving.*`, measured at the started service; None while it was not asked."""
        gates = [gate for gate in self.graph.gates if gate.suite == "serving"]
        record = self.record_of(self.graph.contract) if self.graph.contract else None
        if gates and self.graph.contract and record is None:
            return None
        made = []
        for gate in gates:
            value = record.measured.get(gate.metric.replace("-", "_")) if record else None
            metric = None if value is None else {"value": value, "n": None}
            made.append(judge(gate, candidate="release", split="serving", metric=metric, comparison=None))
        return tuple(made)

    def _verdict(self, gate: Gate, candidate: Candidate, split: str) -> Verdict | None:
        step = candidate.scores.get(gate.suite, {}).get(split)
        record = self.record_of(step) if step else None
        if step and record is None:
            return None
        comparison: Mapping[str, Any] | None = None
        if gate.not_worse_than:
            compare = self.graph.comparisons.get(f"{gate.name}|{candidate.id}|{split}")
            if compare:
                compared = self.record_of(compare)
                if compared is None:
                    return None
                comparison = compared.metrics.get("comparison")
        metric = record.metrics.get(gate.metric) if record else None
        return judge(gate, candidate=candidate.id, split=split, metric=metric, comparison=comparison)

    def passes_test(self, candidate_id: str) -> bool | None:
        """Whether every gate passes on test; None while evidence is missing."""
        verdicts = self.verdicts(candidate_id, "test")
        return None if verdicts is None else passed(verdicts)

    # --- rules -----------------------------------------------------------------------------------------------------

    def _rung(self, choice: Choice) -> Decision | None:
        scored: list[tuple[str, float, tuple[Verdict, ...]]] = []
        for candidate_id in choice.candidates:
            verdicts = self.verdicts(candidate_id, "validation")
            value = self._rank(candidate_id)
            if verdicts is None or value is None:
                return None
            scored.append((candidate_id, value, verdicts))
        best = max(scored, key=lambda item: (passed(item[2]), item[1], -self.graph.candidates[item[0]].cost))
        ranking = tuple((candidate_id, value) for candidate_id, value, _ in sorted(scored, key=lambda item: -item[1]))
        ok = passed(best[2])
        why = f"{best[0]} is best on validation" + ("" if ok else "; " + "; ".join(v.why for v in best[2] if bad(v)))
        return Decision(choice.id, best[0], ok, why, best[2], ranking)

    def _rank(self, candidate_id: str) -> float | None:
        """The value that ranks a candidate, turned so that larger is better; -inf when the metric has no value."""
        suite, metric = self.graph.select_by
        step = self.graph.candidates[candidate_id].scores.get(suite, {}).get("validation")
        record = self.record_of(step) if step else None
        if record is None:
            return None
        measured = record.metrics.get(metric) or {}
        value = measured.get("value")
        if value is None or value != value:
            return float("-inf")
        return float(value) if measured.get("higher_is_better", True) else -float(value)

    def _finalist(self, choice: Choice) -> Decision | None:
        last: Decision | None = None
        for rung in choice.candidates:
            last = self.decision(rung)
            if last is None:
                return None
            if last.passed:
                return Decision(choice.id, last.winner, True, f"{rung} passed its gates on validation", last.verdicts)
        if last is None:
            return Decision(choice.id, None, False, "the ladder has no rung")
        if any(verdict.outcome == FAIL for verdict in last.verdicts):
            return Decision(choice.id, None, False, "no rung passed its gates on validation", last.verdicts)
        return Decision(
            choice.id, last.winner, False, "the last rung is undecided on validation; test decides", last.verdicts
        )

    def _variant(self, choice: Choice) -> Decision | None:
        """The smallest optimised form whose gates pass on validation; the finalist itself when there is none."""
        finalist = self.decision("finalist")
        if finalist is None:
            return None
        if finalist.winner is None:
            return Decision(choice.id, None, False, finalist.why)
        ok = self.passes_test("finalist")
        if ok is None:
            return None
        if not ok:
            return Decision(choice.id, None, False, "the finalist did not pass its gates on test")
        fit: list[tuple[float, int, str]] = []
        shown: list[Verdict] = []
        for candidate_id in choice.candidates[1:]:
            verdicts = self.verdicts(candidate_id, "validation")
            if verdicts is None:
                return None
            shown += verdicts
            if passed(verdicts):
                fit.append((self._bytes(candidate_id), self.graph.candidates[candidate_id].cost, candidate_id))
        if not fit:
            why = "no optimised form passed its gates" if len(choice.candidates) > 1 else "nothing is optimised"
            return Decision(choice.id, "finalist", True, f"{why}: the finalist itself", tuple(shown))
        return Decision(choice.id, min(fit)[2], True, "the smallest form that keeps its gates", tuple(shown))

    def _bytes(self, candidate_id: str) -> float:
        model = self.graph.candidates[candidate_id].slots["model"]
        record = self.record_of(getattr(model, "step", ""))
        return float(record.metrics.get("bytes", float("inf"))) if record else float("inf")


def passed(verdicts: tuple[Verdict, ...]) -> bool:
    """Whether all verdicts pass; a gate without its reference (no champion yet) does not stand in the way."""
    return all(verdict.outcome in (PASS, NOT_APPLICABLE) for verdict in verdicts)


def bad(verdict: Verdict) -> bool:
    """Whether a verdict stands in the way of a release."""
    return verdict.outcome not in (PASS, NOT_APPLICABLE)
