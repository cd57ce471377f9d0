"""The parent's side of a confined function: starts the child in the strongest confinement there is, speaks with it."""

import json
import os
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from lcspec.confine import bubble, places

MARK = "LCSPEC_STORE"  # as in `run/processes.py`: an apply ends what carries it
LEVELS = ("bubblewrap", "landlock", "audit-hook")
STARTS_WITHIN = 30.0  # seconds until the child is shut in, before it has seen the function
_LONGEST = 1 << 16, 64  # bytes of one answer, and more for each payload
_MODULES = Path(__file__).parent
_PROGRAM = "import sys; sys.path.insert(0, {!r}); from lcspec.confine.child import main; main()"
_CHUNK = 1 << 16
_ASTRAY = "it wrote where only answers are written"
_FIXED = {
    "PATH": "/usr/bin:/bin",
    "LANG": "C.UTF-8",
    "PYTHONHASHSEED": "0",
    "PYTHONSAFEPATH": "1",
    "PYTHONUNBUFFERED": "1",
    "PYTHONDONTWRITEBYTECODE": "1",
    "OMP_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "TOKENIZERS_PARALLELISM": "false",
    "HF_HUB_OFFLINE": "1",
}


class Silent(Exception):
    """The child did not answer in time."""


class Dead(Exception):
    """The child has ended, or speaks another language than it should; the message says how."""


class Confined:
    """A child that is shut in. `confinement` says by what; `weaker` why not by more, a sentence for each level."""

    def __init__(self, hidden: Sequence[Path], memory: int, levels: Sequence[str] = LEVELS) -> None:
        """Starts the child, which has `memory` bytes of address space.

        Nothing of `hidden` can be read by it, but what is installed there.

        Raises:
            Dead: none of `levels` is to be had.
        """
        self.weaker: list[str] = []
        self._hidden, self._memory = hidden, memory
        for level in levels:
            try:
                self._start(level)
                told = self.ask(self._wanted(level), STARTS_WITHIN)
            except (Dead, Silent, OSError) as error:
                self.weaker.append(f"{level}: {self._said() or error or 'it does not start'}")
                self.end()
                continue
            if "confined" in told:  # nothing of the function has been seen so far
                self.level, self.confinement = level, str(told["confined"])
                self._errors.close()
                return
            self.weaker.append(f"{level}: {told.get('cannot')}")
            self.end()
        raise Dead("; ".join(self.weaker))

    # --- starting ------------------------------------------------------------------------------------------------

    def _start(self, level: str) -> None:
        self._process: subprocess.Popen[bytes] | None = None
        self._rest, self._scratch = b"", ""  # without a folder of its own, bubblewrap gives it one
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115 - what is said before the child speaks into the log
        modules, before = str(_MODULES.parent.parent), []
        if level == "bubblewrap":
            program = bubble.bubblewrap()
            if program is None:
                raise OSError("there is no `bwrap`")
            before = bubble.command(program, places.readable(self._hidden), str(_MODULES.parent))
            modules = bubble.INSIDE
        else:
            own = os.environ.get("LCSPEC_SCRATCH")  # of the step: what it leaves there when it is killed goes with it
            if own:
                os.makedirs(own, exist_ok=True)
            self._scratch = tempfile.mkdtemp(prefix="lcspec-own-", dir=own or None)
        reading, writing = os.pipe()
        log = os.dup(2)
        self._answers = reading
        self._answered = select.poll()
        self._answered.register(reading, select.POLLIN)
        try:
            self._process = subprocess.Popen(
                [*before, sys.executable, "-c", _PROGRAM.format(modules), str(writing), str(log)],
                env=_environment(self._scratch or "/tmp"),
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=self._errors,
                pass_fds=(writing, log),
                bufsize=0,
            )
        except OSError:
            os.close(reading)
            raise
        finally:
            os.close(writing)
            os.close(log)
        assert self._process.stdin is not None  # noqa: S101
        self._requests = self._process.stdin.fileno()
        os.set_blocking(self._requests, False)

    def _wanted(self, level: str) -> dict[str, Any]:
        inside = level == "bubblewrap"
        return {
            "level": level,
            "parent": os.getpid(),
            "root": "" if inside else str(self._hidden[0]),
            "modules": bubble.INSIDE if inside else str(_MODULES.parent.parent),
            "importable": places.importable(self._hidden),
            "readable": [*places.readable(self._hidden), *_DEVICES],
            "writable": [self._scratch or "/tmp"],
            "memory": self._memory,
            "scratch": bubble.SCRATCH,
        }

    # --- speaking ------------------------------------------------------------------------------------------------

    def ask(self, told: Any, seconds: float) -> Any:
        """The answer to one line.

        Raises:
            Silent: there is none after `seconds`.
            Dead: there will be none.
        """
        if self._answered.poll(0):
            self._read()
            raise Dead(_ASTRAY)
        line = memoryview(json.dumps(told).encode() + b"\n")
        until, most = (
            time.monotonic() + seconds,
            _LONGEST[0] + _LONGEST[1] * (len(told) if isinstance(told, list) else 0),
        )
        while line:
            line = line[self._write(line, until) :]
        while b"\n" not in self._rest:
            self._await(self._answers, select.POLLIN, until)
            self._read()
            if len(self._rest) > most:
                raise Dead(_ASTRAY)
        answer, _, self._rest = self._rest.partition(b"\n")
        if self._rest:
            raise Dead(_ASTRAY)
        try:
            return json.loads(answer)
        except (ValueError, RecursionError):
            raise Dead(_ASTRAY) from None

    def _write(self, line: memoryview, until: float) -> int:
        try:
            return os.write(self._requests, line[: 1 << 20])
        except BlockingIOError:
            self._await(self._requests, select.POLLOUT, until)
            return 0
        except BrokenPipeError:
            raise Dead(self._end_of()) from None

    def _await(self, descriptor: int, event: int, until: float) -> None:
        waiting = select.poll()
        waiting.register(descriptor, event)
        left = until - time.monotonic()
        if left <= 0 or not waiting.poll(left * 1000):
            raise Silent

    def _read(self) -> None:
        data = os.read(self._answers, _CHUNK)
        if not data:
            raise Dead(self._end_of())
        self._rest += data

    def _said(self) -> str:
        """The last line that bubblewrap or a dying interpreter left."""
        self._errors.seek(0)
        return "".join(self._errors.read(_CHUNK).decode(errors="replace").strip().splitlines()[-1:])

    # --- ending --------------------------------------------------------------------------------------------------

    def _end_of(self) -> str:
        """How the process ended."""
        assert self._process is not None  # noqa: S101
        try:
            code = self._process.wait(timeout=2)
        except subprocess.TimeoutExpired:
            return "it closed its end of the pipe"
        number = -code if code < 0 else code - 128
        if number in set(signal.Signals):
            return f"it was ended by {signal.Signals(number).name}"
        return f"it ended itself, with exit code {code}"

    def end(self) -> None:
        """Ends the child and all that it started, where its confinement keeps that together."""
        process = self._process
        self._errors.close()
        if process is not None:
            self._process = None
            self._kill(process)
        if self._scratch:
            shutil.rmtree(self._scratch, ignore_errors=True)

    def _kill(self, process: "subprocess.Popen[bytes]") -> None:
        process.kill()
        if process.stdin is not None:
            process.stdin.close()
        process.wait()
        os.close(self._answers)


_DEVICES = (
    *("/dev/zero", "/dev/random", "/dev/urandom"),
    *("/proc/self", "/proc/cpuinfo", "/proc/meminfo", "/sys/devices/system/cpu"),
)


def _environment(scratch: str) -> Mapping[str, str]:
    kept = {name: os.environ[name] for name in ("TZ", MARK) if name in os.environ}
    base = places.user_base()
    more = {"PYTHONUSERBASE": base} if base else {"PYTHONNOUSERSITE": "1"}
    more |= {"LD_LIBRARY_PATH": found} if (found := places.libraries()) else {}
    return {**_FIXED, "HOME": scratch, "TMPDIR": scratch, **kept, **more}
