"""What this machine has, and who holds how much of it: tokens of CPU, memory and GPU that running steps share.

Threads belong to the step, not to the load: a step that runs beside others computes with as many threads as alone, so
its sums, and with them its digests, do not depend on `--jobs`.
"""

import os
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from lcspec.ir.plan import PlannedStep
from lcspec.run.settings import RunSettings

WIDEST = 8  # threads of a step that can use several, unless the settings say otherwise
_CGROUP_MEMORY = ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes")


class Machine(NamedTuple):
    """Cores and bytes that may be used, and the names of the GPUs."""

    cpus: int
    memory: int
    gpus: tuple[str, ...] = ()


class Need(NamedTuple):
    """What one step takes while it runs: CPU tokens (as many as its threads), bytes, GPUs."""

    cpus: int
    memory: int
    gpus: int = 0


def this_machine() -> Machine:
    """The cores that this process may use, the memory below the limits of its cgroup, the GPUs that are visible."""
    return Machine(len(os.sched_getaffinity(0)), _memory(), _gpus())


def _memory() -> int:
    total = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    for name in _CGROUP_MEMORY:
        with suppress(OSError, ValueError):
            total = min(total, int(Path(name).read_text(encoding="ascii")))
    return total


def _gpus() -> tuple[str, ...]:
    said = os.environ.get("CUDA_VISIBLE_DEVICES")
    if said is not None:
        return tuple(name.strip() for name in said.split(",") if name.strip() not in ("", "-1"))
    return tuple(str(number) for number in range(sum(1 for _ in Path("/dev").glob("nvidia[0-9]*"))))


def need(planned: PlannedStep, machine: Machine, settings: RunSettings) -> Need:
    """What a step takes: as its kind declares; memory also from its estimate."""
    declared = planned.step.resources
    cpus = 1
    if declared.cpus > 1:
        cpus = settings.run.threads or min(machine.cpus, max(WIDEST, declared.cpus))
    return Need(cpus, max(declared.memory, planned.estimate.memory), declared.gpus)


class Tokens:
    """Hands out what the machine has. A step that is larger than the machine gets all of it, and so runs alone."""

    def __init__(self, machine: Machine, settings: RunSettings) -> None:
        self.machine = machine._replace(memory=settings.run.memory or machine.memory)
        self._free = list(self.machine.gpus)
        self._held: dict[str, tuple[Need, list[str]]] = {}

    def too_large(self, wanted: Need) -> str:
        """What of a need the machine does not have, in words; nothing when it has it."""
        from lcspec.units import format_bytes

        short = []
        if wanted.memory > self.machine.memory:
            short.append(f"{format_bytes(wanted.memory)} of memory, of {format_bytes(self.machine.memory)}")
        if wanted.gpus > len(self.machine.gpus):
            short.append(f"{wanted.gpus} GPUs, of {len(self.machine.gpus)}")
        return " and ".join(short)

    def take(self, key: str, wanted: Need) -> tuple[str, ...] | None:
        """Takes the tokens of a step; the GPUs that it got, or None while they are not to be had."""
        most = Need(self.machine.cpus, self.machine.memory, len(self.machine.gpus))
        cut = Need(*map(min, wanted, most))
        used = Need(*map(sum, zip(*(held for held, _ in self._held.values()), strict=True))) if self._held else None
        if used is not None and any(a + b > c for a, b, c in zip(used, cut, most, strict=True)):
            return None
        if used is not None and self.too_large(wanted):
            return None
        given = [self._free.pop(0) for _ in range(cut.gpus)]
        self._held[key] = (cut, given)
        return tuple(given)

    def spent(self) -> bool:
        """Whether no CPU is left, so that nothing can be taken."""
        return sum(held.cpus for held, _ in self._held.values()) >= self.machine.cpus

    def give(self, key: str) -> None:
        """Gives the tokens of a step back."""
        _, gpus = self._held.pop(key)
        self._free = [name for name in self.machine.gpus if name in {*self._free, *gpus}]
