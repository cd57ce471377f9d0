"""A suite over rows of a data set: the candidate answers each row, metrics are computed from the answers.

Rows are answered one at a time, exactly as the service answers them: batching would change last bits, and with them
now and then an answer. Prompting work that all rows share is cached.
"""

import json
import time
from pathlib import Path
from typing import Any, Literal

from lcspec.ir.scored import Scored
from lcspec.kinds.api import (
    Bound,
    Context,
    Kind,
    Lowered,
    StepIO,
    Subject,
    option,
)
from lcspec.kinds.metrics import measure
from lcspec.kinds.suites import RowsRead, lower_rows
from lcspec.manifest import SLOTS, assemble, shared_part
from lcspec.modelcode import shut_in
from lcspec.rowset import read_rows
from lcspec.rowsplits import sample


class RowsSuiteBody(RowsRead):
    """A suite over rows."""

    metrics: tuple[str, ...] = option(
        doc="Metrics to compute.",
        min_length=1,
        refers="metric",
        effect="A new metric is computed from answers that are there; the model is not asked again.",
    )
    scoring: Literal["likelihood", "generation"] | None = option(
        None,
        doc="`likelihood` of each label, or free `generation`; by default likelihood when the scope has labels.",
        effect="`likelihood` always gives a label, in one pass; `generation` also shows answers that are none.",
    )
    max_tokens: int = option(
        32,
        doc="Longest generated answer.",
        unit="tokens",
        ge=1,
        effect="Longer answers fit; each token reads all weights once.",
    )
    stop: tuple[str, ...] = option(
        (),
        doc="Texts that end a generated answer.",
        effect="Answers end before these texts, in evaluation and service alike.",
    )


def lower(ctx: Context, entry: Bound, subject: Subject, split: str) -> Lowered:
    """Answer the rows, then score the answers."""
    method = scoring(ctx, entry.body)
    params = {"manifest": manifest(ctx, entry)}
    return lower_rows(
        ctx, entry, subject, split, kind=KIND, params=params, method=method, max_tokens=entry.body.max_tokens
    )


def scoring(ctx: Context, body: Any) -> str:
    """How answers are made: as declared, else by the scope."""
    return body.scoring or ("likelihood" if ctx.scope.labels else "generation")


def manifest(ctx: Context, entry: Bound) -> dict[str, Any]:
    """The shared part of the pipeline manifest: how candidates of this suite answer."""
    body = entry.body
    return shared_part(
        task=ctx.scope.task,
        input=ctx.body("data", body.data).columns.input,
        labels=list(ctx.scope.labels),
        scoring=scoring(ctx, body),
        max_tokens=body.max_tokens,
        stop=list(body.stop),
    )


def predict(io: StepIO) -> None:
    """Writes `predictions.jsonl`: one answer per row."""
    from lcspec.runtime.pipeline import Pipeline
    from lcspec.runtime.prompt import Shot

    rows = sample(read_rows(io.input("rows"), io.params["split"]), io.params["limit"], io.params["sample-seed"])
    folders = {slot: io.input(slot) for slot in SLOTS if io.has(slot)}
    made = assemble(io.params["manifest"], "evaluated", folders, shut_in(io))
    pipeline = Pipeline.assemble(made, {**folders, "prompt": folders["prompt"] / "prompt.json"}, threads=io.threads)
    tokens, seconds = 0, []
    with (io.output("predictions") / "predictions.jsonl").open("w", encoding="utf-8") as out:
        for done, row in enumerate(rows):
            io.progress(done, len(rows))
            started = time.perf_counter()
            before = [Shot({**row.variables, made["input"]: user}, said) for user, said in row.history]
            answer = pipeline.answer(row.variables, before=before, system=row.system)
            seconds.append(time.perf_counter() - started)
            tokens += answer.prompt_tokens + answer.completion_tokens
            hits = [{"id": hit.id, "title": hit.title, "score": round(hit.score, 6)} for hit in answer.hits]
            told = {"answer": answer.text, "label": answer.label, "refused": answer.refused, "hits": hits}
            scores = {k: round(v, 6) for k, v in answer.scores.items()} if answer.scores else None
            line = {**row.to_json(), **told, "scores": scores}
            out.write(json.dumps(line, ensure_ascii=False, sort_keys=True) + "\n")
    io.metric("rows", len(rows))
    io.metric("tokens", tokens)
    ordered = sorted(seconds) or [0.0]
    io.measure("latency_p50", round(ordered[len(ordered) // 2], 4))
    io.measure("latency_p95", round(ordered[int(len(ordered) * 0.95) - (len(ordered) >= 20)], 4))


def read_scored(folder: Path) -> list[Scored]:
    """The answers that `predict` wrote."""
    with (folder / "predictions.jsonl").open(encoding="utf-8") as lines:
        return [_scored(json.loads(line)) for line in lines]


def _scored(line: dict[str, Any]) -> Scored:
    return Scored(
        id=line["id"],
        row=line["row"],
        target=line["target"],
        accepted=tuple(line["accepted"]) or ((line["target"],) if line["target"] else ()),
        answer=line["answer"],
        label=line["label"],
        scores=line["scores"],
        hits=tuple(line["hits"]),
        refused=line["refused"],
        source=line["source"],
    )


def score(io: StepIO) -> None:
    """Records each metric, and writes `rows.jsonl` with each row's value of each metric for paired comparisons."""
    rows = read_scored(io.input("predictions"))
    values: dict[str, dict[str, float | None]] = {row.id: {} for row in rows}
    for name in io.params["metrics"]:
        told, each = measure(io, name, rows)
        io.metric(name, told)
        for row, value in zip(rows, each, strict=True):
            values[row.id][name] = value
    with (io.output("rows") / "rows.jsonl").open("w", encoding="utf-8") as out:
        for row in rows:
            out.write(json.dumps({"id": row.id, "answer": row.answer, "values": values[row.id]}, sort_keys=True) + "\n")


def compare(io: StepIO) -> None:
    """Records the paired difference of one metric between two candidates, on the rows that both answered."""
    metric = io.params["metric"]
    ours, theirs = (_by_id(io.input(side) / "rows.jsonl") for side in ("ours", "theirs"))
    shared = sorted(ours.keys() & theirs.keys())
    pairs = [(ours[id]["values"].get(metric), theirs[id]["values"].get(metric)) for id in shared]
    known = [(a, b) for a, b in pairs if a is not None and b is not None]
    same = sum(ours[id]["answer"] == theirs[id]["answer"] for id in shared)
    differences = [a - b for a, b in known]
    mean = sum(differences) / len(known) if known else None
    told: dict[str, Any] = {"metric": metric, "n": len(known), "difference": mean}
    told["agreement"] = same / len(shared) if shared else None
    if known and all(value in (0, 1) for pair in known for value in pair):
        told |= {"better": sum(a > b for a, b in known), "worse": sum(a < b for a, b in known)}
    elif mean is not None and len(known) > 1:
        variance = sum((d - mean) ** 2 for d in differences) / (len(known) - 1)
        told["std_error"] = (variance / len(known)) ** 0.5
    io.metric("comparison", told)
    io.output("comparison").joinpath("comparison.json").write_text(json.dumps(told, sort_keys=True) + "\n")


def _by_id(path: Path) -> dict[str, dict[str, Any]]:
    with path.open(encoding="utf-8") as lines:
        return {line["id"]: line for line in map(json.loads, lines)}


EXAMPLE = "{kind: rows, data: tickets, metrics: [accuracy, macro-f1], limit: {validation: 200, test: 500}}"
KIND = Kind(
    family="suite",
    name="rows",
    version=1,
    body=RowsSuiteBody,
    lower=lower,
    summary="metrics over answered rows",
    example=EXAMPLE,
    actions=("predict", "score", "compare"),
    libraries=("torch", "transformers"),
)
