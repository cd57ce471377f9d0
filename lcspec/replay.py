"""Tells again what a command printed, while nothing that it read has moved: an unchanged plan, an idle apply.

A memo holds the output and exit code of one command line in one folder, with the state (size, times, inode) of every
file that was opened and every folder that was listed meanwhile. It is a disposable cache in the user's cache folder,
never in the project; `LCSPEC_REPLAY=off` turns it off.
"""

import hashlib
import json
import os
import sys
import time
from collections.abc import Callable, Iterator
from typing import Any, TextIO

FORMAT = 1
SWITCH = "LCSPEC_REPLAY"
COMMANDS = ("plan", "apply")
KEPT, ROOM = 100, 200  # memos kept when there are more than ROOM
RACY = 50_000_000  # nanoseconds: a file this young could change again without a new time stamp
_SHOWN = ("CI", "NO_COLOR", "FORCE_COLOR", "COLUMNS", "LINES", "TERM", "PYTHONPATH", "XDG_CACHE_HOME")
_PACKAGE = os.path.dirname(os.path.abspath(__file__))

State = list[int] | None


def play(argv: list[str]) -> int | None:
    """Prints what `argv` printed before and returns its exit code; None when that is not known to be true still."""
    if not _wanted(argv):
        return None
    try:
        with open(_place(argv), encoding="utf-8") as file:
            memo = json.load(file)
        if memo["format"] != FORMAT or any(_state(path) != state for path, state in memo["read"].items()):
            return None
        out, err, code = str(memo["out"]), str(memo["err"]), int(memo["code"])
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None
    sys.stderr.write(err)
    sys.stdout.write(out)
    sys.stdout.flush()
    return code


class Recorder:
    """Notes what a command reads and prints. One per process: an audit hook cannot be taken away again."""

    def __init__(self) -> None:
        self.paths: set[str] = set()
        self.out: list[str] = []
        self.err: list[str] = []
        self.started = time.time_ns()
        self.sealed = False


_recorder: Recorder | None = None


def record(argv: list[str]) -> None:
    """Begins to note what the command reads and prints, if it is one that can be told again."""
    global _recorder
    if not _wanted(argv):
        return
    _recorder = made = Recorder()

    def hear(event: str, arguments: tuple[Any, ...]) -> None:
        if event in ("open", "os.listdir", "os.scandir", "sqlite3.connect") and not made.sealed:
            path = arguments[0]
            if isinstance(path, str | bytes | os.PathLike):
                made.paths.add(os.path.abspath(os.fsdecode(path)))

    sys.addaudithook(hear)
    sys.stdout, sys.stderr = _Tee(sys.stdout, made.out.append), _Tee(sys.stderr, made.err.append)


def can_be_told_again(*probed: os.PathLike[str] | str) -> None:
    """Says that the command changed nothing. `probed` are paths whose absence mattered, which no hook hears of."""
    if _recorder is not None:
        _recorder.paths |= {os.path.abspath(path) for path in probed}
        _recorder.sealed = True


def keep(argv: list[str], code: int) -> None:
    """Writes the memo of a command that ended with `code`, if it can be told again. Never fails."""
    made = _recorder
    if made is None or not made.sealed:
        return
    place = _place(argv)
    read = {path: _state(path) for path in sorted(made.paths | set(_always())) if not _ours(path)}
    young = made.started - RACY
    if any(state is not None and max(state[1], state[2]) > young for state in read.values()):
        return
    memo = {"format": FORMAT, "read": read, "out": "".join(made.out), "err": "".join(made.err), "code": code}
    staging = f"{place}.{os.getpid()}"
    try:
        os.makedirs(os.path.dirname(place), exist_ok=True)
        with open(staging, "w", encoding="utf-8") as file:
            json.dump(memo, file)
        os.replace(staging, place)
        _prune(os.path.dirname(place))
    except OSError:
        return  # a cache that cannot be written is no cache


class _Tee:
    """A text stream that is also noted."""

    def __init__(self, stream: TextIO, note: Callable[[str], None]) -> None:
        self._stream, self._note = stream, note

    def write(self, text: str) -> int:
        """Writes to the stream, then notes it."""
        written = self._stream.write(text)
        self._note(text)
        return written

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


def _wanted(argv: list[str]) -> bool:
    return os.environ.get(SWITCH) != "off" and len(argv) > 1 and argv[1] in COMMANDS


def _place(argv: list[str]) -> str:
    """The file of the memo of a command line: here, with this interpreter and this lcspec, to this kind of terminal."""
    environment = {k: v for k, v in os.environ.items() if k in _SHOWN or k.startswith("LCSPEC_")}
    size = os.get_terminal_size(1) if sys.stdout.isatty() else None
    said = [argv[1:], os.getcwd(), sys.version, sys.executable, _PACKAGE, environment, size, sys.stderr.isatty()]
    name = hashlib.sha256(json.dumps(said, sort_keys=True).encode()).hexdigest()
    cache = os.environ.get("XDG_CACHE_HOME") or os.path.join(os.path.expanduser("~"), ".cache")
    return os.path.join(cache, "lcspec", "replay", name[:40] + ".json")


def _state(path: str) -> State:
    """Size, times and inode of a file or folder; None when there is none.

    A folder of the package has no times: Python writes byte code into it. What was listed there stands for it.
    """
    try:
        found = os.stat(path)
        if path.startswith(_PACKAGE) and os.path.isdir(path):
            return [len([name for name in os.listdir(path) if name != "__pycache__"]), 0, 0, found.st_ino]
    except OSError:
        return None
    return [found.st_size, found.st_mtime_ns, found.st_ctime_ns, found.st_ino]


def _always() -> Iterator[str]:
    """What every command depends on: our own files, and the folders that packages are installed into."""
    yield from (path for path in sys.path if path and path != os.getcwd())  # `python -m` puts that there
    for folder, names, files in os.walk(_PACKAGE):
        names[:] = [name for name in names if name != "__pycache__"]
        yield folder
        yield from (os.path.join(folder, name) for name in files if name.endswith((".py", ".md", ".json")))


def _ours(path: str) -> bool:
    """Whether a path is Python's own business: byte code, the standard library, devices."""
    return "__pycache__" in path or path.startswith(("/dev/", "/proc/", sys.base_prefix + os.sep))


def _prune(folder: str) -> None:
    memos = [os.path.join(folder, name) for name in os.listdir(folder)]
    if len(memos) > ROOM:
        for path in sorted(memos, key=lambda path: os.stat(path).st_mtime_ns)[:-KEPT]:
            os.unlink(path)
