"""The content-addressed store under `.lcspec/`: blobs, tree manifests and records; see `store.py` for its promises."""

from lcspec.run.store.blobs import Damaged
from lcspec.run.store.nondeterminism import NonDeterminism
from lcspec.run.store.records import Heads, Records
from lcspec.run.store.store import Store, unwritable

__all__ = ["Damaged", "Heads", "NonDeterminism", "Records", "Store", "unwritable"]
