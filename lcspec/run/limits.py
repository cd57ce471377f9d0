"""Limits of one running step: memory, time, and silence. Each has a default that only a fault should meet."""

import time
from typing import NamedTuple

from lcspec.ir.plan import PlannedStep
from lcspec.run import processes
from lcspec.run.machine import Machine
from lcspec.run.settings import RunSettings

SAMPLE_EVERY = 0.5  # seconds between looks at a step's memory
GRACE = 30.0  # seconds that a step which is told to stop has for its checkpoint
HUNG_GRACE = 5.0  # the same for a step that went silent or grew too large: there is little to wait for
_DAY = 86400.0


class Breach(NamedTuple):
    """A limit that was passed: `what` is memory, time or silence; what was allowed, and what was seen."""

    what: str
    allowed: float
    seen: float


class Allowed(NamedTuple):
    """The limits of one step: bytes, seconds from start to end, seconds without a word."""

    memory: float
    time: float
    silence: float


def allowed(planned: PlannedStep, machine: Machine, settings: RunSettings) -> Allowed:
    """The limits of a step: as the settings say, else from the machine and the estimate.

    By default a step may take 90 % of the machine's memory, ten times its estimate or a day, and may be silent for
    three times its estimate or a quarter of an hour, whichever is longer.
    """
    said, longest = settings.limits(planned.step.id), planned.estimate.seconds[1]
    return Allowed(
        memory=said.memory or 0.9 * machine.memory,
        time=said.time or max(_DAY, 10 * longest),
        silence=said.silence or max(900.0, 3 * longest),
    )


class Watch:
    """Looks after one step: told of its words, it says when a limit is passed. Time is monotonic."""

    def __init__(self, limits: Allowed, pid: int) -> None:
        self.limits, self.pid = limits, pid
        self.peak = 0
        self.breach: Breach | None = None
        self._began = self._heard = time.monotonic()
        self._sampled = self._began

    def heard(self) -> None:
        """Notes a sign of life: a message, or something printed."""
        self._heard = time.monotonic()

    def look(self) -> Breach | None:
        """The limit that is passed now; None while all is well, or when a breach was told before."""
        now = time.monotonic()
        if self.breach or now - self._sampled < SAMPLE_EVERY:
            return None
        self._sampled = now
        self.peak = max(self.peak, processes.memory(processes.members(self.pid)))
        for what, limit, seen in (
            ("memory", self.limits.memory, float(self.peak)),
            ("time", self.limits.time, now - self._began),
            ("silence", self.limits.silence, now - self._heard),
        ):
            if seen > limit:
                self.breach = Breach(what, limit, seen)
                return self.breach
        return None
