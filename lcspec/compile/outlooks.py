"""The gates of a plan held against the rows that it will score. Pure."""

from collections.abc import Callable, Mapping

from lcspec.gates.outlook import Outlook, outlook
from lcspec.ir.plan import Gate, Graph, Output, Step
from lcspec.ir.record import StepRecord

RecordOf = Callable[[str], StepRecord | None]


def outlooks(graph: Graph, record_of: RecordOf) -> tuple[Outlook, ...]:
    """One entry for each gate and split whose rows are known; `record_of` a step id says how many a split has."""
    steps = {step.id: step for step in graph.steps}
    made = []
    for gate in graph.gates:
        for split, n in _rows(gate, graph, steps, record_of).items():
            if (one := outlook(gate, split, n)) is not None:
                made.append(one)
    return tuple(made)


def _rows(gate: Gate, graph: Graph, steps: Mapping[str, Step], record_of: RecordOf) -> dict[str, int]:
    """Split to rows, of the candidate that has the fewest."""
    found: dict[str, int] = {}
    for candidate in graph.candidates.values():
        if gate.only and candidate.id not in gate.only:
            continue
        for split, score in candidate.scores.get(gate.suite, {}).items():
            compared = gate.not_worse_than is None or f"{gate.name}|{candidate.id}|{split}" in graph.comparisons
            n = _scored(steps[score], steps, record_of, gate.metric) if compared and score in steps else None
            if n:
                found[split] = min(n, found.get(split, n))
    return found


def _scored(score: Step, steps: Mapping[str, Step], record_of: RecordOf, metric: str) -> int | None:
    """Rows that a score step reads: as recorded, else the suite's limit, else those of the prepared split."""
    record = record_of(score.id)
    measured = record.metrics.get(metric) if record else None
    if isinstance(measured, Mapping) and isinstance(measured.get("n"), int):
        return int(measured["n"])
    asked = score.inputs.get("predictions")
    predict = steps.get(asked.step) if isinstance(asked, Output) else score if asked is None else None
    if predict is None:
        return None
    limit, split = predict.params.get("limit"), predict.params.get("split")
    rows = predict.inputs.get("rows")
    prepared = record_of(rows.step) if isinstance(rows, Output) else None
    there = (prepared.metrics.get("rows") or {}).get(split) if prepared else None
    known = [count for count in (limit, there) if isinstance(count, int)]
    return min(known, default=None)
