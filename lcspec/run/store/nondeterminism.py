"""Two runs of one key that made different outputs: which files differ, and how that is told."""

from typing import NamedTuple

from lcspec.diag.model import Diagnostic
from lcspec.ir.record import StepRecord
from lcspec.run.store.blobs import Blobs, Damaged, Entry

SHOWN = 8  # files that a diagnostic names


class Difference(NamedTuple):
    """A file that differs; None for a side that lacks it."""

    name: str
    first: str | None
    other: str | None


class NonDeterminism(Exception):
    """Another run published other outputs under the same key; `record` is the one that stands."""

    def __init__(self, record: StepRecord, made: StepRecord, differences: list[Difference]) -> None:
        self.record, self.made, self.differences = record, made, differences
        super().__init__(record.key)

    def diagnostic(self) -> Diagnostic:
        """LC1205, a warning: the first outputs stand."""
        names = sorted(name for name in self.record.outputs if self.record.outputs[name] != self.made.outputs.get(name))
        names += sorted(self.made.outputs.keys() - self.record.outputs.keys())
        pairs = [
            f"`{name}` was {_short(self.record.outputs.get(name))} and came out {_short(self.made.outputs.get(name))}"
            for name in names
        ]
        shown = [f"{one.name}: {_short(one.first)} → {_short(one.other)}" for one in self.differences[:SHOWN]]
        more = len(self.differences) - SHOWN
        notes = (*shown, f"and {more} more files") if more > 0 else tuple(shown)
        message = (
            f"`{self.record.step}` made other outputs under the same key: {'; '.join(pairs)}; the first ones stand"
        )
        help = "a kind that promises equal outputs has a fault, or its seed does not reach all it draws: report it"
        return Diagnostic("LC1205", message, notes=notes, help=help, severity="warning")


def compare(blobs: Blobs, first: StepRecord, other: StepRecord) -> list[Difference]:
    """The files that differ between the outputs of two records, sorted by name."""
    one, two = _files(blobs, first), _files(blobs, other)
    moved = sorted(name for name in one.keys() | two.keys() if one.get(name) != two.get(name))
    return [Difference(name, one.get(name), two.get(name)) for name in moved]


def _files(blobs: Blobs, record: StepRecord) -> dict[str, str]:
    found: dict[str, str] = {}
    for output, digest in record.outputs.items():
        try:
            files: dict[str, Entry] = blobs.tree(digest)
        except Damaged:
            continue
        found.update({f"{output}/{name}": entry["blake3"] for name, entry in files.items()})
    return found


def _short(digest: str | None) -> str:
    return "absent" if digest is None else f"{digest[:12]}…"
