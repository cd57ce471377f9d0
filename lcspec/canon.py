"""Canonical JSON and SHA-256 digests: the one place where values become bytes that are hashed.

Two values with equal canonical JSON are the same value to lcspec: keys are sorted, there is no white space,
text is UTF-8, and NaN or infinity is refused (they have no JSON form).
"""

import hashlib
import json
from collections.abc import Mapping
from typing import Any

_ENCODER = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)

Json = Any  # what json.loads returns: plain data, never an object of ours


def canonical(value: object) -> bytes:
    """The canonical JSON of `value` as UTF-8 bytes.

    Raises:
        ValueError: `value` holds NaN or an infinity.
        TypeError: `value` holds something that JSON has no form for.
    """
    return _ENCODER.encode(value).encode("utf-8")


def digest(value: object) -> str:
    """SHA-256 (64 hex digits) of the canonical JSON of `value`."""
    return hashlib.sha256(canonical(value)).hexdigest()


def digest_bytes(data: bytes) -> str:
    """SHA-256 (64 hex digits) of `data`."""
    return hashlib.sha256(data).hexdigest()


def pretty(value: object) -> str:
    """JSON for files that people review: sorted keys, two spaces, one final newline."""
    return json.dumps(value, sort_keys=True, indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def changed(before: Mapping[str, Any], after: Mapping[str, Any], prefix: str = "") -> list[tuple[str, Any, Any]]:
    """The leaves that differ between two nested mappings, as (dotted path, before, after), sorted by path.

    A leaf that one side lacks has None there.
    """
    moved: list[tuple[str, Any, Any]] = []
    for key in sorted(set(before) | set(after)):
        old, new = before.get(key), after.get(key)
        if isinstance(old, Mapping) and isinstance(new, Mapping):
            moved += changed(old, new, f"{prefix}{key}.")
        elif old != new:
            moved.append((f"{prefix}{key}", old, new))
    return moved
