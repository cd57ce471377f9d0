"""A step that is at work: its process, what it has said, and how fast it goes."""

import time
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from lcspec.ir.plan import PlannedStep
from lcspec.run.limits import Watch
from lcspec.run.logs import Log
from lcspec.run.secrets import Redactor
from lcspec.run.store.layout import Snapshot
from lcspec.run.worker import Worker

WINDOW = 60.0  # seconds over which a rate is taken
LEAVES_WITHIN = 5.0  # seconds from the end of a step's words to the end of its process


class Pace:
    """Units per second over the last minute, and the seconds that are left."""

    def __init__(self) -> None:
        self._seen: deque[tuple[float, float]] = deque()

    def note(self, done: float, total: float) -> dict[str, float]:
        """Notes how far the step is; `rate` and `eta`, once they are known."""
        now = time.monotonic()
        self._seen.append((now, done))
        while now - self._seen[0][0] > WINDOW and len(self._seen) > 2:
            self._seen.popleft()
        then, before = self._seen[0]
        if now - then < 1.0 or done <= before:
            return {}
        rate = (done - before) / (now - then)
        return {"rate": round(rate, 3), "eta": round((total - done) / rate, 1)}


@dataclass
class Running:
    """One attempt at a step. `told` holds its metrics, measures, warnings, and how it ended by its own account."""

    planned: PlannedStep
    worker: Worker
    watch: Watch
    log: Log
    redactor: Redactor
    inputs: Snapshot
    attempt: int
    oom_kills: int
    started: float = field(default_factory=time.monotonic)
    since: float = field(default_factory=time.time)
    log_open: bool = True
    leave_by: float | None = None  # when a step that has closed its channel must be gone
    stayed: bool = False  # it was not
    kill_at: float | None = None
    told: dict[str, Any] = field(default_factory=lambda: {"metrics": {}, "measured": {}, "warnings": []})
    pace: Pace = field(default_factory=Pace)
    progress: Mapping[str, Any] = field(default_factory=dict)

    @property
    def seconds(self) -> float:
        """How long it has run."""
        return time.monotonic() - self.started

    def hear(self, kind: str, data: Any) -> tuple[str, Mapping[str, Any]] | None:
        """Takes one message, without secrets; the event to show for it, if any."""
        data = self.redactor.value(data)
        self.watch.heard()
        if kind == "metric":
            self.told["metrics"][data["name"]] = data["value"]
        elif kind == "measure":
            self.told["measured"][data["name"]] = data["value"]
        elif kind == "progress":
            self.progress = {**data, **self.pace.note(data["done"], data["total"])}
            return "progress", self.progress
        elif kind == "warn":
            self.told["warnings"].append(data["message"])
            return "log", data
        else:
            self.told[kind] = data
        return None

    def read_log(self) -> None:
        """Takes what it has printed: a sign of life."""
        self.log_open = self.log.read()
        self.watch.heard()

    def fell_silent(self) -> None:
        """Notes that it has closed its channel: it may leave by itself, so that its exit code is its own."""
        self.leave_by = time.monotonic() + LEAVES_WITHIN

    def over(self) -> bool:
        """Whether its process is gone and nothing that it said is left to hear, or it has had its time to leave."""
        if self.worker.gone():
            return self.leave_by is not None or self.worker.quiet()
        self.stayed = self.leave_by is not None and time.monotonic() > self.leave_by
        return self.stayed

    def brief(self) -> dict[str, Any]:
        """What others are shown of it while it runs."""
        return {"pid": self.worker.pid, "since": self.since, **self.progress}
