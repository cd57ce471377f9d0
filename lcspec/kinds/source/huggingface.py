"""Files of a repository on the Hugging Face hub, pinned to a commit and verified by SHA-256.

`lcspec lock` turns the revision into a commit and notes size and digest of each file; a step fetches those files over
HTTPS, takes up what a cut connection left, and refuses anything else. Gated and private repositories need a token:
`token: {env: HF_TOKEN}`. Nothing of a repository is executed. The endpoint is `HF_ENDPOINT` where that is set.
"""

import os
import shutil
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from lcspec.hub.body import MODEL, HubBody
from lcspec.hub.client import Hub, Wanted
from lcspec.hub.pin import connect, narrowed, pin
from lcspec.hub.select import safe
from lcspec.hub.weights import header
from lcspec.kinds.api import Bound, Context, Estimate, Kind, Lowered, Output, Resources, Step, StepIO

SLOW, FAST = 2e6, 100e6  # bytes per second, the bracket of an estimate
HEADER = ".header.json"


def source_id(body: HubBody) -> str:
    """How the lock calls it."""
    return f"huggingface:{body.type}/{body.repo}@{body.revision}"


def lower(ctx: Context, owner: Bound, source: Bound, members: Sequence[str]) -> Lowered:
    """One step that downloads the pinned files."""
    pinned = ctx.pin(source, members)
    files = narrowed(pinned, members)["files"] if pinned else {}
    size = sum(one["size"] for one in files.values())
    body = source.body
    step = Step(
        id=f"fetch:{'.'.join(map(str, owner.path))}",
        kind="source.huggingface",
        action="fetch",
        version=KIND.version,
        params={
            "type": body.type,
            "repo": body.repo,
            "commit": pinned["commit"] if pinned else None,
            "files": files if pinned else list(members),
            "pinned": pinned is not None,
        },
        settings={"hosts": list(body.hosts)},
        secrets={"token": {"env": body.token.env}} if body.token else {},
        resources=Resources(network=True),
        estimate=Estimate((1 + size / FAST, 10 + size / SLOW), 100 << 20, "formula"),
        source=owner.path if source.path == owner.path else (*owner.path, "from"),
    )
    return Lowered((step,), {"files": Output(step.id, "files")})


def resolve(body: HubBody, members: Sequence[str], cache: Path, known: Mapping[str, Any] | None) -> dict[str, Any]:
    """The pin of the repository with `members`; one that is known keeps its commit.

    Raises:
        LcspecError: the hub cannot be reached, refuses, or has no such files.
    """
    return pin(body, members, cache / "hub", known)


def open_member(body: HubBody, member: str, cache: Path, known: Mapping[str, Any]) -> Path:
    """A verified file; for the files of a model a folder with its JSON files and the headers of its weights."""
    hub, folder = connect(body), cache / "hub"
    if member != MODEL:
        return folder / _download(hub, known, member, folder)
    target = folder / "facts" / str(known["members"][member])
    target.mkdir(parents=True, exist_ok=True)
    for path in known["choices"][MODEL]["model"]:
        if path.endswith(".safetensors"):
            _write_header(hub, known, path, target / f"{path}{HEADER}")
        elif path in ("config.json", "tokenizer_config.json", "generation_config.json", "chat_template.jinja"):
            shutil.copyfile(folder / _download(hub, known, path, folder), target / path)
    return target


def _download(hub: Hub, known: Mapping[str, Any], path: str, folder: Path) -> str:
    one = known["files"][path]
    return hub.download(known["commit"], Wanted(path, one["size"], one["sha256"]), folder)


def _write_header(hub: Hub, known: Mapping[str, Any], path: str, target: Path) -> None:
    import json

    found = header(lambda start, end: hub.range(known["commit"], path, start, end))
    target.write_text(json.dumps(found), encoding="utf-8")


def fetch(io: StepIO) -> None:
    """Downloads what is missing in the cache, verifies it, and lays the files out under their names."""
    params, target, cache = io.params, io.output("files"), io.cache() / "hub"
    hub = Hub(params["type"], params["repo"], token=_token(io), hosts=tuple(io.settings["hosts"]))
    total, before = max(sum(one["size"] for one in params["files"].values()), 1), 0
    for path, one in params["files"].items():
        if not safe(path):
            io.fail(f"the lock names a file outside its folder: `{path}`", help="lock again", code="LC1001")
        tell = partial(_tell, io, before, total)
        sha = hub.download(params["commit"], Wanted(path, one["size"], one["sha256"]), cache, tell)
        copy = target / path
        copy.parent.mkdir(parents=True, exist_ok=True)
        _place(cache / sha, copy)
        before += one["size"]


def _token(io: StepIO) -> str | None:
    try:
        return io.secret("token")
    except KeyError:
        return None  # a public repository


def _tell(io: StepIO, before: int, total: int, here: int) -> None:
    io.progress(before + here, total)


def _place(cached: Path, copy: Path) -> None:
    """A reflink where the file system has them, else a copy; never a hard link to what later steps could change."""
    try:
        import fcntl

        with cached.open("rb") as source, copy.open("wb") as made:
            fcntl.ioctl(made.fileno(), 0x40049409, source.fileno())  # FICLONE
    except OSError:
        shutil.copyfile(cached, copy)
    os.utime(copy)


EXAMPLE = "{kind: huggingface, repo: HuggingFaceTB/SmolLM2-135M-Instruct, revision: main}"
KIND = Kind(
    family="source",
    name="huggingface",
    version=1,
    body=HubBody,
    lower=lower,
    summary="files of a repository on the Hugging Face hub",
    example=EXAMPLE,
    actions=("fetch",),
)
