"""What the tuning kinds have in common before anything runs: fields, the step, the estimate. `training.py` runs it."""

from collections.abc import Mapping
from typing import Any, Literal

from lcspec.ir.plan import Estimate, Output, Resources, Step
from lcspec.ir.spec import Bound
from lcspec.ir.strict import Strict, option, plain
from lcspec.kinds.api import Context, Kind, Lowered, Subject
from lcspec.units import Duration

ANSWERS = (("target", "accepted", "messages"),)
PAIRS = (("chosen",), ("rejected",))
DOCUMENTS = (("documents", "input"),)


class Checkpointing(Strict):
    """When a training step saves what it needs to go on after a kill."""

    every: Duration = option(300.0, doc="Time between two checkpoints.", unit="seconds", key=False, gt=0)
    every_steps: int | None = option(None, doc="Steps between two checkpoints, in place of `every`.", key=False, ge=1)
    keep: int = option(2, doc="Checkpoints that are kept; the oldest goes first.", key=False, ge=1)


class RecipeBody(Strict):
    """What is learnt from, and for how long."""

    data: str = option(doc="Rows to learn from: `data.train` of an entry, say `tickets.train`.", refers="data.split")
    after: str | None = option(None, doc="A recipe that runs before this one.", key=False, refers="tuning")
    rows: int | None = option(None, doc="Rows to use; all when left out.", ge=1)
    epochs: float = option(1.0, doc="Passes over the rows.", gt=0)
    max_steps: int | None = option(None, doc="Steps after which training ends, in place of `epochs`.", ge=1)
    max_length: int = option(512, doc="Rows longer than this are left out, never cut.", unit="tokens", ge=16)


class OptimBody(Strict):
    """How weights are changed."""

    batch_size: int = option(8, doc="Rows that are in memory at once.", unit="rows", ge=1)
    accumulate: int = option(
        1,
        doc="Batches whose gradients make one step.",
        unit="batches",
        ge=1,
        effect="The same gradient as a batch that many times as large, in the memory of one.",
    )
    learning_rate: float = option(
        2e-5,
        doc="Peak learning rate, reached after the warm-up.",
        gt=0,
        effect="Larger steps learn faster and forget more; too large ones diverge.",
    )
    schedule: Literal["linear", "cosine", "constant", "polynomial", "inverse-sqrt"] = option(
        "linear", doc="How the learning rate goes on after the warm-up."
    )
    warmup_steps: int = option(5, doc="Steps until the peak.", unit="steps", ge=0)
    warmup_share: float | None = option(None, doc="Share of all steps until the peak, in place of steps.", ge=0, lt=1)
    optimizer: Literal["adamw", "adafactor", "sgd", "rmsprop", "adagrad"] = option("adamw", doc="The optimiser.")
    weight_decay: float = option(
        0.0,
        doc="Decoupled weight decay.",
        ge=0,
        effect="Larger values pull weights towards zero at every step.",
        source="Loshchilov and Hutter 2017, AdamW, arXiv:1711.05101",
    )
    beta1: float = option(
        0.9, doc="AdamW's decay of the mean gradient.", ge=0, lt=1, source="Kingma and Ba 2014, Adam, arXiv:1412.6980"
    )
    beta2: float = option(
        0.999,
        doc="AdamW's decay of the mean squared gradient.",
        ge=0,
        lt=1,
        source="Kingma and Ba 2014, Adam, arXiv:1412.6980",
    )
    epsilon: float = option(1e-8, doc="AdamW's guard against division by zero.", gt=0)
    max_grad_norm: float = option(
        1.0,
        doc="Gradients with a larger norm are scaled down to it; 0 leaves them.",
        ge=0,
        effect="Smaller values keep single odd batches from moving the weights far.",
        source="Pascanu et al. 2012, arXiv:1211.5063",
    )
    precision: Literal["float32", "bfloat16"] = option(
        "float32", doc="Arithmetic of the forward pass; `bfloat16` is mixed precision, and slow on most CPUs."
    )
    gradient_checkpointing: bool = option(
        False,
        doc="Recompute activations in the backward pass to save memory.",
        effect="Less memory for activations, one more forward pass of time.",
        source="Chen et al. 2016, arXiv:1604.06174",
    )
    seed: int = option(0, doc="Seed of sampling, order and initial weights.")
    checkpoint: Checkpointing = option(Checkpointing, doc="When training saves its state.", key=False)


class TrainingBody(OptimBody, RecipeBody):
    """What every way of tuning says: rows, length, optimiser."""


class SupervisedBody(TrainingBody):
    """Training on answers: a target, accepted answers or whole conversations."""

    sampling: Literal["random", "balanced"] = option("random", doc="`balanced` takes labels in turn.")
    neftune_alpha: float | None = option(
        None,
        doc="Scale of noise on the embeddings (NEFTune); none by default.",
        gt=0,
        source="Jain et al. 2023, NEFTune, arXiv:2310.05914",
    )


class AdapterBody(Strict):
    """Low-rank adapters, as PEFT knows them."""

    rank: int = option(
        8,
        doc="Rank of the adapters.",
        ge=1,
        le=1024,
        effect="Adapter parameters and their memory grow in proportion; more rows are needed to fill them.",
        source="Hu et al. 2021, LoRA, arXiv:2106.09685",
    )
    alpha: int = option(
        16,
        doc="Scale of the adapters; the update is multiplied by alpha / rank.",
        ge=1,
        effect="Like a learning rate of the adapters: twice the value doubles their update.",
        source="Hu et al. 2021, LoRA, arXiv:2106.09685",
    )
    dropout: float = option(
        0.0,
        doc="Dropout on the adapters' input.",
        ge=0,
        lt=1,
        effect="Larger values fit few rows less closely.",
        source="Hu et al. 2021, LoRA, arXiv:2106.09685",
    )
    modules: Literal["all-linear", "attention"] = option("all-linear", doc="Layers that get adapters.")
    target_modules: tuple[str, ...] = option((), doc="Names of layers that get adapters, in place of `modules`.")
    layers: tuple[int, ...] = option((), doc="Numbers of the blocks that get adapters, from 0; all by default.")
    also_train: tuple[str, ...] = option((), doc="Modules that are trained whole beside the adapters: `lm_head`, …")


class QuantizedBody(Strict):
    """How the frozen weights are kept while adapters on them learn."""

    base: Literal["nf4", "fp4", "int8"] = option(
        "nf4",
        doc="Form of the frozen weights while training.",
        effect="Four bits take half the memory of eight for the frozen weights.",
        source="Dettmers et al. 2023, QLoRA, arXiv:2305.14314",
    )
    double_quant: bool = option(
        False,
        doc="Quantise the scales of the frozen weights too.",
        source="Dettmers et al. 2023, QLoRA, arXiv:2305.14314",
    )


class AlignmentBody(TrainingBody, AdapterBody, QuantizedBody):
    """Training on what people or models prefer."""

    learning_rate: float = option(5e-6, doc="Peak learning rate, reached after the warm-up.", gt=0)
    adapter: Literal["lora", "qlora", "none"] = option(
        "lora", doc="What learns: adapters, adapters on quantised weights (`qlora`), or all weights (`none`)."
    )
    variant: Literal["plain", "rslora", "dora"] = option("plain", doc="The kind of adapter.")
    beta: float = option(0.1, doc="How closely the model is held to the one it started from.", gt=0)


def params_of(body: Any) -> dict[str, Any]:
    """The fields of a training body that decide the result."""
    return plain(body, leave_out=("data", "after", "seed", "checkpoint"))


def settings_of(body: Any) -> dict[str, Any]:
    """What the running step is told beside them."""
    return {"checkpoint": plain(body.checkpoint)}


def lower_tuning(ctx: Context, entry: Bound, subject: Subject, kind: Kind) -> Lowered:
    """One training step on the weights and the prompt of the subject."""
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
        params={**params_of(body), "split": split or "train", "input": _input(ctx, data)},
        inputs=inputs,
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
REFERENCE = 134_515_008  # parameters of the model whose seconds per row were measured


def estimate_training(body: Any, kind: str = "", facts: Mapping[str, Any] | None = None) -> Estimate:
    """Seconds a row as measured, by the model's size; memory by arithmetic. A wide bracket until history is known."""
    from lcspec.estimate.recipe import training_memory

    known = facts or {}
    scale = (known.get("parameters") or REFERENCE) / REFERENCE
    tokens = max(16, body.max_length // TYPICAL)
    needs = training_memory(kind, body, known.get("config") or {}, known.get("parameters") or 0, "cpu", tokens=tokens)
    rows = (body.rows or 1000) * body.epochs
    if body.max_steps:
        rows = body.max_steps * body.batch_size * body.accumulate
    peak = needs.total if needs is not None and known.get("parameters") else 3 << 30
    return Estimate((20 + 0.3 * rows * scale, 40 + 0.9 * rows * scale), peak, "formula")
