"""A suite of likelihoods: how probable the rows' own answers are to the candidate, without letting it answer.

Use it for what has no single right answer: it is the validation loss of a training, on rows that training never saw.
A row with a target is judged by that; a row with `chosen` and `rejected` by the better answer, and by which of the two
the candidate finds more probable; a row with neither by its text as a whole. Limits: nothing is generated, so
guardrails, retrieval and stop words play no part; values of models with different tokenizers do not compare, except
for `preference-accuracy`.
"""

import json
from typing import Any

from lcspec.kinds.api import (
    Bound,
    Context,
    Kind,
    Lowered,
    StepIO,
    Subject,
    option,
)
from lcspec.kinds.suites import RowsRead, lower_rows
from lcspec.manifest import shared_part
from lcspec.modelcode import shut_in
from lcspec.rowset import read_rows
from lcspec.rowsplits import sample

SLOTS = ("model", "prompt")
measures = ("likelihood",)  # what its rows hold for metrics


class PerplexitySuiteBody(RowsRead):
    """A suite of likelihoods."""

    metrics: tuple[str, ...] = option(
        ("loss",),
        doc="Of `loss`, `perplexity`, `preference-accuracy`.",
        refers="metric",
        min_length=1,
        effect="`loss` and `perplexity` compare only models with one tokenizer; `preference-accuracy` compares all.",
    )
    max_length: int = option(
        2048,
        doc="Rows longer than this are left out and counted.",
        unit="tokens",
        ge=16,
        effect="Longer rows are judged too, in more memory and time.",
    )


def lower(ctx: Context, entry: Bound, subject: Subject, split: str) -> Lowered:
    """Judge the rows, then compute the metrics as any suite over rows does."""
    params = {"max-length": entry.body.max_length, "input": ctx.body("data", entry.body.data).columns.input}
    return lower_rows(ctx, entry, subject, split, kind=KIND, params=params, slots=SLOTS, method="judge")


def manifest(ctx: Context, entry: Bound) -> dict[str, Any]:
    """How a service of this candidate answers; nothing here was answered, so it only says the defaults."""
    return shared_part(
        task=ctx.scope.task,
        input=ctx.body("data", entry.body.data).columns.input,
        labels=list(ctx.scope.labels),
        scoring="likelihood" if ctx.scope.labels else "generation",
        max_tokens=256,
        stop=[],
    )


def judge(io: StepIO) -> None:
    """Writes `predictions.jsonl`: per row the negative log-likelihood and the number of tokens of what is judged."""
    from lcspec.likelihood import encode_rows
    from lcspec.runtime.model import load_model
    from lcspec.runtime.prompt import Prompt

    params = io.params
    rows = sample(read_rows(io.input("rows"), params["split"]), params["limit"], params["sample-seed"])
    prompt = Prompt.from_json(json.loads((io.input("prompt") / "prompt.json").read_text(encoding="utf-8")))
    loaded = load_model(io.input("model"), threads=io.threads, code=shut_in(io))
    most = min(params["max-length"], loaded.context or params["max-length"])
    left_out = tokens = 0
    with (io.output("predictions") / "predictions.jsonl").open("w", encoding="utf-8") as out:
        for done, row in enumerate(rows):
            io.progress(done, len(rows))
            examples = encode_rows(loaded.tokenizer, prompt, row, params["input"])
            if examples[0] is None or max(len(one.input_ids) for one in examples if one) > most:
                left_out += 1
                continue
            scores = _judged(loaded.model, *examples)
            tokens += int(scores["tokens"])
            told: dict[str, Any] = {"answer": "", "label": None, "refused": None, "hits": [], "scores": scores}
            out.write(json.dumps({**row.to_json(), **told}, ensure_ascii=False, sort_keys=True) + "\n")
    if left_out:
        io.warn(f"{left_out} of {len(rows)} rows were left out: longer than {most} tokens, or judged unwanted")
    if left_out == len(rows):
        io.fail("no row is short enough to be judged", help="raise `max-length`, or shorten the rows", code="LC1230")
    io.metric("rows", len(rows) - left_out)
    io.metric("left_out", left_out)
    io.metric("tokens", tokens)


def _judged(model: Any, answer: Any, worse: Any) -> dict[str, float]:
    """`nll` and `tokens` of what is judged; of a pair also the mean log-likelihood per token of both answers."""
    from lcspec.likelihood import negative_log_likelihood

    nll, tokens = negative_log_likelihood(model, answer)
    scores = {"nll": round(nll, 6), "tokens": float(tokens)}
    if worse is not None:
        other, count = negative_log_likelihood(model, worse)
        scores |= {"chosen": round(-nll / tokens, 6), "rejected": round(-other / count, 6)}
    return scores


EXAMPLE = "{kind: perplexity, data: tickets, metrics: [loss], limit: {validation: 200, test: 200}}"
KIND = Kind(
    family="suite",
    name="perplexity",
    version=1,
    body=PerplexitySuiteBody,
    lower=lower,
    summary="how probable the rows' own answers are",
    example=EXAMPLE,
    actions=("judge",),
    libraries=("torch", "transformers"),
)
