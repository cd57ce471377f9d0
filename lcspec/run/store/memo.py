"""Which large blobs were hashed and have not been touched since: a disposable memo, one line a blob, append-only."""

import os
from pathlib import Path

State = tuple[int, int, int, int]


def state_of(path: Path) -> State:
    """Size, time of change, inode and time of change of the inode: whoever writes to a file moves one of them.

    Raises:
        OSError: there is no such file.
    """
    stat = path.stat()
    return stat.st_size, stat.st_mtime_ns, stat.st_ino, stat.st_ctime_ns


class Memo:
    """Digest to the state in which a blob had that digest. Read when first asked; without it blobs are hashed again."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._states: dict[str, State] | None = None

    def _known(self) -> dict[str, State]:
        if self._states is None:
            self._states = {}
            try:
                lines = self._path.read_text(encoding="ascii").splitlines()
            except (OSError, ValueError):
                lines = []
            for line in lines:
                digest, *numbers = line.split(" ")
                if len(numbers) == 4 and all(number.isdecimal() for number in numbers):
                    size, changed, inode, moved = map(int, numbers)
                    self._states[digest] = (size, changed, inode, moved)
        return self._states

    def holds(self, digest: str, path: Path) -> bool:
        """Whether the blob at `path` is just as it was when it was hashed."""
        known = self._known().get(digest)
        return known is not None and known == state_of(path)

    def note(self, digest: str, path: Path) -> None:
        """Remembers that the blob at `path` has `digest` now."""
        state = self._known()[digest] = state_of(path)
        try:
            descriptor = os.open(self._path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
        except OSError:  # a memo that cannot be kept costs time, nothing else
            return
        try:
            os.write(descriptor, f"{digest} {' '.join(map(str, state))}\n".encode("ascii"))
        except OSError:
            return
        finally:
            os.close(descriptor)
