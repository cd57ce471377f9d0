"""What a finished step leaves behind (`StepRecord`) and what a running one says (`Event`)."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

RECORD_FORMAT = 1


@dataclass(frozen=True, slots=True)
class StepRecord:
    """The result of one step under one key. It exists only if all its outputs are in the store.

    Attributes:
        key: SHA-256 of `parts`.
        step: the id under which the step last ran; two ids may share a key.
        kind: `family.name` of the kind and, after a slash, its action.
        parts: the fields that made the key (see `compile/keys.py`), so that `why` can compare them.
        outputs: output name to the digest of its tree manifest.
        metrics: deterministic results (accuracy, counts, bytes), plain JSON.
        measured: timings and latencies; never part of an output or key. Has `seconds` and `peak_rss_bytes`.
        versions: exact library versions seen by the step.
        warnings: what the step wanted the user to know.
    """

    key: str
    step: str
    kind: str
    parts: Mapping[str, Any]
    outputs: Mapping[str, str]
    metrics: Mapping[str, Any] = field(default_factory=dict)
    measured: Mapping[str, Any] = field(default_factory=dict)
    versions: Mapping[str, str] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()
    finished: str = ""  # RFC 3339, UTC

    def to_json(self) -> dict[str, Any]:
        """The record as plain JSON data."""
        return {"format_version": RECORD_FORMAT, **asdict(self), "warnings": list(self.warnings)}

    @staticmethod
    def from_json(data: Mapping[str, Any]) -> "StepRecord":
        """The record that `to_json` wrote.

        Raises:
            ValueError: another format version, or fields are missing.
        """
        fields = dict(data)
        if fields.pop("format_version", None) != RECORD_FORMAT:
            raise ValueError("a record of another format version")
        try:
            return StepRecord(**{**fields, "warnings": tuple(fields.get("warnings", ()))})
        except TypeError as error:
            raise ValueError(f"a record with other fields: {error}") from None


@dataclass(frozen=True, slots=True)
class Event:
    """One line of a run's story.

    `kind` is one of: run-started, step-started, progress, log, step-finished, step-failed, step-skipped, choice,
    run-finished. `data` is plain JSON, its keys by kind (see schemas/event).
    """

    kind: str
    step: str | None
    data: Mapping[str, Any]
    time: str = ""  # RFC 3339, UTC; set by the runner

    def to_json(self) -> dict[str, Any]:
        """The event as plain JSON data."""
        return {"format_version": 1, "event": self.kind, "step": self.step, "time": self.time, "data": dict(self.data)}
