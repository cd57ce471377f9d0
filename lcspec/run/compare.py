"""Two runs side by side: which steps differ, how the metrics, verdicts and durations of one differ from the other's.

Pure: summaries of runs and records in, plain data out.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from lcspec.canon import changed
from lcspec.ir.record import StepRecord

COMPARISON_FORMAT = 1


def compare(one: Mapping[str, Any], other: Mapping[str, Any], records: Mapping[str, StepRecord]) -> dict[str, Any]:
    """What differs between two runs; `other` is the later one, deltas are other minus one."""
    keys, later = one["steps"], other["steps"]
    moved = [step for step in keys if step in later and keys[step] != later[step]]
    return {
        "format_version": COMPARISON_FORMAT,
        "runs": [_brief(one), _brief(other)],
        "steps": {
            "same": sum(keys[step] == later.get(step) for step in keys),
            "moved": [_moved(step, records.get(keys[step]), records.get(later[step])) for step in moved],
            "only_first": [step for step in keys if step not in later],
            "only_second": [step for step in later if step not in keys],
        },
        "metrics": [row for step in moved for row in _metrics(step, records.get(keys[step]), records.get(later[step]))],
        "decisions": _decisions(one["decisions"], other["decisions"]),
        "verdicts": _verdicts(one["verdicts"], other["verdicts"]),
    }


def _brief(run: Mapping[str, Any]) -> dict[str, Any]:
    names = ("run", "name", "started", "seconds", "outcome", "exit_code", "ran", "reused", "release", "spec_sha256")
    return {name: run[name] for name in names}


def _moved(step: str, before: StepRecord | None, after: StepRecord | None) -> dict[str, Any]:
    """A step with another key: what moved in it, and how long it took each time."""
    fields = [name for name, _, _ in changed(before.parts, after.parts)] if before and after else []
    seconds = [record.measured.get("seconds") if record else None for record in (before, after)]
    equal = bool(before and after and before.outputs == after.outputs)
    return {"step": step, "fields": fields, "same_outputs": equal, "seconds": seconds}


def _metrics(step: str, before: StepRecord | None, after: StepRecord | None) -> Iterator[dict[str, Any]]:
    first, second = (dict(_numbers(record.metrics)) if record else {} for record in (before, after))
    for name in sorted(first.keys() | second.keys()):
        a, b = first.get(name), second.get(name)
        if a != b:
            delta = None if a is None or b is None else b - a
            yield {"step": step, "metric": name, "first": a, "second": b, "delta": delta}


def _numbers(metrics: Mapping[str, Any]) -> Iterator[tuple[str, float]]:
    """Metrics that are numbers, or hold one as `value`."""
    for name, value in metrics.items():
        number = value.get("value") if isinstance(value, Mapping) else value
        if isinstance(number, int | float) and not isinstance(number, bool):
            yield name, number


def _decisions(first: Mapping[str, Any], second: Mapping[str, Any]) -> list[dict[str, Any]]:
    names = [*first, *(name for name in second if name not in first)]
    pairs = [(name, first.get(name), second.get(name)) for name in names]
    return [{"choice": name, "first": a, "second": b} for name, a, b in pairs if a != b]


def _verdicts(first: list[Any], second: list[Any]) -> list[dict[str, Any]]:
    def by_name(verdicts: list[Any]) -> dict[str, Any]:
        return {f"{one['gate']}|{one['split']}": one for one in verdicts}

    ours, theirs = by_name(first), by_name(second)
    told = []
    for name in [*ours, *(name for name in theirs if name not in ours)]:
        gate, split = name.split("|")
        pair = [
            {part: found[part] for part in ("outcome", "value", "why")} if found else None
            for found in (ours.get(name), theirs.get(name))
        ]
        if pair[0] != pair[1]:
            told.append({"gate": gate, "split": split, "first": pair[0], "second": pair[1]})
    return told
