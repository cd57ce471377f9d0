"""What the kernel tells about processes, read from `/proc`; elsewhere than on Linux nothing is known of them."""

import os
import signal
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

MARK = "LCSPEC_STORE"  # in the environment of every process that an apply starts: the store it works for

_PROC = Path("/proc")


class Process(NamedTuple):
    """One process: its id, its parent's, its group's, its state letter, and when it started (ticks since boot)."""

    pid: int
    parent: int
    group: int
    state: str
    started: int


def process(pid: int) -> Process | None:
    """The process `pid`; None when there is none."""
    try:
        text = (_PROC / str(pid) / "stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None
    fields = text.rpartition(")")[2].split()
    return Process(pid, int(fields[1]), int(fields[2]), fields[0], int(fields[19]))


def processes() -> Iterator[Process]:
    """Every process that can be seen."""
    with suppress(OSError), os.scandir(_PROC) as entries:
        for entry in entries:
            if entry.name.isdigit() and (known := process(int(entry.name))) is not None:
                yield known


def started(pid: int) -> int | None:
    """When a living process started, in ticks since boot: with the pid, its name for good. None when it has ended."""
    known = process(pid)
    return None if known is None or known.state in "ZX" else known.started


def members(leader: int) -> list[int]:
    """What belongs to a step: its process group and all descendants of its first process, zombies left out."""
    everything = list(processes())
    found = {leader}
    grown = True
    while grown:
        more = {one.pid for one in everything if one.parent in found or one.group == leader} - found
        grown = bool(more)
        found |= more
    return sorted(one.pid for one in everything if one.pid in found and one.state not in "ZX")


def memory(pids: list[int]) -> int:
    """Bytes that these processes hold and nothing else could back: anonymous and shared memory, no mapped files."""
    total = 0
    for pid in pids:
        with suppress(OSError):
            for line in (_PROC / str(pid) / "status").read_text(encoding="utf-8", errors="replace").splitlines():
                if line.startswith(("RssAnon:", "RssShmem:")):
                    total += int(line.split()[1]) * 1024
    return total


def marked(store: Path) -> list[int]:
    """Living processes that some apply on `store` started; an apply itself does not carry the mark."""
    wanted = f"{MARK}={store.resolve()}".encode()
    found = []
    for one in processes():
        if one.pid == os.getpid() or one.state in "ZX":
            continue
        with suppress(OSError):
            if wanted in (_PROC / str(one.pid) / "environ").read_bytes().split(b"\0"):
                found.append(one.pid)
    return sorted(found)


def kill(pids: list[int], number: int = signal.SIGKILL) -> None:
    """Sends a signal to each; those that have ended meanwhile are passed over."""
    for pid in pids:
        with suppress(ProcessLookupError, PermissionError):
            os.kill(pid, number)


def oom_kills() -> int:
    """How often the kernel has killed for want of memory since boot; 0 where it does not say."""
    with suppress(OSError):
        for line in (_PROC / "vmstat").read_text(encoding="utf-8").splitlines():
            if line.startswith("oom_kill "):
                return int(line.split()[1])
    return 0
