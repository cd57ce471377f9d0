"""The journal: what happened, one sealed line of JSON an entry, each naming the one before. Append-only, synced.

It is the ledger's truth; SQLite is an index of it. A torn last line was never acknowledged and is cut off by the next
append. Any other damage stops the writer.
"""

import os
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

from lcspec.canon import canonical
from lcspec.diag.model import Diagnostic, LcspecError
from lcspec.run.store.files import flocked, sync_folder
from lcspec.run.store.points import point
from lcspec.run.store.seal import seal, seal_of, unseal

START = "0" * 64
_WINDOW = 1 << 16


class Entry(NamedTuple):
    """One entry: its place, its digest, that of the entry before, when (RFC 3339), what, and the line it came from."""

    seq: int
    sha256: str
    prev: str
    at: str
    event: str
    data: Mapping[str, Any]
    line: str


class Head(NamedTuple):
    """Number and digest of the last entry."""

    seq: int
    sha256: str


class JournalDamaged(LcspecError):
    """The journal is not what was written (LC1120, exit 7)."""

    def __init__(self, message: str) -> None:
        help = "`lcspec verify --rebuild` restores it from its index and from the records"
        super().__init__([Diagnostic("LC1120", message, help=help)], 7)


def make_entry(head: Head, event: str, data: Mapping[str, Any], at: str | None = None) -> Entry:
    """The entry that follows `head`."""
    seq, at = head.seq + 1, at or datetime.now(UTC).isoformat(timespec="milliseconds")
    body = {"prev": head.sha256, "seq": seq, "at": at, "event": event, "data": dict(data)}
    line = seal(canonical(body))
    return Entry(seq, seal_of(line), head.sha256, at, event, data, line.decode())


def parse_entry(line: str) -> Entry:
    """The entry of a line.

    Raises:
        ValueError: the line is not what was written.
    """
    data = line.encode("utf-8", "surrogateescape")
    body = unseal(data)
    try:
        return Entry(body["seq"], seal_of(data), body["prev"], body["at"], body["event"], body["data"], line)
    except KeyError as error:
        raise ValueError(f"an entry without {error}") from None


class Journal:
    """The journal of the store at `root`; the file may be absent."""

    def __init__(self, root: Path) -> None:
        self.path = root / "journal.jsonl"

    def append(self, event: str, data: Mapping[str, Any]) -> Entry:
        """Writes an entry; it is on the disk when this returns.

        Raises:
            JournalDamaged: the last entry is not what was written.
            OSError: the disk is full or read-only; nothing was added.
        """
        with flocked(self.path.with_name("journal.lock")):
            head, end = self._head()
            entry = make_entry(head, event, data)
            point()
            self._write(entry.line.encode() + b"\n", end)
        return entry

    def _write(self, data: bytes, end: int) -> None:
        fresh = not self.path.exists()
        descriptor = os.open(self.path, os.O_WRONLY | os.O_CREAT, 0o644)
        try:
            os.ftruncate(descriptor, end)
            if os.pwrite(descriptor, data, end) != len(data):
                raise OSError(28, os.strerror(28), str(self.path))
            point()
            os.fsync(descriptor)
            point()
        except OSError:
            os.ftruncate(descriptor, end)
            raise
        finally:
            os.close(descriptor)
        if fresh:
            sync_folder(self.path.parent)

    def head(self) -> Head:
        """The last entry that was written whole.

        Raises:
            JournalDamaged: it is not what was written.
        """
        return self._head()[0]

    def _head(self) -> tuple[Head, int]:
        """The last whole entry, and the offset at which the next one belongs."""
        try:
            with self.path.open("rb") as file:
                size = file.seek(0, os.SEEK_END)
                window = _WINDOW
                while True:
                    start = max(0, size - window)
                    file.seek(start)
                    tail = file.read(size - start)
                    lines = tail.split(b"\n")
                    if len(lines) > 2 or start == 0:
                        break
                    window *= 4
        except FileNotFoundError:
            return Head(0, START), 0
        end = size - len(lines[-1])  # what follows the last newline is torn
        if len(lines) < 2:
            return Head(0, START), 0
        try:
            entry = parse_entry(lines[-2].decode())
        except ValueError as error:
            raise JournalDamaged(f"the journal's last entry: {error}") from None
        return Head(entry.seq, entry.sha256), end

    def lines(self) -> Iterator[str]:
        """Every whole line, as it lies there."""
        try:
            with self.path.open(encoding="utf-8", errors="surrogateescape", newline="\n") as file:
                for line in file:
                    if line.endswith("\n"):
                        yield line[:-1]
        except FileNotFoundError:
            return

    def entries(self, after: int = 0) -> Iterator[Entry]:
        """Every entry behind number `after`, in order; the chain is checked from the start.

        Raises:
            JournalDamaged: naming the first line that is not what was written.
        """
        head = Head(0, START)
        for number, line in enumerate(self.lines(), start=1):
            try:
                entry = parse_entry(line)
            except ValueError as error:
                raise JournalDamaged(f"line {number} of the journal: {error}") from None
            if (entry.seq, entry.prev) != (head.seq + 1, head.sha256):
                raise JournalDamaged(f"line {number} of the journal does not follow the one before")
            head = Head(entry.seq, entry.sha256)
            if entry.seq > after:
                yield entry
