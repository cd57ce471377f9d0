"""A model trained from scratch: a small decoder of random weights learns the language of the documents.

Use it where no model of the language or of a fitting licence exists, or to learn how sizes and data go together; for
everything else a trained model is the better start. The tokenizer is learnt from the documents or taken from another
model. About 20 tokens a parameter are compute-optimal (Hoffmann et al. 2022, arXiv:2203.15556); a step costs six
floating-point operations per parameter and token.
"""

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal

from lcspec.diag.model import Diagnostic
from lcspec.kinds.api import (
    Body,
    Bound,
    Context,
    Estimate,
    Kind,
    Lowered,
    Output,
    Resources,
    Step,
    StepIO,
    option,
    plain,
)
from lcspec.sizes import parameters, read_sizes
from lcspec.tuningfields import OptimBody
from lcspec.tuningkind import settings_of
from lcspec.units import Count


class ShapeBody(Body):
    """The shape of the decoder."""

    hidden: int = option(
        doc="Width of the residual stream; a multiple of `heads`.",
        ge=8,
        effect="Parameters of a block grow with its square.",
    )
    layers: int = option(
        doc="Number of blocks.",
        ge=1,
        effect="Parameters and time grow in proportion; deeper models are slower for each token.",
    )
    heads: int | None = option(
        None,
        doc="Attention heads; one per 32 of `hidden` by default.",
        ge=1,
        effect="More heads attend to more places at once, each with a narrower view.",
    )
    kv_heads: int | None = option(
        None,
        doc="Heads of keys and values; as many as `heads` by default.",
        ge=1,
        effect="Fewer heads of keys and values shrink the cache in proportion, for a small loss.",
        source="Ainslie et al. 2023, GQA, arXiv:2305.13245",
    )
    intermediate: int | None = option(
        None,
        doc="Width of the inner layer; 8/3 (GPT-2: 4) of `hidden` by default.",
        ge=8,
        effect="Parameters of a block grow in proportion.",
    )


class TokenizerBody(Body):
    """Where the tokenizer comes from."""

    vocabulary: int = option(
        4096,
        doc="Tokens of a byte-level BPE that is learnt from the documents.",
        ge=260,
        effect="A larger vocabulary writes texts in fewer tokens, and its embeddings take more of a small model.",
    )
    from_: str | None = option(
        None,
        doc="A model whose tokenizer is taken instead.",
        refers="model",
        effect="Keeps the length of texts comparable with that model, whatever the documents are.",
    )


class FromScratchBody(OptimBody):
    """A model to be."""

    data: str = option(
        doc="An entry of documents to learn from.",
        refers="data",
        effect="The model knows what these texts say, and nothing else.",
    )
    architecture: Literal["llama", "mistral", "qwen2", "gpt2"] = option(
        "llama",
        doc="The kind of decoder.",
        effect="Decides the layers and their positions; compare sizes within one architecture.",
    )
    parameters: Count | None = option(
        None,
        doc="About how many parameters; the shape is chosen.",
        gt=0,
        effect="Loss falls with a power of the size, time grows with it; 20 tokens a parameter use it well.",
        source="Hoffmann et al. 2022, arXiv:2203.15556",
    )
    sizes: ShapeBody | None = option(
        None,
        doc="The shape, in place of `parameters`.",
        effect="Shapes of one size differ little in loss as long as depth and width are in balance.",
    )
    tied: bool = option(
        True,
        doc="Whether the output head shares the weights of the embeddings.",
        effect="Sharing saves vocabulary × width parameters, which is much of a small model.",
        source="Press and Wolf 2016, arXiv:1608.05859",
    )
    tokenizer: TokenizerBody = option(
        TokenizerBody,
        doc="Where the tokenizer comes from.",
        effect="Another tokenizer is another length of every text: losses per token do not compare.",
    )
    context: int = option(
        512,
        doc="Positions that the model reads, and tokens of a block.",
        unit="tokens",
        ge=16,
        effect="Longer blocks teach longer dependencies; memory grows in proportion, attention's time with the square.",
    )
    tokens: Count | None = option(
        None,
        doc="Tokens to train on, the same ones again where there are fewer.",
        gt=0,
        effect="Time grows in proportion; passes over the same texts count almost like new ones up to about four.",
        source="Muennighoff et al. 2023, arXiv:2305.16264",
    )
    epochs: float = option(
        1.0,
        doc="Passes over the documents, when `tokens` is left out.",
        gt=0,
        effect="As `tokens`, counted in passes.",
        source="Muennighoff et al. 2023, arXiv:2305.16264",
    )
    learning_rate: float = option(1e-3, doc="Peak learning rate, reached after the warm-up.", gt=0)
    schedule: Literal["linear", "cosine", "constant", "polynomial", "inverse-sqrt"] = option(
        "cosine", doc="How the learning rate goes on after the warm-up."
    )
    warmup_share: float | None = option(0.05, doc="Share of all steps until the peak.", ge=0, lt=1)
    weight_decay: float = option(0.1, doc="Decoupled weight decay.", ge=0)
    beta2: float = option(0.95, doc="AdamW's decay of the mean squared gradient.", ge=0, lt=1)
    role: Literal["generator", "embedder"] = option("generator", doc="What the model is for.", key=False)
    license: str | None = option(None, doc="SPDX identifier of what you make.", key=False)
    redistributable: bool | None = option(None, doc="Whether the weights may be passed on.", key=False)


def check(entry: Bound, spec: Any) -> list[Diagnostic]:
    """LC0553: a shape that is said twice, not at all or cannot be; LC0554: a tokenizer that waits for itself."""
    body = entry.body
    found = []
    if (body.parameters is None) == (body.sizes is None):
        help = "say `parameters: 5M`, or `sizes: {hidden: 256, layers: 6}`"
        found.append(Diagnostic("LC0553", "give either `parameters` or `sizes`", help=help))
    if body.sizes is not None:
        shape = read_sizes(plain(body.sizes), body.architecture)
        if shape.hidden % shape.heads or shape.heads % shape.kv_heads or (shape.hidden // shape.heads) % 2:
            message = f"{shape.heads} heads ({shape.kv_heads} for keys) do not divide a width of {shape.hidden} evenly"
            help = "`hidden` is a multiple of twice `heads`, `heads` one of `kv-heads`"
            found.append(Diagnostic("LC0553", message, help=help))
        elif body.architecture == "gpt2" and shape.kv_heads != shape.heads:
            help = "leave `kv-heads` out, or choose another architecture"
            found.append(Diagnostic("LC0553", "GPT-2 has as many heads of keys as of queries", help=help))
    if _circle(entry, spec):
        help = "take the tokenizer of a model that exists, or learn one from the documents"
        found.append(Diagnostic("LC0554", "the tokenizer comes from a model that waits for this one", help=help))
    return found


def _circle(entry: Bound, spec: Any) -> bool:
    seen = {entry.name}
    at = entry
    while (name := getattr(getattr(at.body, "tokenizer", None), "from_", None)) is not None:
        if name in seen:
            return True
        seen.add(name)
        at = spec.find("model", name)
    return False


def lower(ctx: Context, entry: Bound) -> Lowered:
    """One training step on the documents."""
    body = entry.body
    kept = ("data", "seed", "checkpoint", "tokenizer", "context", "role", "license", "redistributable")
    inputs = {"documents": ctx.slots("data", body.data)["documents"]}
    if body.tokenizer.from_ is not None:
        inputs["tokenizer"] = ctx.slots("model", body.tokenizer.from_)["model"]
    step = Step(
        id=f"train:models.{entry.name}",
        kind=entry.kind_id,
        action="train",
        version=KIND.version,
        params={
            **plain(body, leave_out=kept),
            "max-length": body.context,
            "vocabulary": None if body.tokenizer.from_ else body.tokenizer.vocabulary,
        },
        inputs=inputs,
        libraries=KIND.libraries,
        resources=Resources(cpus=2, memory=4 << 30),
        estimate=_estimate(body),
        source=entry.path,
        seed=body.seed,
        settings=settings_of(body),
    )
    return Lowered((step,), {"model": Output(step.id, "model")})


def _estimate(body: Any) -> Estimate:
    """6 FLOPs per parameter and token at 10 to 100 GFLOP/s."""
    weights = inspect(body, lambda name: None)["parameters"] or 10_000_000
    flops = 6.0 * weights * (body.tokens or 20 * weights)
    return Estimate((10 + flops / 1e11, 30 + flops / 1e10), (500 << 20) + 16 * weights, "formula")


def inspect(body: Any, open: Callable[[str], Path | None]) -> dict[str, Any]:
    """What is known before there are weights."""
    count = body.parameters
    if body.sizes is not None and body.tokenizer.from_ is None:
        shape, words = read_sizes(plain(body.sizes), body.architecture), body.tokenizer.vocabulary
        count = parameters(body.architecture, shape, vocabulary=words, context=body.context, tied=body.tied)
    return {"architecture": body.architecture, "context": body.context, "parameters": count}


def train(io: StepIO) -> None:
    """Learns the tokenizer, makes the model, trains it, and writes the model folder."""
    from lcspec import examples, scratch, training
    from lcspec.runtime.model import LoadedModel

    params = io.params
    tokenizer = scratch.tokenizer_for(io)
    vocabulary = params["vocabulary"] or len(tokenizer)
    sizes = scratch.sizes_for(io, vocabulary)
    model = scratch.new_model(io, sizes, tokenizer, vocabulary)
    blocks = examples.blocks(io, tokenizer, params["max-length"])
    steps = None
    if params["tokens"]:
        width = len(blocks[0]["input_ids"])
        steps = math.ceil(params["tokens"] / (width * params["batch-size"] * params["accumulate"]))
    loaded = LoadedModel(model, tokenizer, (), params["max-length"])
    trainer = training.supervised(io, loaded, blocks, steps=steps)
    training.fit(io, trainer)
    io.metric("parameters", sum(one.numel() for one in model.parameters()))
    io.metric("sizes", sizes._asdict())
    training.save(io, trainer, tokenizer)


EXAMPLE = "{kind: from-scratch, architecture: llama, parameters: 5M, data: corpus, tokens: 100M}"
KIND = Kind(
    family="model",
    name="from-scratch",
    version=1,
    body=FromScratchBody,
    lower=lower,
    summary="trained here, from random weights",
    example=EXAMPLE,
    actions=("train",),
    check=check,
    libraries=("torch", "transformers", "trl"),
    needs=(("documents",),),
)
