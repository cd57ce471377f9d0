"""A model of the Hugging Face hub: its config, tokenizer and safetensors, pinned to a commit.

The files are chosen when locking; weights in shards are found by their names. Facts (architecture, parameters,
context) come from the config and the headers of the weights, before the weights are downloaded; pickles are refused.
A config with an `auto_map` asks for code of its repository: it is refused unless `allow` lists every such file with its
digest, which the lock knows. `remote-code: ignore` takes the library's own implementation instead, where there is one.
"""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal

from lcspec.diag.model import Diagnostic, LcspecError
from lcspec.hub.body import MODEL, HubFields, repository
from lcspec.hub.weights import parameters
from lcspec.kinds.api import Bound, Context, Estimate, Kind, Lowered, Output, Step, StepIO, option
from lcspec.modelcode import code_of
from lcspec.modelfacts import of_folder
from lcspec.runtime.scan import check_files

CONFIGS = ("config.json", "tokenizer_config.json")
RemoteCode = Literal["refuse", "ignore"]


class HuggingfaceModelBody(HubFields):
    """A model repository."""

    role: Literal["generator", "embedder"] = option("generator", doc="What the model is for.", key=False)
    remote_code: RemoteCode = option(
        "refuse",
        doc="What to do with a config that names code: refuse what `allow` does not list, or use the library's own.",
        effect="`ignore` runs the library's own code, which may differ from what the authors meant.",
    )
    license: str | None = option(None, doc="SPDX identifier.", key=False)
    redistributable: bool | None = option(None, doc="Whether the weights may be passed on.", key=False)


def lower(ctx: Context, entry: Bound) -> Lowered:
    """Fetch the files, then lay them out as one folder."""
    code = ctx.code_of(entry.name) if entry.body.remote_code == "refuse" else {}
    members = (MODEL, *(mark.partition(":")[2] for mark in code))
    step = Step(
        id=f"convert:models.{entry.name}",
        kind=entry.kind_id,
        action="convert",
        version=KIND.version,
        params={"remote-code": entry.body.remote_code, **({"capabilities": code} if code else {})},
        inputs={"files": ctx.fetch(entry, repository(entry, "model"), members)},
        estimate=Estimate((0.2, 60.0), 100 << 20, "constant"),
        source=entry.path,
    )
    return Lowered((step,), {"model": Output(step.id, "model")})


def inspect(body: Any, open: Callable[[str], Path | None]) -> dict[str, Any]:
    """Facts from `config.json` and the headers of the weights, which `open` lays out in a folder while locking."""
    path = open(MODEL)
    if path is None:
        return {}
    config = json.loads((path / "config.json").read_text(encoding="utf-8"))
    headers = [json.loads(one.read_text(encoding="utf-8")) for one in sorted(path.glob("*.header.json"))]
    broken = [one for one in headers if one is None]
    if broken or not headers:
        help = "the weights are no safetensors; use another revision"
        raise LcspecError([Diagnostic("LC1005", "the weights have no header that can be read", help=help)], 4)
    text = config.get("text_config") if isinstance(config.get("text_config"), dict) else config
    facts = of_folder("", lambda name: path / name if (path / name).is_file() else None)
    packed = isinstance(config.get("quantization_config"), dict)  # several numbers in one element
    return {
        **facts,
        "context": facts["context"] or text.get("max_sequence_length"),
        "parameters": None if packed else parameters(headers),
        "remote_code": any(_names_code(path / name) for name in CONFIGS),
    }


def _names_code(path: Path) -> bool:
    data = json.loads(path.read_text(encoding="utf-8")) if path.exists() else None
    return isinstance(data, dict) and "auto_map" in data


def convert(io: StepIO) -> None:
    """Copies the files into one folder; a config that names code is refused, or rid of it, unless that is allowed."""
    code = code_of(io)
    source, target = io.input("files"), io.output("model")
    for path in sorted(one for one in source.rglob("*") if one.is_file()):
        copy = target / path.relative_to(source)
        copy.parent.mkdir(parents=True, exist_ok=True)
        if path.name in CONFIGS and not code:
            _without_code(io, path, copy)
        else:
            shutil.copyfile(path, copy)
    check_files(target, code=code)
    index = target / "model.safetensors.index.json"
    if index.exists():
        named = set(json.loads(index.read_text(encoding="utf-8"))["weight_map"].values())
        missing = sorted(name for name in named if not (target / name).is_file())
        if missing:
            io.fail(f"the index names `{missing[0]}`, which the repository lacks", help="use another revision")
    io.metric("bytes", sum(one.stat().st_size for one in target.rglob("*") if one.is_file()))


def _without_code(io: StepIO, path: Path, copy: Path) -> None:
    data = json.loads(path.read_text(encoding="utf-8"))
    if isinstance(data, dict) and data.pop("auto_map", None) is not None:
        if io.params["remote-code"] != "ignore":
            message = f"`{path.name}` has an `auto_map`: the model asks for code of its repository"
            help = "list its files under `allow`, or set `remote-code: ignore` to use the library's own implementation"
            io.fail(message, help=help, code="LC1009")
        io.warn(f"`auto_map` of {path.name} was ignored; the library's own implementation is used")
    copy.write_text(json.dumps(data, indent=2, ensure_ascii=False), encoding="utf-8")


EXAMPLE = "{kind: huggingface, repo: HuggingFaceTB/SmolLM2-135M-Instruct, license: apache-2.0}"
KIND = Kind(
    family="model",
    name="huggingface",
    version=1,
    body=HuggingfaceModelBody,
    lower=lower,
    summary="a model of the Hugging Face hub",
    example=EXAMPLE,
    actions=("convert",),
)
