"""Removes what nothing reaches any more: records, blobs, working folders, leftovers of killed processes.

What is kept: the records that `Keep` names, those of the latest runs and the young ones, everything while an apply
runs; all trees that they and the releases name. Publishers are held off meanwhile, so that no blob goes between being
found and being named; a store with a damaged list of files is left alone. Working folders belong to the apply that
holds the store's lock; without one, those of no plan go.
"""

import shutil
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing, suppress
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

from lcspec.diag.model import LcspecError
from lcspec.environments import FOLDER, identity
from lcspec.ir.record import StepRecord
from lcspec.run.garbage import Collected, Item, Keep
from lcspec.run.ledger import Ledger
from lcspec.run.lock import StoreLock
from lcspec.run.release import Releases, contents, copies, names
from lcspec.run.store import Store
from lcspec.run.store.files import flocked, sync_folder
from lcspec.run.store.points import point
from lcspec.run.store.records import record_path
from lcspec.run.store.store import alive


class _Live(NamedTuple):
    """Records that stay, by why; those that may go; the digests of all blobs, and the environments, that stay."""

    kept: dict[str, int]
    dead: list[StepRecord]
    blobs: set[bytes]
    environments: set[str]


def collect(root: Path, keep: Keep, *, remove: bool) -> Collected:
    """What can be removed from the store at `root`, and its removal when that is wanted.

    Raises:
        LcspecError: a list of files that is needed is damaged (LC1104, exit 7), or the ledger cannot be written.
    """
    store = Store.open(root) if remove else Store.peek(root)
    with ExitStack() as held:
        running = _hold(root, held, remove=remove)
        live = _live(store, keep, running=running)
        items = list(_garbage(store, keep, live, running=running))
        if remove:
            _remove(store, live.dead, items)
    return Collected(tuple(items), live.kept, running=running, removed=remove)


def _hold(root: Path, held: ExitStack, *, remove: bool) -> bool:
    """Keeps applies from starting and publishers from publishing; whether an apply runs already."""
    from lcspec.run.lock import owner

    if not remove:
        return owner(root) is not None
    running = False
    try:
        held.enter_context(StoreLock.acquire(root)).tell({"gc": {}})
    except LcspecError:
        running = True
    held.enter_context(flocked(root / "publish.lock"))
    return running


def _live(store: Store, keep: Keep, *, running: bool) -> _Live:
    recent = _recent(store.root, keep.runs)
    kept = {"specs": 0, "runs": 0, "young": 0, "running": 0}
    dead: list[StepRecord] = []
    blobs: set[bytes] = set()
    trees: set[str] = set()
    environments: set[str] = set()
    for key in store.records:
        record = store.records.get(key)
        if record is None:  # unreadable: `verify` tells
            continue
        if (why := _why_kept(record, keep, recent, running=running)) is None:
            dead.append(record)
            continue
        kept[why] += 1
        trees.update(record.outputs.values())
        if record.kind == "environment.pip/build":
            wheels = store.tree(record.outputs["wheels"])
            environments.add(identity({name: entry["blake3"] for name, entry in wheels.items()}))
    kept["releases"] = 0
    for name in names(store.root):
        own = Releases.local(store.root, name).all()
        shared = copies(store.root, name)
        kept["releases"] += len(own) + len(shared)
        trees.update(tree for manifest in own for tree in contents(manifest))
        # Of a shared release that was made elsewhere, a machine has what it needed.
        trees.update(tree for manifest in shared for tree in contents(manifest) if store.blob(tree).exists())
    for digest in trees:
        blobs.add(bytes.fromhex(digest))
        blobs.update(bytes.fromhex(entry["blake3"]) for entry in store.tree(digest).values())
    return _Live(kept, dead, blobs, environments)


def _why_kept(record: StepRecord, keep: Keep, recent: set[str], *, running: bool) -> str | None:
    if keep.heads is None or record.key in keep.keys or record.key in keep.heads:
        return "specs"
    if record.key in recent:
        return "runs"
    if running:
        return "running"
    return "young" if _age(record.finished) < keep.age else None


def _recent(root: Path, runs: int) -> set[str]:
    """Keys of the records that the latest runs of each spec made."""
    if not (root / "ledger.db").exists() or runs <= 0:
        return set()
    with closing(Ledger.peek(root)) as ledger:
        return ledger.recent_keys(runs)


def _age(finished: str) -> float:
    """Seconds since a record was made; below zero when the clock was set back, so that it counts as young."""
    try:
        return time.time() - datetime.fromisoformat(finished).timestamp()
    except ValueError:
        return float("inf")


def _garbage(store: Store, keep: Keep, live: _Live, *, running: bool) -> Iterator[Item]:
    root = store.root
    for record in live.dead:
        yield _item("records", root, record_path(root, record.key))
    for folder in sorted((root / "store").glob("[0-9a-f][0-9a-f]")):
        for path in sorted(folder.iterdir()):
            if len(path.name) == 64 and bytes.fromhex(path.name) not in live.blobs and _old(path, keep.age):
                yield _item("blobs", root, path)
    for path in sorted((root / "work").glob("*")):
        if not running and path.name not in keep.keys and _old(path, keep.age):
            yield _item("work", root, path)
    for path in sorted((root / "tmp").glob("*")):
        if not alive(path.name.partition("-")[0]):
            yield _item("unfinished", root, path)
    for path in sorted((root / FOLDER).glob("*")):
        if not running and path.name.partition(".")[0] not in live.environments and _old(path, keep.age):
            yield _item("environments", root, path)
    for path in sorted((root / "aside").glob("*")):
        if _old(path, keep.age):
            yield _item("aside", root, path)


def _old(path: Path, age: float) -> bool:
    with suppress(FileNotFoundError):
        return time.time() - path.lstat().st_mtime >= age
    return False


def _item(category: str, root: Path, path: Path) -> Item:
    files = [path] if not path.is_dir() else [one for one in path.rglob("*") if not one.is_dir()]
    size = 0
    for one in files:
        with suppress(FileNotFoundError):
            size += one.lstat().st_blocks * 512
    return Item(category, path.relative_to(root).as_posix(), size)


def _remove(store: Store, dead: list[StepRecord], items: list[Item]) -> None:
    """Ledger first, then records, then blobs: a kill in between leaves garbage, never a record without its blobs."""
    root = store.root
    if dead:
        with closing(Ledger.open(root)) as ledger:
            ledger.append("removed", {"keys": sorted(record.key for record in dead), "files": [], "why": "gc"})
    records = [root / item.path for item in items if item.category == "records"]
    for path in records:
        point()
        path.unlink(missing_ok=True)
    for folder in sorted({path.parent for path in records}):
        sync_folder(folder)
    for item in items:
        path = root / item.path
        point()
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink(missing_ok=True)
    with suppress(FileNotFoundError):
        (root / "cache" / "verified").unlink()  # a memo of blobs that may be gone: it fills again
