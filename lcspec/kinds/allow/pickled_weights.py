"""A file of pickled weights that may be converted to safetensors, as long as it has this digest.

A pickle is a program. The one step that converts the model reads it, with torch's reader for weights alone, and writes
safetensors; no later step, and no service, ever meets the pickle. The digest stands in the key of that step.
"""

from typing import Any

from lcspec.kinds.api import Body, Bound, Context, Kind, marked, option


class PickledWeightsBody(Body):
    """One file of one model."""

    model: str = option(doc="The model whose file it is.", refers="model")
    file: str = option(doc="The file, as the model's `files` names it.")
    sha256: str = option(doc="SHA-256 of the file that is trusted.", pattern=r"^[0-9a-f]{64}$")


def item(body: PickledWeightsBody) -> str:
    """What is allowed, as those ask who need it."""
    return f"{body.model}/{body.file}"


def lower(ctx: Context, entry: Bound) -> dict[str, Any]:
    """No steps: the fields that enter the keys of the steps that use it."""
    return marked(entry.body)


EXAMPLE = f"{{kind: pickled-weights, model: base, file: pytorch_model.bin, sha256: {'3fa1' * 16}}}"
KIND = Kind(
    family="allow",
    name="pickled-weights",
    version=1,
    body=PickledWeightsBody,
    lower=lower,
    summary="pickled weights that may be converted to safetensors",
    example=EXAMPLE,
)
