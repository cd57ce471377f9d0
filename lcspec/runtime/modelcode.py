"""Running the Python files that came with a model: those alone that are allowed by their SHA-256, from bytes that were
read once.

transformers copies such files into a cache of modules and imports them from there. The cache lies in a folder of this
process, and what is copied comes from the bytes whose digest was right, so that what runs is what was allowed. The
code has the rights of the process, of a service too; sockets and child processes are refused to it from then on,
which stops accidents and is no sandbox.
"""

from __future__ import annotations

import atexit
import hashlib
import os
import shutil
import sys
import tempfile
from pathlib import Path
from typing import NamedTuple

from .scan import REMOTE_CODE, Code, Found, UnsafeModelError

REFUSED = frozenset(  # audit events
    {
        *("socket.connect", "socket.bind", "socket.getaddrinfo", "socket.gethostbyname", "socket.sendto"),
        *("socket.sendmsg", "subprocess.Popen", "os.system", "os.exec", "os.fork", "os.forkpty", "os.posix_spawn"),
        *("os.spawn", "pty.spawn"),
    }
)


class Place(NamedTuple):
    """Where transformers is to load a model from, and whether it may import the Python files there."""

    folder: Path
    trusted: bool


def place_of(folder: Path, code: Code) -> Place:
    """Return the folder itself, or for a model with Python files a twin of it that holds their verified bytes.

    From the second on, this process opens no socket and starts no process.

    Raises:
        UnsafeModelError: a Python file that `code` does not list, or one with another digest.
    """
    paths = sorted(path for path in folder.iterdir() if path.suffix == ".py")
    if not paths:
        return Place(folder, False)
    files = {path.name: path.read_bytes() for path in paths}
    digests = {name: hashlib.sha256(data).hexdigest() for name, data in files.items()}
    wrong = [name for name, digest in digests.items() if digest not in code.get(name, ())]
    if wrong:
        raise UnsafeModelError([Found(REMOTE_CODE, name, f"`{name}` is not allowed to run") for name in wrong])
    # The name goes into that of the modules: equal code is imported once, other code never takes its place.
    mark = hashlib.sha256("".join(f"{name} {digests[name]}\n" for name in sorted(files)).encode()).hexdigest()
    twin = Path(tempfile.mkdtemp(dir=_scratch())) / f"code_{mark[:16]}"
    twin.mkdir()
    for path in folder.iterdir():
        if path.name not in files and path.name != "adapter_config.json":  # transformers would follow it elsewhere
            (twin / path.name).symlink_to(path.resolve())
    for name, data in files.items():
        (twin / name).write_bytes(data)
    _close()
    return Place(twin, True)


def carry(source: Path, target: Path, code: Code) -> None:
    """Copy the Python files of a model beside weights that were made of it; what a library wrote there in their place
    goes.

    Raises:
        UnsafeModelError: as `place_of`.
    """
    for path in sorted(target.glob("*.py")):
        path.unlink()
    for path in sorted(path for path in source.iterdir() if path.suffix == ".py"):
        data = path.read_bytes()
        if hashlib.sha256(data).hexdigest() not in code.get(path.name, ()):
            raise UnsafeModelError([Found(REMOTE_CODE, path.name, f"`{path.name}` is not allowed to run")])
        (target / path.name).write_bytes(data)


_made: list[Path] = []


def _scratch() -> Path:
    """The folder of this process for twins and modules; a step's own, where it runs in one."""
    if not _made:
        from transformers import dynamic_module_utils

        own = os.environ.get("LCSPEC_SCRATCH")
        if own:
            Path(own).mkdir(parents=True, exist_ok=True)
        _made.append(Path(tempfile.mkdtemp(prefix="lcspec-code-", dir=own or None)))
        atexit.register(shutil.rmtree, _made[0], ignore_errors=True)
        # Read from the environment when transformers was imported, perhaps by the process that this one was forked of.
        dynamic_module_utils.HF_MODULES_CACHE = str(_made[0] / "modules")
    return _made[0]


_closed: list[bool] = []


def _close() -> None:
    if _closed:
        return
    _closed.append(True)

    def refuse(event: str, _: object) -> None:
        if event in REFUSED:
            raise PermissionError(f"a process that runs a model's own code may not do that ({event})")

    sys.addaudithook(refuse)
