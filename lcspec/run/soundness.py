"""Is what a release is made of still what was stored? Of a blob that nobody touched since, a stat says so."""

from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from lcspec.diag.model import Diagnostic
from lcspec.run.store import Damaged, Store


class Checked(NamedTuple):
    """What was looked at, and what was found missing or altered; that is set aside already, with its records."""

    read: list[Path]
    damaged: list[Damaged]


def check(store: Store, trees: Iterable[str]) -> Checked:
    """Looks at every blob of these trees: a large one is hashed when it was touched, a small one always."""
    read, damaged = list[Path](), list[Damaged]()
    for digest in dict.fromkeys(trees):
        read.append(store.blob(digest))
        try:
            for name, entry in store.tree(digest).items():
                read.append(store.blobs.need(entry["blake3"], name))
        except Damaged as fault:
            damaged.append(fault)
    return Checked(read, damaged)


def found(fault: Damaged) -> Diagnostic:
    """The warning that something was damaged and is made again by this very apply (LC1104)."""
    again = ", ".join(f"`{step}`" for step in fault.steps)
    help = f"set aside; {again} runs again now" if again else "`lcspec verify --repair`"
    return Diagnostic("LC1104", fault.diagnostics[0].message, help=help, severity="warning")
