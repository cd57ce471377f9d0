"""One apply per store: an flock that the kernel drops when its holder dies, so there is nothing to unlock by hand.

Step processes inherit the descriptor on purpose: while a killed apply's step still runs, the store stays locked. The
next apply gives such an orphan ten seconds, then ends it.
"""

import fcntl
import json
import os
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from lcspec.diag.model import Diagnostic, LcspecError
from lcspec.run import processes

OWNER = "lock.owner.json"
_GRACE = 0.3  # seconds for an owner that is just ending
ORPHANS = 10.0  # seconds that the steps of a killed apply have to end by themselves


class StoreLock:
    """A held lock; `descriptor` is what steps inherit."""

    def __init__(self, root: Path, descriptor: int) -> None:
        self._root, self.descriptor = root, descriptor
        self._owner = {
            "host": os.uname().nodename,
            "pid": os.getpid(),
            "ticks": processes.started(os.getpid()),
            "started": datetime.now(UTC).isoformat(timespec="seconds"),
        }
        self.tell({})

    def tell(self, steps: Mapping[str, Mapping[str, Any]], **more: Any) -> None:
        """Shows others what the owner is doing: its running steps, by id, with what is known of each.

        Lost with the machine, as the lock is: it need not reach the disk.
        """
        told = {**self._owner, "step": next(iter(steps), None), "steps": dict(steps), "beat": time.time(), **more}
        staging = self._root / f".{OWNER}.{os.getpid()}.tmp"
        try:
            staging.write_text(json.dumps(told) + "\n", encoding="utf-8")
            staging.replace(self._root / OWNER)
        except OSError:  # a full disk: who holds the lock is told less well, but it is held
            staging.unlink(missing_ok=True)

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
                (root / OWNER).unlink(missing_ok=True)
        finally:
            os.close(descriptor)


def _take(root: Path, descriptor: int, until: float) -> None:
    orphans: float | None = None
    while not _try(descriptor):
        now = time.monotonic()
        if _owner_is_dead(root):
            orphans = now + ORPHANS if orphans is None else orphans
            if now >= orphans:
                processes.kill(processes.marked(root))
            if now < orphans + ORPHANS:
                time.sleep(0.05)
                continue
        if now >= until:
            raise _busy(root)
        time.sleep(0.05)


def _try(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _owner_is_dead(root: Path) -> bool:
    """Whether the apply that took the lock has ended on this machine, so that only its steps can hold it."""
    told = _told(root)
    if told.get("host") != os.uname().nodename or not isinstance(told.get("pid"), int):
        return False
    return processes.started(told["pid"]) != told.get("ticks")


def owner(root: Path) -> dict[str, Any] | None:
    """Host, pid, start and steps of the apply that holds the store; None when nobody does."""
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
        told: dict[str, Any] = json.loads((root / OWNER).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return told


def _busy(root: Path) -> LcspecError:
    told = _told(root)
    who = f"pid {told.get('pid', '?')} on {told.get('host', '?')} since {told.get('started', '?')}"
    doing = f", at step `{told['step']}`" if told.get("step") else ""
    help = "wait for it with `--wait SECONDS`, or end that process; there is nothing to unlock"
    return LcspecError([Diagnostic("LC1101", f"another apply holds the store: {who}{doing}", help=help)], 6)
