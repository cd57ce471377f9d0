"""What lm-eval said of each row of each task, as metrics, values for paired comparisons, and samples to read."""

import json
from collections.abc import Mapping
from typing import Any

from lcspec.kinds.api import StepIO
from lcspec.lmeval.values import judged, pooled


def write(io: StepIO, loaded: Any, results: Mapping[str, Any]) -> None:
    """Records every metric of every task; writes `rows.jsonl` and `samples.jsonl`."""
    from lm_eval.api.metrics import mean as plain_mean

    lines: dict[str, dict[str, Any]] = {}
    parts: dict[str, dict[str, list[float | None]]] = {}
    better: dict[str, bool] = {}
    single = len(loaded["tasks"]) == 1
    for name, task in loaded["tasks"].items():
        samples = results["samples"][name]
        filters = list(dict.fromkeys(one["filter"] for one in samples))
        for filtered in filters:
            of_filter = [one for one in samples if one["filter"] == filtered]
            for metric in dict.fromkeys(key for one in of_filter for key in one["metrics"]):
                given = [one for one in of_filter if metric in one]
                aggregate = task.aggregation().get(metric, plain_mean)
                is_mean = aggregate is plain_mean
                up = bool(task.higher_is_better().get(metric, True))
                value = results["results"][name].get(f"{metric},{filtered}")
                told, rows = judged([one[metric] for one in given], aggregate, value, is_mean=is_mean, better=up)
                called = metric if len(filters) == 1 else f"{metric}/{filtered}"
                io.metric(called if single else f"{name}.{called}", told)
                if is_mean and not single:
                    parts.setdefault(called, {})[name] = rows
                    better[called] = up
                for one, row in zip(given, rows, strict=True):
                    line = lines.setdefault(f"{name}/{one['doc_id']}", {"answer": _answer(one), "values": {}})
                    line["values"] |= {} if single else {f"{name}.{called}": row}
                    line["values"] |= {called: row} if is_mean or single else {}
    for called, values in parts.items():
        if len(values) == len(loaded["tasks"]):
            io.metric(called, pooled(values, better=better[called]))
    _files(io, lines, results["samples"])
    io.metric("rows", len(lines))


def _answer(sample: Mapping[str, Any]) -> str:
    """What the model said or chose, to tell whether two models agree."""
    said = sample["filtered_resps"]
    if len(said) > 1 and all(isinstance(one, list | tuple) and len(one) == 2 for one in said):
        return str(max(range(len(said)), key=lambda at: said[at][0]))
    return _text(said[0]) if said else ""


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(_plain(value), ensure_ascii=False)


def _files(io: StepIO, lines: Mapping[str, Mapping[str, Any]], samples: Mapping[str, Any]) -> None:
    with (io.output("rows") / "rows.jsonl").open("w", encoding="utf-8") as out:
        for id, line in lines.items():
            out.write(json.dumps({"id": id, **line}, ensure_ascii=False, sort_keys=True) + "\n")
    with (io.output("samples") / "samples.jsonl").open("w", encoding="utf-8") as out:
        for name, listed in samples.items():
            for one in listed:
                kept = {key: _plain(one[key]) for key in ("doc_id", "doc", "target", "arguments", "resps", "filter")}
                out.write(json.dumps({"task": name, **kept}, ensure_ascii=False, sort_keys=True) + "\n")


def _plain(value: Any) -> Any:
    """Plain JSON: numbers of libraries become numbers, what is none becomes its text."""
    if hasattr(value, "item") and not isinstance(value, int | float):
        value = value.item() if getattr(value, "size", 1) == 1 else value.tolist()
    if isinstance(value, float):
        return round(value, 6)
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return value if value is None or isinstance(value, bool | int | str) else str(value)
