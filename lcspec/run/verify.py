"""Verify: reads every blob, record, release and entry of a store, and says what is wrong and which step mends it."""

import os
import stat
from collections import defaultdict
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from lcspec.content import hash_file
from lcspec.environments import FOLDER, faults
from lcspec.run.findings import ALTERED, EXTRA, MISSING, Finding, Report
from lcspec.run.ledger_check import Known, check_ledger
from lcspec.run.release import read_manifest
from lcspec.run.store import Damaged, Store
from lcspec.run.store.blobs import entries
from lcspec.run.store.files import flocked
from lcspec.run.store.format import read_format_strictly
from lcspec.run.store.records import parse_record
from lcspec.run.store.seal import seal_of

HEX = frozenset("0123456789abcdef")


class Users(NamedTuple):
    """Who needs a tree: steps (id) and releases (`name number`)."""

    steps: set[str]
    releases: set[str]


class _Verification:
    def __init__(self, root: Path) -> None:
        self.root, self.store, self.report = root, Store.peek(root), Report()
        self.trees: dict[str, Users] = defaultdict(lambda: Users(set(), set()))
        self.bad: dict[str, str] = {}  # digest of a blob that lies there altered, to its path

    def find(self, fault: str, what: str, path: Path, message: str, users: Users | None = None) -> None:
        name = path.relative_to(self.root).as_posix()
        steps, releases = users or Users(set(), set())
        self.report.findings.append(Finding(fault, what, name, message, tuple(sorted(steps)), tuple(sorted(releases))))

    # --- records and releases --------------------------------------------------------------------------------------

    def records(self, known: Known) -> None:
        seen, unknown = set(), list[str]()
        for path in _files(self.root / "records"):
            key = path.stem
            if not (_is_digest(key) and path == self.root / "records" / key[:2] / f"{key}.json"):
                self.find(EXTRA, "file", path, "no record has such a name")
                continue
            seen.add(key)
            step = known.records[key].step if key in known.records else None
            users = Users({step} if step else set(), set())
            try:
                data = path.read_bytes()
                record = parse_record(data, key)
            except (OSError, ValueError) as error:
                self.find(ALTERED, "record", path, f"the record cannot be used: {error}", users)
                continue
            if step is None:
                unknown.append(record.step)
            elif known.records[key].sha256 != seal_of(data):
                self.find(ALTERED, "record", path, "the record is not the one in the ledger", users)
                continue
            for digest in record.outputs.values():
                self.trees[digest].steps.add(record.step)
        for key in sorted(known.records.keys() - seen):
            step = known.records[key].step
            path = self.root / "records" / key[:2] / f"{key}.json"
            self.find(MISSING, "record", path, f"the record of `{step}` is gone", Users({step}, set()))
        if unknown:
            more = f" and {len(unknown) - 1} more" if len(unknown) > 1 else ""
            self.report.notes.append(f"the record of `{unknown[0]}`{more} is not in the ledger; `--rebuild` adds it")
        self.report.checked["records"] = len(seen)

    def releases(self, known: Known) -> None:
        seen = set()
        for path in _files(self.root / "releases"):
            name = path.relative_to(self.root).as_posix()
            seen.add(name)
            try:
                manifest = read_manifest(path)
            except (OSError, ValueError) as error:
                self.find(ALTERED if name in known.files else EXTRA, "release", path, str(error))
                continue
            if path.stem.isdecimal():
                if name in known.files and known.files[name] != seal_of(path.read_bytes()):
                    self.find(ALTERED, "release", path, "the release is not the one in the ledger")
                for digest in (*manifest["parts"].values(), *manifest["evidence"].values()):
                    self.trees[digest].releases.add(f"{path.parent.name} {path.stem}")
            elif path.name != "promoted.json":
                self.find(EXTRA, "file", path, "no release has such a name")
        for name in sorted(known.files.keys() - seen):
            self.find(MISSING, "release", self.root / name, "the release is gone")
        self.report.checked["releases"] = sum(Path(name).stem.isdecimal() for name in seen)

    # --- blobs -----------------------------------------------------------------------------------------------------

    def blobs(self) -> None:
        folders = sorted(path for path in _listed(self.root / "store"))
        with ThreadPoolExecutor(min(8, os.cpu_count() or 1)) as pool:
            count = size = 0
            for good, bytes_read, wrong in pool.map(_check_folder, folders):
                count, size = count + good, size + bytes_read
                for path, message in wrong:
                    if message == ALTERED:
                        self.bad[path.name] = path.relative_to(self.root).as_posix()
                    else:
                        self.find(EXTRA, "file", path, message)
        self.report.checked |= {"blobs": count, "bytes": size}

    def contents(self) -> None:
        """Every tree that a record or a release names is whole; what lies there altered is told with its users."""
        lost: dict[str, tuple[str, str, Users]] = {}
        for digest, users in sorted(self.trees.items()):
            for blob, name, size in self._members(digest):
                if blob in self.bad:
                    fault, message = ALTERED, f"`{name}` is not what it was"
                elif not _has_size(self.store.blob(blob), size):
                    fault, message = MISSING, f"`{name}` is gone"
                else:
                    continue
                _, _, found = lost.setdefault(blob, (fault, message, Users(set(), set())))
                found.steps.update(users.steps)
                found.releases.update(users.releases)
        for blob, (fault, message, users) in lost.items():
            self.find(fault, "blob", self.store.blob(blob), message, users)
        for blob in sorted(self.bad.keys() - lost.keys()):
            self.find(ALTERED, "blob", self.root / self.bad[blob], "a blob that nothing needs is not what it was")

    def environments(self) -> None:
        """What was built of wheels is as it was; it is no truth of its own, and is built again when it is gone."""
        for folder in sorted(path for path in _listed(self.root / FOLDER) if path.is_dir()):
            for fault, path, message in faults(folder):
                self.find(fault, "environment", path, message)

    def _members(self, digest: str) -> Iterator[tuple[str, str, int | None]]:
        """The manifest of a tree and its files: digest, name and size of each."""
        yield digest, f"the list of files {digest[:12]}…", None
        if digest in self.bad:
            return
        try:
            files = entries(self.store.blob(digest).read_bytes(), digest)
        except (OSError, Damaged):
            return
        for name, entry in files.items():
            yield entry["blake3"], name, entry["size"]


def verify(root: Path) -> Report:
    """Reads the whole store at `root`; writes nothing."""
    work = _Verification(root)
    with _no_gc(root):
        known = check_ledger(root, work.report)
        work.records(known)
        work.releases(known)
        work.blobs()
        work.contents()
        work.environments()
    if not read_format_strictly(root):
        work.find(ALTERED, "format", root / "store.json", "the file does not say the store's format")
    if left := sum(1 for _ in _listed(root / "tmp")):
        work.report.notes.append(f"{left} unfinished file{'s' if left > 1 else ''} of a killed process in `tmp`")
    return work.report


@contextmanager
def _no_gc(root: Path) -> Iterator[None]:
    """While this is held, nothing is removed; on a read-only disk nothing can be."""
    try:
        lock = flocked(root / "publish.lock", shared=True)
        lock.__enter__()
    except OSError:
        yield
        return
    try:
        yield
    finally:
        lock.__exit__(None, None, None)


def _check_folder(folder: Path) -> tuple[int, int, list[tuple[Path, str]]]:
    """Blobs and bytes that were read, and the paths that are wrong: altered, or why they do not belong there."""
    if not (folder.is_dir() and len(folder.name) == 2 and HEX.issuperset(folder.name)):
        return 0, 0, [(folder, "no blob has such a name")]
    count, size, wrong = 0, 0, []
    for path in _listed(folder):
        state = path.lstat()
        if not (stat.S_ISREG(state.st_mode) and _is_digest(path.name) and path.name.startswith(folder.name)):
            wrong.append((path, "no blob has such a name"))
            continue
        count, size = count + 1, size + state.st_size
        try:
            found = hash_file(path)
        except OSError:
            found = ""
        if found != path.name:
            wrong.append((path, ALTERED))
    return count, size, wrong


def _listed(folder: Path) -> list[Path]:
    return sorted(folder.iterdir()) if folder.is_dir() else []


def _files(folder: Path) -> Iterator[Path]:
    return (path for path in sorted(folder.rglob("*")) if not path.is_dir() or path.is_symlink())


def _is_digest(name: str) -> bool:
    return len(name) == 64 and HEX.issuperset(name)


def _has_size(path: Path, size: int | None) -> bool:
    try:
        found = path.stat().st_size
    except OSError:
        return False
    return size is None or found == size
