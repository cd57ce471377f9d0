"""What the compiler is told about the world: gathered by `api`, never by a pass."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from lcspec.compile.known import OwnFile
from lcspec.ir.plan import Estimate, Step
from lcspec.ir.record import StepRecord


def _no_history(step: Step) -> Estimate | None:
    return None


def _not_read(path: str) -> OwnFile | None:
    return None


def _never_renamed(step: str) -> tuple[str, ...]:
    return ()


@dataclass(frozen=True, slots=True)
class Facts:
    """A snapshot of the world.

    Attributes:
        files: path as the spec says it to the SHA-256 of the file; absent files are absent here.
        records: key to the record of the step that finished under it.
        heads: step id to the record it last finished with.
        device: the class of the device that steps run on; part of every key.
        models: model entry to what its local files say of it.
        champion: part of the promoted release to the digest of its tree, and `scores` by suite; None without one.
        hourly_price: dollars per hour of the device, when the scope or `lcspec.toml` says it.
        history: what a step took before, or None.
        former: what a step was called before it was renamed, latest first.
        own: path to a file of the project, read when it is asked for; None where nobody looks.
    """

    files: Mapping[str, str] = field(default_factory=dict)
    records: Mapping[str, StepRecord] = field(default_factory=dict)
    heads: Mapping[str, StepRecord] = field(default_factory=dict)
    device: str = "cpu"
    models: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    champion: Mapping[str, str] | None = None
    hourly_price: float | None = None
    history: Callable[[Step], Estimate | None] = _no_history
    former: Callable[[str], tuple[str, ...]] = _never_renamed
    own: Callable[[str], OwnFile | None] = _not_read
