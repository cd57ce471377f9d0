"""What the tuning kinds have in common before anything runs: the step and its estimate. `training.py` runs it."""

from collections.abc import Mapping
from typing import Any

from lcspec.ir.plan import Estimate, Output, Resources, Step
from lcspec.ir.spec import Bound
from lcspec.ir.strict import plain
from lcspec.kinds.api import Context, Kind, Lowered, Ref, Subject

ANSWERS = (("target", "accepted", "messages"),)
PAIRS = (("chosen",), ("rejected",))
DOCUMENTS = (("documents", "input"),)
QUESTIONS = (("input",),)


def params_of(body: Any) -> dict[str, Any]:
    """The fields of a training body that decide the result."""
    return plain(body, leave_out=("data", "after", "seed", "checkpoint", "patience", "rewards"))


def settings_of(body: Any) -> dict[str, Any]:
    """What the running step is told beside them."""
    patience = getattr(body, "patience", None)
    return {"checkpoint": plain(body.checkpoint), **({"patience": patience} if patience else {})}


def lower_tuning(
    ctx: Context,
    entry: Bound,
    subject: Subject,
    kind: Kind,
    params: Mapping[str, Any] | None = None,
    files: Mapping[str, Ref] | None = None,
) -> Lowered:
    """One training step on the weights and the prompt of the subject.

    `params` and `files` are what a kind tells it beside the fields of its recipe.
    """
    body = entry.body
    data, _, split = body.data.partition(".")
    slots = ctx.slots("data", data)
    slot = "rows" if "rows" in slots else "documents"
    inputs = {"model": subject.slots["model"], "prompt": subject.slots["prompt"], slot: slots[slot]}
    if slot == "documents" or kind.needs == DOCUMENTS:
        del inputs["prompt"]  # texts are read as they stand
    step = Step(
        id=f"train:{subject.id}",
        kind=entry.kind_id,
        action="train",
        version=kind.version,
        params={**params_of(body), "split": split or "train", "input": _input(ctx, data), **(params or {})},
        inputs={**inputs, **(files or {})},
        libraries=(*kind.libraries, *(("bitsandbytes",) if getattr(body, "adapter", None) == "qlora" else ())),
        resources=Resources(cpus=2, memory=4 << 30),
        estimate=estimate_training(body, entry.kind, ctx.generator_facts()),
        source=entry.path,
        seed=body.seed,
        settings=settings_of(body),
    )
    return Lowered((step,), {"model": Output(step.id, "model")})


def _input(ctx: Context, data: str) -> str | None:
    """The variable that a user's message fills; None for documents."""
    return getattr(getattr(ctx.body("data", data), "columns", None), "input", None)


TYPICAL = 4  # rows are taken to be a quarter of `max-length` long, until history knows better
SECONDS_PER_ROW = (0.3, 0.9)  # of a model of `REFERENCE` parameters, on two cores
SECONDS_PER_SAMPLED = (0.01, 0.06)  # a token of a completion, of the same; many are sampled side by side
READ = 1 / 3  # of what learning from a row takes, when it is only read


def estimate_training(body: Any, kind: str = "", facts: Mapping[str, Any] | None = None) -> Estimate:
    """Seconds a row as measured; memory by arithmetic, of the largest model. A wide bracket until history is known."""
    from lcspec.estimate.recipe import training_memory

    known = facts or {}
    tokens = max(16, body.max_length // TYPICAL)
    needs = training_memory(kind, body, known.get("config") or {}, known.get("parameters") or 0, "cpu", tokens=tokens)
    sampled = hasattr(body, "generations")
    rows = (body.rows or 1000) * body.epochs * (body.generations if sampled else 1)
    if body.max_steps:
        rows = body.max_steps * body.batch_size * body.accumulate / (body.iterations if sampled else 1)
    peak = needs.total if needs is not None and known.get("parameters") else 3 << 30
    low, high = _seconds_each(body, kind) if sampled else SECONDS_PER_ROW
    growing = (low * rows, high * rows)
    return Estimate((20 + growing[0], 40 + growing[1]), peak, "formula", growing=growing)


def _seconds_each(body: Any, kind: str) -> tuple[float, float]:
    """Seconds for a completion: sampled token by token, read by the models it is held against, learnt from."""
    reads = READ * ((body.beta > 0) + (kind == "rloo" or body.iterations > 1))
    low, high = (
        learnt * (body.iterations + reads) + sampled * body.max_tokens
        for learnt, sampled in zip(SECONDS_PER_ROW, SECONDS_PER_SAMPLED, strict=True)
    )
    return low, high
