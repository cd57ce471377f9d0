"""Is a remote store whole: every record, every list of files, every blob by its size, or by every byte of it."""

import tempfile
import time
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from lcspec.content import content_digest, hash_file
from lcspec.ir.record import StepRecord
from lcspec.run.findings import ALTERED, EXTRA, MISSING, Finding, Report
from lcspec.run.release import contents as _trees_of
from lcspec.run.remote.objects import Absent, Altered, Object, Unanswered
from lcspec.run.remote.push import Pushing, push
from lcspec.run.remote.releases import PROMOTIONS, RELEASES
from lcspec.run.remote.remote import Remote, blob_name, record_name, unanswered
from lcspec.run.store.blobs import Damaged, Entry, entries
from lcspec.run.store.records import parse_record
from lcspec.run.store.seal import unseal
from lcspec.run.store.store import Store

BATCH = 200  # small objects that are asked for at the same time
AT_ONCE = 4  # blobs that are read at the same time


class Contents:
    """What a remote store holds: listed, with its records and lists of files read.

    Attributes:
        blobs: digest to object.
        records: key to the object and the record, None where that cannot be used.
        trees: digest of a tree that a record or release names to its files, None where the list is missing or altered.
        releases, promotions: object to what it says, None where it cannot be used.
    """

    def __init__(self, remote: Remote) -> None:
        remote.keys()  # says when it is of another format
        objects = remote.objects
        listed = {**objects.listed("store"), **objects.listed("records")}
        named = {name.rpartition("/")[2].removesuffix(".json"): name for name in listed}
        self.listed: Mapping[str, Object] = listed
        self.releases = dict(_sealed(remote, sorted(objects.listed(RELEASES))))
        self.promotions = dict(_sealed(remote, sorted(objects.listed(PROMOTIONS))))
        self.blobs = {one: listed[name] for one, name in named.items() if name == blob_name(one)}
        self.records = dict(_records(remote, [one for one, name in named.items() if name == record_name(one)]))
        wanted = {tree for record in self.records.values() if record for tree in record.outputs.values()}
        wanted |= self.released
        self.trees = dict(_trees(remote, sorted(wanted)))

    @property
    def released(self) -> set[str]:
        """The trees of all releases."""
        return {tree for manifest in self.releases.values() if manifest for tree in _trees_of(manifest)}

    def members(self, trees: Iterable[str]) -> Iterator[tuple[str, str, int | None]]:
        """Digest, name and size of every blob that these trees need, as far as their lists can be read."""
        for tree in trees:
            yield tree, f"the list of files {tree[:12]}…", None
            for name, entry in (self.trees[tree] or {}).items():
                yield entry["blake3"], name, entry["size"]


def _batches(names: list[str]) -> Iterator[list[str]]:
    return (names[start : start + BATCH] for start in range(0, len(names), BATCH))


def _records(remote: Remote, keys: list[str]) -> Iterator[tuple[str, StepRecord | None]]:
    for batch in _batches(keys):
        found = remote.objects.read_many(map(record_name, batch))
        for key in batch:
            try:
                yield key, parse_record(found.get(record_name(key), b""), key)
            except ValueError:
                yield key, None


def _sealed(remote: Remote, names: list[str]) -> Iterator[tuple[str, dict[str, Any] | None]]:
    for batch in _batches(names):
        found = remote.objects.read_many(batch)
        for name in batch:
            try:
                yield name, unseal(found.get(name, b""))
            except ValueError:
                yield name, None


def _trees(remote: Remote, digests: list[str]) -> Iterator[tuple[str, dict[str, Entry] | None]]:
    for batch in _batches(digests):
        found = remote.objects.read_many(map(blob_name, batch))
        for digest in batch:
            data = found.get(blob_name(digest), b"")
            try:
                yield digest, entries(data, digest) if content_digest(data) == digest else None
            except Damaged:
                yield digest, None


def look(remote: Remote, store: Store, *, full: bool, repair: bool) -> Report:
    """What is wrong with a remote store, and mends it from the local one when told to.

    Raises:
        LcspecError: LC1125 it is no store or of another format, LC1126 it does not answer (exit 7).
    """
    try:
        report = inspect(remote, full=full)
        return mend(remote, store, report, full=full) if repair and report.findings else report
    except Unanswered as error:
        raise unanswered(remote.url, error) from None


def inspect(remote: Remote, *, full: bool) -> Report:
    """What is wrong with a remote store; reads every byte when `full`, else records, lists and sizes.

    Raises:
        Unanswered: the place does not answer.
    """
    report = Report()
    contents = Contents(remote)
    for key, record in contents.records.items():
        if record is None:
            report.findings.append(Finding(ALTERED, "record", record_name(key), "the record cannot be used"))
    for name, said in (*contents.releases.items(), *contents.promotions.items()):
        if said is None:
            report.findings.append(Finding(ALTERED, "release", name, "the entry cannot be used"))
    altered = set(_altered(remote, contents.blobs)) if full else set()
    report.findings += _lacking(contents, altered)
    known = {*map(blob_name, contents.blobs), *map(record_name, contents.records)}
    strange = [name for name in contents.listed if name not in known and not name.endswith(".part")]
    report.findings += [Finding(EXTRA, "file", name, "no object has such a name") for name in strange]
    named = {tree for record in contents.records.values() if record for tree in record.outputs.values()}
    needed = {blob for blob, _, _ in contents.members(named | contents.released)}
    if idle := len(contents.blobs.keys() - needed):
        report.notes.append(f"{idle} blobs that no record needs, or not yet; `lcspec gc --store` frees the old ones")
    if left := len(remote.objects.unfinished(time.time(), remove=False)):
        report.notes.append(f"{left} uploads that were not finished, or not yet")
    size = sum(one.size for one in contents.blobs.values())
    report.checked = {"blobs": len(contents.blobs), "bytes": size, "records": len(contents.records)}
    report.checked |= {"releases": len(contents.releases), "entries": 0}
    return report


def _lacking(contents: Contents, altered: set[str]) -> Iterator[Finding]:
    """Blobs that are not what a record says, with the steps whose records say so."""
    lost: dict[str, tuple[str, str]] = {}
    users, releases = defaultdict[str, set[str]](set), defaultdict[str, set[str]](set)
    steps = [(record.outputs.values(), users, record.step) for record in contents.records.values() if record]
    released = [
        (_trees_of(manifest), releases, f"{manifest['name']} {manifest['number']}")
        for manifest in contents.releases.values()
        if manifest
    ]
    for trees, known, user in (*steps, *released):
        for blob, name, size in contents.members(trees):
            there = contents.blobs.get(blob)
            if there is None:
                lost[blob] = (MISSING, f"`{name}` is gone")
            elif blob in altered or (size is not None and there.size != size) or contents.trees.get(blob, {}) is None:
                lost[blob] = (ALTERED, f"`{name}` is not what it was")
            else:
                continue
            known[blob].add(user)
    for blob in sorted(altered - lost.keys()):
        lost[blob] = (ALTERED, "a blob that nothing needs is not what it was")
    for blob, (fault, message) in lost.items():
        yield Finding(
            fault, "blob", blob_name(blob), message, tuple(sorted(users[blob])), tuple(sorted(releases[blob]))
        )


def _altered(remote: Remote, blobs: Iterable[str]) -> Iterator[str]:
    """Digests of blobs that are not what their names say: every byte is read."""
    with tempfile.TemporaryDirectory() as name, ThreadPoolExecutor(AT_ONCE) as pool:

        def differs(digest: str) -> bool:
            target = Path(name) / digest
            try:
                remote.objects.download(blob_name(digest), target)
                return hash_file(target) != digest
            except Absent:
                return False  # it went meanwhile
            finally:
                target.unlink(missing_ok=True)

        listed = sorted(blobs)
        for digest, bad in zip(listed, pool.map(differs, listed), strict=True):
            if bad:
                yield digest


def _uploaded(remote: Remote, store: Store, digest: str) -> bool:
    try:
        return store.blobs.sound(digest) and remote.upload(digest, store.blob(digest), anew=True)
    except Altered:
        return False


def mend(remote: Remote, store: Store, report: Report, *, full: bool) -> Report:
    """Uploads what the local store has of what was found, and sets the other records aside: a second look at it.

    Raises:
        Unanswered: the place does not answer.
    """
    done, gone = list[str](), set[str]()
    aside = f"aside/{datetime.now(UTC).strftime('%Y%m%dT%H%M%SZ')}"
    for one in report.findings:
        digest = one.path.rpartition("/")[2]
        if one.what == "blob" and _uploaded(remote, store, digest):
            done.append(f"uploaded `{one.path}`")
        elif one.what == "blob":
            gone.add(digest)
    contents = Contents(remote)
    for key, record in contents.records.items():
        whole = record is not None and not any(blob in gone for blob, _, _ in contents.members(record.outputs.values()))
        if whole:
            continue
        local = store.records.get(key)
        if local is not None and store.complete(local):
            push(store, remote, Pushing(local, heals=True))
            done.append(f"uploaded `{record_name(key)}`")
            continue
        remote.objects.replace(f"{aside}/{record_name(key)}", remote.objects.read(record_name(key)))
        remote.objects.remove(record_name(key))
        done.append(f"set `{record_name(key)}` aside")
    for digest in sorted(gone):
        remote.objects.remove(blob_name(digest))
    for name in [one.path for one in report.findings if one.what == "release"]:
        remote.objects.replace(f"{aside}/{name}", remote.objects.read(name))
        remote.objects.remove(name)
        done.append(f"set `{name}` aside")
    after = inspect(Remote(remote.objects), full=full)
    after.repaired = done
    return after
