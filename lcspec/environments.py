"""Step environments: an interpreter of its own with exactly the wheels that the lock pins, made once and found again.

The truth is the wheels: they lie in the store like any output. What pip unpacks of them is derived from that: a folder
`environments/IDENTITY` beside the store's blobs, made under `tmp/`, written to the disk, and renamed, so that it is
there whole or not at all. A virtual environment without pip can be renamed: what has its own path in it are only the
scripts that activate it, which nobody calls. No index, no configuration and no build step takes part.
"""

import fcntl
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from lcspec.canon import digest
from lcspec.diag.model import Diagnostic, LcspecError

FOLDER, MANIFEST = "environments", "environment.json"
_FORMAT = 1
_CHUNK = 1 << 20
_WHEEL = re.compile(r"(?P<name>[^-]+)-(?P<version>[^-]+)(-\d[^-]*)?-[^-]+-[^-]+-[^-]+\.whl\Z")


def identity(wheels: Mapping[str, str]) -> str:
    """The name of the environment with these wheels (file name to the digest of its content) on this interpreter."""
    tag = [sys.implementation.cache_tag, sysconfig.get_platform(), sys.base_prefix]
    return digest({"format": _FORMAT, "wheels": dict(wheels), "python": tag})


def pinned(wheel: str) -> str:
    """`name==version` of a wheel's file name.

    Raises:
        ValueError: it is not the name of a wheel.
    """
    found = _WHEEL.match(wheel)
    if found is None:
        raise ValueError(f"`{wheel}` is not the name of a wheel")
    return f"{found['name'].replace('_', '-')}=={found['version']}"


def ensure(root: Path, wheels: Mapping[str, str], folder: Path) -> Path:
    """The interpreter of the environment with `wheels`, which lie in `folder`; built when it is not there whole.

    One process builds, others wait for it. `root` is the store.

    Raises:
        LcspecError: LC1012, pip cannot install the wheels.
        OSError: the disk is full.
    """
    target = root / FOLDER / identity(wheels)
    target.parent.mkdir(exist_ok=True)
    with _locked(target.with_suffix(".lock")):
        if not whole(target):
            mark = f"environment-{target.name[:12]}"
            for left in (root / "tmp").glob(f"*-{mark}"):  # of a builder that was killed: nobody else has the lock
                shutil.rmtree(left, ignore_errors=True)
            staging = root / "tmp" / f"{os.getpid()}-{mark}"
            try:
                _build(staging, [folder / name for name in sorted(wheels)])
                _write_manifest(staging, wheels)
                os.sync()
                if target.exists():
                    shutil.rmtree(target)
                staging.rename(target)
                _sync(target.parent)
            finally:
                shutil.rmtree(staging, ignore_errors=True)
    return target / "bin" / "python"


def whole(target: Path) -> bool:
    """Whether an environment has its interpreter, and every file with its size; `faults` reads them."""
    try:
        listed = json.loads((target / MANIFEST).read_text(encoding="utf-8"))["files"]
        sizes = all((target / name).stat().st_size == size for name, (size, _) in listed.items())
    except (OSError, ValueError, KeyError, TypeError):
        return False
    return sizes and (target / "bin" / "python").exists()


def faults(target: Path) -> Iterator[tuple[str, Path, str]]:
    """(altered, missing or extra; path; sentence) for each file of a built environment that is not as pip left it."""
    try:
        listed = json.loads((target / MANIFEST).read_text(encoding="utf-8"))["files"]
    except (OSError, ValueError, KeyError, TypeError):
        yield "missing", target / MANIFEST, "the list of the environment's files cannot be read"
        return
    there = {path.relative_to(target).as_posix(): path for path in _files(target)}
    for name, (_, sha256) in sorted(listed.items()):
        if name not in there:
            yield "missing", target / name, f"`{name}` of an environment is gone"
        elif _sha256(there[name]) != sha256:
            yield "altered", target / name, f"`{name}` of an environment is not what it was"
    for name in sorted(there.keys() - listed.keys()):
        yield "extra", there[name], f"`{name}` is no part of its environment"


def _build(staging: Path, wheels: Sequence[Path]) -> None:
    import venv

    venv.EnvBuilder(symlinks=True, with_pip=False).create(staging)
    site = next((staging / "lib").glob("python*")) / "site-packages"
    command = [sys.executable, "-m", "pip", "install", "--no-index", "--no-deps", "--no-cache-dir", "--quiet"]
    command += ["--disable-pip-version-check", "--only-binary=:all:", "--target", str(site), *map(str, wheels)]
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PIP_")}
    kept |= {"PIP_CONFIG_FILE": os.devnull}
    kept.pop("PYTHONDONTWRITEBYTECODE", None)  # byte code is made here, or every step would make it anew
    done = subprocess.run(command, env=kept, capture_output=True, text=True, check=False)
    if done.returncode:
        lines = [line for line in done.stderr.splitlines() if line.startswith("ERROR")] or done.stderr.splitlines()[-1:]
        message = f"the environment cannot be built: {'; '.join(lines[:2]) or 'pip failed'}"
        help = "its wheels are for another platform or Python, or damaged; `lcspec lock --update` pins them anew"
        raise LcspecError([Diagnostic("LC1012", message, help=help)], 4)


def _write_manifest(staging: Path, wheels: Mapping[str, str]) -> None:
    files = {p.relative_to(staging).as_posix(): [p.stat().st_size, _sha256(p)] for p in _files(staging)}
    made = {"format_version": _FORMAT, "wheels": dict(wheels), "files": dict(sorted(files.items()))}
    (staging / MANIFEST).write_text(json.dumps(made, indent=1) + "\n", encoding="utf-8")


def _files(folder: Path) -> Iterator[Path]:
    """Files of an environment, without links (the interpreter) and its own list."""
    for path in folder.rglob("*"):
        if path.is_file() and not path.is_symlink() and path != folder / MANIFEST:
            yield path


def _sha256(path: Path) -> str:
    hasher = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            hasher.update(chunk)
    return hasher.hexdigest()


def _sync(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    """Holds an flock, waiting for it; the kernel drops it with the process."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)
