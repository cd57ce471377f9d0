"""Wheels for the steps of a kind that needs other libraries than lcspec has: what it pins, and what that needs in turn.

Not written in a spec: a kind declares its `environment`. pip resolves the pins once, with its own configuration (index,
proxy, certificates) and wheels only, so that no code of a package runs; the lock then holds every wheel by SHA-256. The
step that fetches them also builds the environment, offline. Limits: wheels are for one platform and Python, and so is
that part of the lock.
"""

import hashlib
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from lcspec.canon import digest
from lcspec.content import hash_file
from lcspec.diag.model import Diagnostic, LcspecError
from lcspec.environments import ensure, pinned
from lcspec.kinds.api import Body, Bound, Context, Estimate, Kind, Lowered, Output, Resources, Step, StepIO, option

WHEELS = "wheels"
_CHUNK = 1 << 20


class PipBody(Body):
    """The packages of an environment."""

    requirements: tuple[str, ...] = option(doc="Exact pins, `name==version`.", min_length=1)


def source_id(body: PipBody) -> str:
    """How the lock calls it."""
    return f"environment:{','.join(body.requirements)}"


def lower(ctx: Context, owner: Bound, source: Bound, members: Sequence[str]) -> Lowered:
    """One step that fetches the pinned wheels and builds the environment."""
    pin = ctx.pin(source, members)
    step = Step(
        id=f"build:environments.{owner.name}",
        kind="environment.pip",
        action="build",
        version=1,
        params={
            "requirements": list(source.body.requirements),
            "wheels": dict(pin["wheels"]) if pin else {},
            "pinned": pin is not None,
        },
        resources=Resources(network=True),
        estimate=Estimate((10.0, 600.0), 500 << 20, "constant"),
        source=owner.path,
    )
    return Lowered((step,), {"files": Output(step.id, "wheels")})


def resolve(body: PipBody, members: Sequence[str], cache: Path, known: Mapping[str, Any] | None) -> dict[str, Any]:
    """The pin: downloads what the requirements come to (trust on first use); file name to SHA-256 of each wheel.

    Raises:
        LcspecError: LC1005 when pip cannot get them.
    """
    staging = _staging(cache, body.requirements)
    _pip(["--requirement", _listed(staging, body.requirements)], staging, source_id(body))
    wheels = {path.name: _digest(path) for path in sorted(staging.glob("*.whl"))}
    for name, sha256 in wheels.items():
        (staging / name).replace(cache / f"{sha256}.whl")
    return {"wheels": wheels, "members": {WHEELS: digest(wheels)}}


def build(io: StepIO) -> None:
    """Lays the pinned wheels out as the output, and builds the environment of them."""
    wheels, target = io.params["wheels"], io.output("wheels")
    missing = {name: sha256 for name, sha256 in wheels.items() if not _copied(io.cache(), target, name, sha256)}
    for done, (name, sha256) in enumerate(missing.items()):
        io.progress(done, len(missing) + 1)
        _fetch(name, sha256, io.cache(), target)
    io.progress(len(missing), len(missing) + 1)
    ensure(io.cache().parents[1], {name: hash_file(target / name) for name in wheels}, target)
    io.metric("wheels", len(wheels))
    io.metric("bytes", sum(path.stat().st_size for path in target.iterdir()))


def _copied(cache: Path, target: Path, name: str, sha256: str) -> bool:
    """Whether the cache had the wheel, whole."""
    try:
        shutil.copyfile(cache / f"{sha256}.whl", target / name)
    except OSError:
        return False
    return _digest(target / name) == sha256


def _fetch(name: str, sha256: str, cache: Path, target: Path) -> None:
    staging = _staging(cache, [name])
    line = f"{pinned(name)} --hash=sha256:{sha256}"
    _pip(["--no-deps", "--require-hashes", "--requirement", _listed(staging, [line])], staging, pinned(name))
    found = sorted(staging.glob("*.whl"))
    if not found or _digest(found[0]) != sha256:
        raise _mismatch(pinned(name), sha256)
    found[0].replace(target / name)


def _staging(cache: Path, names: Sequence[str]) -> Path:
    """An empty folder for pip."""
    cache.mkdir(parents=True, exist_ok=True)
    made = cache / f"pip-{digest(list(names))[:12]}"
    shutil.rmtree(made, ignore_errors=True)  # a killed pip may have left half a wheel
    made.mkdir()
    return made


def _listed(staging: Path, lines: Sequence[str]) -> str:
    path = staging / "requirements.txt"
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    return str(path)


def _pip(arguments: Sequence[str], target: Path, what: str) -> None:
    command = [sys.executable, "-m", "pip", "download", "--only-binary=:all:", "--dest", str(target), "--quiet"]
    command += ["--disable-pip-version-check", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        lines = [line for line in done.stderr.splitlines() if line.startswith("ERROR")] or done.stderr.splitlines()[-1:]
        if "do not match" in done.stderr.lower() or "hashes" in done.stderr.lower():
            raise _mismatch(what, "")
        help = "try `python -m pip download --only-binary=:all:` with the same pins; lcspec uses pip's configuration"
        message = f"`{what}` cannot be fetched: {'; '.join(lines[:2]) or 'pip failed'}"
        raise LcspecError([Diagnostic("LC1005", message, help=help)], 4)


def _mismatch(what: str, sha256: str) -> LcspecError:
    help = "if the change is wanted, review it and run `lcspec lock --update`; otherwise the index served another file"
    pins = f" {sha256[:16]}…" if sha256 else " another digest"
    message = f"`{what}` is not the wheel that was locked: the lock pins{pins}"
    return LcspecError([Diagnostic("LC1004", message, help=help)], 4)


def _digest(path: Path) -> str:
    hasher = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            hasher.update(chunk)
    return hasher.hexdigest()


EXAMPLE = '{kind: pip, requirements: ["onnx==1.19.0"]}'
KIND = Kind(
    family="environment",
    name="pip",
    version=1,
    body=PipBody,
    lower=lower,
    summary="wheels that pip resolves",
    example=EXAMPLE,
    actions=("build",),
)
