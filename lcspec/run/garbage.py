"""What `gc` is told and what it says: values only."""

from dataclasses import dataclass
from typing import Any, NamedTuple

GC_FORMAT = 1
CATEGORIES = ("records", "blobs", "work", "unfinished", "aside", "environments")


class Keep(NamedTuple):
    """What must stay.

    Attributes:
        keys: keys that plans of the project's specs and saved plans name, finished or not.
        heads: keys with which the steps of those specs last finished; None keeps every record, for want of a plan.
        runs: how many of the latest runs of each spec keep what they made.
        age: seconds for which everything is kept.
    """

    keys: frozenset[str]
    heads: frozenset[str] | None
    runs: int
    age: float


class Item(NamedTuple):
    """One thing that can go: its category, its path relative to the store, and the bytes that it takes on the disk."""

    category: str
    path: str
    bytes: int


@dataclass(frozen=True)
class Collected:
    """What can go or went; `kept` counts records by why they stay, and releases."""

    items: tuple[Item, ...]
    kept: dict[str, int]
    running: bool
    removed: bool
    notes: tuple[str, ...] = ()

    @property
    def free(self) -> int:
        """Bytes in all."""
        return sum(item.bytes for item in self.items)

    def categories(self) -> dict[str, tuple[int, int]]:
        """Category to number and bytes."""
        found = {}
        for name in CATEGORIES:
            sizes = [item.bytes for item in self.items if item.category == name]
            found[name] = (len(sizes), sum(sizes))
        return found

    def to_json(self) -> dict[str, Any]:
        """Plain data: schema `schemas/gc/v1.json`."""
        return {
            "format_version": GC_FORMAT,
            "removed": self.removed,
            "running": self.running,
            "free_bytes": self.free,
            "categories": {name: {"count": n, "bytes": size} for name, (n, size) in self.categories().items()},
            "kept": self.kept,
            "items": [item._asdict() for item in self.items],
            "notes": list(self.notes),
        }
