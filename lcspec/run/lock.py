"""One apply per store: an flock that the kernel drops when its holder dies, so there is nothing to unlock by hand.

Step processes inherit the descriptor on purpose: while a killed apply's step still runs, the store stays locked.
"""

import fcntl
import json
import os
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from lcspec.diag.model import Diagnostic, LcspecError
from lcspec.project import write_atomic

_GRACE = 0.5  # seconds for an owner that is just ending


class StoreLock:
    """A held lock; `descriptor` is what steps inherit."""

    def __init__(self, root: Path, descriptor: int) -> None:
        self._root, self.descriptor = root, descriptor
        self._owner = {
            "host": socket.gethostname(),
            "pid": os.getpid(),
            "started": datetime.now(UTC).isoformat(timespec="seconds"),
            "step": None,
        }
        self.tell(None)

    def tell(self, step: str | None) -> None:
        """Shows others what the owner is doing."""
        write_atomic(self._root / "lock.owner.json", json.dumps({**self._owner, "step": step}) + "\n")

    @staticmethod
    @contextmanager
    def acquire(root: Path, wait: float | None = None) -> Iterator["StoreLock"]:
        """Holds the lock of the store at `root`.

        Raises:
            LcspecError: LC1101 (exit 6), when another apply holds it after `wait` seconds.
        """
        descriptor = os.open(root / "lock", os.O_RDWR | os.O_CREAT, 0o644)
        try:
            _take(root, descriptor, time.monotonic() + max(wait or 0.0, _GRACE))
            lock = StoreLock(root, descriptor)
            try:
                yield lock
            finally:
                (root / "lock.owner.json").unlink(missing_ok=True)
        finally:
            os.close(descriptor)


def _take(root: Path, descriptor: int, until: float) -> None:
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() >= until:
                raise _busy(root) from None
            time.sleep(0.05)
        else:
            return


def owner(root: Path) -> dict[str, Any] | None:
    """Host, pid, start and step of the apply that holds the store; None when nobody does."""
    try:
        descriptor = os.open(root / "lock", os.O_RDWR)
    except OSError:
        return None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return _told(root)
    else:
        return None
    finally:
        os.close(descriptor)


def _told(root: Path) -> dict[str, Any]:
    try:
        told: dict[str, Any] = json.loads((root / "lock.owner.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return told


def _busy(root: Path) -> LcspecError:
    told = _told(root)
    who = f"pid {told.get('pid', '?')} on {told.get('host', '?')} since {told.get('started', '?')}"
    doing = f", at step `{told['step']}`" if told.get("step") else ""
    help = "wait for it with `--wait SECONDS`, or end that process; there is nothing to unlock"
    return LcspecError([Diagnostic("LC1101", f"another apply holds the store: {who}{doing}", help=help)], 6)
