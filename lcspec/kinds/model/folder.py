"""A model from files in Hugging Face form: config.json, a tokenizer and safetensors; nothing runs that is not allowed.

Use it for a local folder or for files inside a source. Python files and pickled weights are refused unless the spec
lists them under `allow` with their digest. Pickles are read once, as plain tensors, and written as safetensors; code
runs in the steps that load the model, and in the service.
"""

import shutil
from collections.abc import Callable
from pathlib import Path, PurePosixPath
from typing import Any, Literal

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
from lcspec.modelcode import code_of
from lcspec.modelfacts import CARD, GENERATION, TEMPLATE, of_folder, source_facts
from lcspec.pickles import convert_index, convert_pickle
from lcspec.runtime.scan import PICKLED, check_files, is_pickle

ALLOWED = (".json", ".safetensors", ".txt", ".jinja", ".model")


class FolderBody(Body):
    """Files of one model."""

    path: str = option(doc="The folder, relative to the spec or inside `from`.")
    files: tuple[str, ...] = option(
        ("config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json"),
        doc="Files in that folder.",
        effect="What is not listed is not there for the model: a chat template of its own file must be named.",
    )
    from_: Any = source_option("Where the folder lies; the project's own folder when left out.")
    role: Literal["generator", "embedder"] = option("generator", doc="What the model is for.", key=False)
    license: str | None = option(None, doc="SPDX identifier.", key=False)
    redistributable: bool | None = option(None, doc="Whether the weights may be passed on.", key=False)


def lower(ctx: Context, entry: Bound) -> Lowered:
    """Fetch the files, then lay them out as one folder."""
    body = entry.body
    source = body.from_ or Bound("source", "from", "path", None, entry.path)
    members = tuple(str(PurePosixPath(body.path) / name) for name in body.files)
    step = Step(
        id=f"convert:models.{entry.name}",
        kind=entry.kind_id,
        action="convert",
        version=KIND.version,
        params={"path": body.path, "files": list(body.files), **_allowed(ctx, entry)},
        inputs={"files": ctx.fetch(entry, source, members)},
        estimate=Estimate((0.2, 5.0), 100 << 20, "constant"),
        source=entry.path,
    )
    return Lowered((step,), {"model": Output(step.id, "model")})


def _allowed(ctx: Context, entry: Bound) -> dict[str, Any]:
    """What the spec allows of the model's pickles and code; only models that have some have this in their key."""
    found = ctx.code_of(entry.name)
    for name in entry.body.files:
        if name.endswith(PICKLED):
            found |= ctx.allowed("pickled-weights", f"{entry.name}/{name}")
    unsafe = any(name.endswith((*PICKLED, ".py")) for name in entry.body.files)
    pickled = {"model": entry.name} if any(name.endswith(PICKLED) for name in entry.body.files) else {}
    return {**pickled, **({"capabilities": found} if found and unsafe else {})}


def inspect(body: Any, open: Callable[[str], Path | None]) -> dict[str, Any]:
    """Facts from the small files and the weights' header; `open` gives a copy of a member, None where there is none."""
    folder = PurePosixPath(body.path)
    members = {str(folder / name) for name in (*body.files, CARD)}
    facts = of_folder(str(folder), lambda member: open(member) if member in members else None)
    if left := [
        name for name in (TEMPLATE, GENERATION) if name not in body.files and open(str(folder / name)) is not None
    ]:
        facts |= {"unlisted": left}
    files = {name: open(str(folder / name)) for name in body.files if name.endswith(".py")}
    code = {name: source_facts(path.read_bytes()) for name, path in files.items() if path is not None}
    return {**facts, "code": code} if code else facts


def convert(io: StepIO) -> None:
    """Copies the files into one folder."""
    source, target = io.input("files") / within(io.params["path"]), io.output("model")
    for name in io.params["files"]:
        (target / name).parent.mkdir(parents=True, exist_ok=True)
        if is_pickle(source / name):
            convert_pickle(io, source / name, target / name, name)
        elif name.endswith(".bin.index.json"):
            convert_index(source / name, target / name)
        elif not name.endswith((*ALLOWED, ".py")):
            io.fail(f"`{name}` is not weights, a config or a tokenizer", help=f"allowed: {', '.join(ALLOWED)}")
        else:
            shutil.copyfile(source / name, target / name)
    check_files(target, code=code_of(io))
    io.metric("bytes", sum(path.stat().st_size for path in target.rglob("*") if path.is_file()))


EXAMPLE = "{kind: folder, path: models/minilm, role: embedder}"
KIND = Kind(
    family="model",
    name="folder",
    version=1,
    body=FolderBody,
    lower=lower,
    summary="weights in Hugging Face form",
    example=EXAMPLE,
    actions=("convert",),
)
