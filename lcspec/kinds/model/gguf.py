"""A model from one GGUF file. It is dequantised once to float32 safetensors, so that it can be tuned and merged.

Use it for weights that only exist as GGUF. The conversion is transformers' own; its result is stored by content, so
it is paid once. Limits: what the file's quantisation lost stays lost.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal

from lcspec.ggufheader import of_gguf
from lcspec.kinds.api import (
    Body,
    Bound,
    Context,
    Estimate,
    Kind,
    Lowered,
    Output,
    Step,
    StepIO,
    option,
    source_option,
    within,
)
from lcspec.runtime.scan import check_files


class GgufBody(Body):
    """A GGUF file."""

    path: str = option(doc="The file, relative to the spec or inside `from`.")
    from_: Any = source_option("Where the file lies; the project's own folder when left out.")
    role: Literal["generator", "embedder"] = option("generator", doc="What the model is for.", key=False)
    license: str | None = option(None, doc="SPDX identifier.", key=False)
    redistributable: bool | None = option(None, doc="Whether the weights may be passed on.", key=False)


def lower(ctx: Context, entry: Bound) -> Lowered:
    """Fetch the file, then convert it."""
    source = entry.body.from_ or Bound("source", "from", "path", None, entry.path)
    files = ctx.fetch(entry, source, (entry.body.path,))
    step = Step(
        id=f"convert:models.{entry.name}",
        kind=entry.kind_id,
        action="convert",
        version=KIND.version,
        params={"file": entry.body.path},
        inputs={"files": files},
        libraries=("transformers",),
        estimate=Estimate((15.0, 90.0), 2 << 30, "constant"),
        source=entry.path,
    )
    return Lowered((step,), {"model": Output(step.id, "model")})


def inspect(body: Any, open: Callable[[str], Path | None]) -> dict[str, Any]:
    """Facts from the GGUF header; `open` gives a copy of a member, None where there is none."""
    path = open(body.path)
    return of_gguf(path) if path is not None else {}


def convert(io: StepIO) -> None:
    """Writes a Hugging Face folder: config, tokenizer with chat template, float32 safetensors."""
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer, GgufConfig

    file = io.input("files") / within(io.params["file"])
    check_files(file.parent)
    folder, name = str(file.parent), file.name
    io.progress(0, 2)
    tokenizer = AutoTokenizer.from_pretrained(folder, gguf_file=name)
    # Trap: without dequantize=True the config stays `quantized` and save_pretrained refuses (transformers >= 5.2).
    model = AutoModelForCausalLM.from_pretrained(
        folder, gguf_file=name, dtype=torch.float32, quantization_config=GgufConfig(dequantize=True)
    )
    io.progress(1, 2)
    target = io.output("model")
    model.save_pretrained(target, safe_serialization=True)
    tokenizer.save_pretrained(target)
    io.metric("parameters", sum(parameter.numel() for parameter in model.parameters()))
    io.metric("bytes", sum(path.stat().st_size for path in target.rglob("*") if path.is_file()))


EXAMPLE = "{kind: gguf, path: model.gguf, license: apache-2.0}"
KIND = Kind(
    family="model",
    name="gguf",
    version=1,
    body=GgufBody,
    lower=lower,
    summary="weights from a GGUF file",
    example=EXAMPLE,
    actions=("convert",),
    libraries=("transformers",),
)
