"""Logs of steps: one file per run and step, bounded, without secrets. What cannot be written never ends a step.

The runner writes them, not the step: so a full disk costs a step its log and nothing else, and what a crashing library
prints with its last breath is kept.
"""

import os
import shutil
from contextlib import suppress
from pathlib import Path

from lcspec.run.secrets import Redactor

HEAD, TAIL = 4 << 20, 256 << 10  # bytes kept of the beginning and of the end
RUNS = 20  # folders of runs that are kept
_CHUNK = 1 << 16


def folder(store: Path, run: int) -> Path:
    """Where the logs of a run lie."""
    return store / "logs" / f"{run:06d}"


def path(store: Path, run: int, step: str, key: str) -> Path:
    """The log of one step in one run."""
    return folder(store, run) / f"{slug(step)}.{key[:12]}.log"


def slug(step: str) -> str:
    """A file name for a step id."""
    return "".join(char if char.isalnum() or char in "-_." else "-" for char in step)[:150]


def trim(store: Path) -> None:
    """Deletes the logs of all but the latest runs."""
    runs = sorted(one for one in (store / "logs").glob("[0-9]*") if one.is_dir())
    for old in runs[:-RUNS]:
        shutil.rmtree(old, ignore_errors=True)


def find(store: Path, step: str, run: int | None = None) -> list[Path]:
    """The logs of a step, oldest first; of one run when it is named."""
    pattern = f"{run:06d}" if run is not None else "*"
    return sorted((store / "logs").glob(f"{pattern}/{slug(step)}.*.log"))


class Log:
    """The open log of a running step, fed through a pipe that the step holds as its standard output."""

    def __init__(self, target: Path, redactor: Redactor) -> None:
        self.path, self._redactor = target, redactor
        self.reading, self.writing = os.pipe()
        os.set_blocking(self.reading, False)
        self._written, self._left_out = 0, 0
        self._tail, self._pending = b"", b""
        with suppress(OSError):
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(b"")

    def fileno(self) -> int:
        """The end that tells when there is something to read."""
        return self.reading

    def started(self) -> None:
        """Closes this process's copy of the writing end, so that the pipe ends with the step."""
        os.close(self.writing)

    def read(self) -> bool:
        """Takes what is there; False when all writers are gone."""
        while True:
            try:
                data = os.read(self.reading, _CHUNK)
            except BlockingIOError:
                return True
            except OSError:
                return False
            if not data:
                return False
            self._take(data)

    def _take(self, data: bytes) -> None:
        """Writes whole lines; what may be the beginning of a secret waits for its end."""
        whole = self._redactor.data(self._pending + data)
        cut = whole.rfind(b"\n") + 1
        if len(whole) - cut > _CHUNK:
            cut = len(whole) - self._redactor.longest
        self._pending = whole[cut:]
        self._write(whole[:cut])

    def _write(self, data: bytes) -> None:
        room = max(0, HEAD - self._written)
        if data[:room]:
            with suppress(OSError), self.path.open("ab") as file:
                file.write(data[:room])
            self._written += len(data[:room])
        rest = self._tail + data[room:]
        self._left_out += max(0, len(rest) - TAIL)
        self._tail = rest[-TAIL:]

    def close(self) -> None:
        """Writes what is left, and the end of what was too long."""
        self.read()
        self._write(self._redactor.data(self._pending))
        with suppress(OSError):
            if self._tail:
                with self.path.open("ab") as file:
                    file.write(b"\n... %d bytes left out ...\n" % self._left_out if self._left_out else b"")
                    file.write(self._tail)
        os.close(self.reading)
