"""What lies behind the local store: nothing, or a remote store (`remote/behind.py`). An apply asks it without knowing.

The local store stays the one that steps work with, with lock and ledger. What lies behind it adds records that the
planner may reuse, brings what they made when a step or a release needs it, and takes what was finished here.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from lcspec.diag.model import Diagnostic
from lcspec.ir.plan import PlannedStep
from lcspec.ir.record import StepRecord
from lcspec.run.release import Releases
from lcspec.run.store import Store


@dataclass
class News:
    """What came about since it was last asked for: records that are here now, warnings, and whether one is gone."""

    adopted: list[StepRecord] = field(default_factory=list)
    warnings: list[Diagnostic] = field(default_factory=list)
    told: list[tuple[str, str]] = field(default_factory=list)  # step and message
    plan_anew: bool = False


class Behind(Protocol):
    """What an apply asks of what lies behind its store."""

    def over(self, local: Mapping[str, StepRecord]) -> Mapping[str, StepRecord]:
        """The records that a planner sees: the local ones, then those behind them."""

    def attach(self, store: Store) -> None:
        """Called by the holder of the lock before anything else; `LcspecError` when it cannot be written to."""

    def fetch(self, digest: str) -> bool:
        """Whether the blob was brought: for one that is missing or damaged."""

    def ready(self, trees: Iterable[str]) -> bool:
        """Whether these trees are here as far as a record names them; if not, they are on their way.

        Raises:
            LcspecError: LC1126, they cannot be had now.
        """

    def offer(self, planned: Sequence[PlannedStep]) -> None:
        """Takes the local results of these steps that are not there yet."""

    def take(self, planned: PlannedStep, record: StepRecord) -> None:
        """Takes what a step made just now."""

    def foreign(self, planned: Sequence[PlannedStep]) -> dict[str, str]:
        """Step to key of those that are reused from behind."""

    def news(self) -> News:
        """What came about since the last call."""

    def busy(self) -> bool:
        """Whether something is on its way in either direction."""

    def releases(self, store: Path, name: str) -> Releases:
        """The releases of a spec that count; `store` is the local one."""

    def left(self) -> Diagnostic | None:
        """The fault that finished results could not be handed over; they are kept here."""


class Nothing:
    """Nothing lies behind the store."""

    def over(self, local: Mapping[str, StepRecord]) -> Mapping[str, StepRecord]:
        """The local records."""
        return local

    def attach(self, store: Store) -> None:
        """Nothing to do."""

    def fetch(self, digest: str) -> bool:
        """Nothing is brought."""
        return False

    def ready(self, trees: Iterable[str]) -> bool:
        """All that a record names is here."""
        return True

    def offer(self, planned: Sequence[PlannedStep]) -> None:
        """Nothing to do."""

    def take(self, planned: PlannedStep, record: StepRecord) -> None:
        """Nothing to do."""

    def foreign(self, planned: Sequence[PlannedStep]) -> dict[str, str]:
        """None."""
        return {}

    def news(self) -> News:
        """None."""
        return News()

    def busy(self) -> bool:
        """Never."""
        return False

    def releases(self, store: Path, name: str) -> Releases:
        """Those of the local store."""
        return Releases.local(store, name)

    def left(self) -> Diagnostic | None:
        """Nothing was to be handed over."""
        return None


NOTHING: Behind = Nothing()
