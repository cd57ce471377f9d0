"""Mends a store: what a remote store has is fetched, everything else that is damaged is set aside and counts as
missing, so that the next apply reruns just the steps that made it. Nothing is deleted.
"""

import shutil
from collections.abc import Iterable, Mapping
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

from lcspec.environments import FOLDER
from lcspec.run.findings import MISSING, Finding, Report
from lcspec.run.ledger import Ledger
from lcspec.run.rebuild import rebuild
from lcspec.run.store import Store
from lcspec.run.store.blobs import Damaged
from lcspec.run.store.records import record_path
from lcspec.run.verify import verify


def repair(store: Store, report: Report) -> Report:
    """Mends what `report` found; the report of a second look, with what was done. The lock's holder calls it."""
    done: list[str] = []
    root = store.root
    if any(one.what == "format" for one in report.findings):
        (root / "store.json").unlink(missing_ok=True)
        Store.open(root)
        done.append("wrote `store.json` anew")
    done += rebuild_ledger(root)
    for one in report.findings:
        if one.what == "blob" and store.blobs.fetch(Path(one.path).name):
            done.append(f"fetched `{one.path}` from the remote store")
    for name in sorted({one.path.split("/")[1] for one in report.findings if one.what == "environment"}):
        shutil.rmtree(root / FOLDER / name, ignore_errors=True)
        done.append(f"removed `{FOLDER}/{name}`; the next step that needs it builds it of its wheels")
    with closing(Ledger.open(root)) as ledger:
        left = [one for one in report.findings if one.what != "blob" or not store.blobs.sound(Path(one.path).name)]
        done += _set_findings_aside(store, ledger, left)
    after = verify(root)
    after.repaired = done
    return after


def rebuild_ledger(root: Path) -> list[str]:
    """Rebuilds the ledger; what was done, in words."""
    made = rebuild(root)
    words = f"rebuilt the ledger: {made.entries} entries"
    words += f", {made.lost} lost" if made.lost else ""
    return [words + (f", {made.adopted} records taken in" if made.adopted else "")]


def _set_findings_aside(store: Store, ledger: Ledger, findings: Iterable[Finding]) -> list[str]:
    findings = list(findings)
    blobs = {Path(one.path).name for one in findings if one.what == "blob"}
    keys = {Path(one.path).stem for one in findings if one.what == "record"} | set(keys_that_need(store, blobs))
    names = [one.path for one in findings if one.what == "release"]
    done = []
    if keys or names:
        ledger.append("removed", {"keys": sorted(keys), "files": names, "why": "damaged"})
        paths = [record_path(store.root, key) for key in sorted(keys)]
        moved = move_aside(store.root, [*paths, *(store.root / name for name in names)])
        done += [f"set `{name}` aside" for name in moved]
    wrong = [store.root / one.path for one in findings if one.what in ("blob", "file") and one.fault != MISSING]
    done += [f"set `{name}` aside" for name in move_aside(store.root, wrong)]
    return done


def keys_that_need(store: Store, blobs: Iterable[str]) -> Mapping[str, str]:
    """Key to step of every record with an output that holds one of these blobs."""
    wanted, found, trees = set(blobs), {}, dict[str, bool]()
    if not wanted:
        return {}
    for key in store.records:
        record = store.records.get(key)
        for digest in record.outputs.values() if record else ():
            if digest not in trees:
                trees[digest] = digest in wanted or _holds(store, digest, wanted)
            if trees[digest] and record is not None:
                found[key] = record.step
    return found


def _holds(store: Store, tree: str, wanted: set[str]) -> bool:
    try:
        return any(entry["blake3"] in wanted for entry in store.tree(tree).values())
    except Damaged:
        return True


def set_aside(store: Store, ledger: Ledger, blob: str) -> list[str]:
    """Sets a damaged blob and the records that need it aside; ids of the steps that the next apply reruns."""
    keys = keys_that_need(store, [blob])
    if keys:
        ledger.append("removed", {"keys": sorted(keys), "files": [], "why": "damaged"})
    move_aside(store.root, [*(record_path(store.root, key) for key in sorted(keys)), store.blob(blob)])
    for key in keys:
        store.records.forget(key)
    return sorted(set(keys.values()))


def move_aside(root: Path, paths: Iterable[Path]) -> list[str]:
    """Moves files to `aside/<time>/`, with their folders; names of those that were there."""
    folder = root / "aside" / datetime.now(UTC).strftime("%Y%m%dT%H%M%S.%fZ")
    moved = []
    for path in paths:
        if path.exists() or path.is_symlink():
            name = path.relative_to(root)
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            path.replace(folder / name)
            moved.append(name.as_posix())
    return moved
