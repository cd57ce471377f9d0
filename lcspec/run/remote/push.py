"""Pushing one record: its blobs, then the record. What stands under its key stays, unless that is damaged."""

from typing import NamedTuple

from lcspec.content import content_digest
from lcspec.diag.model import Diagnostic
from lcspec.ir.record import StepRecord
from lcspec.run.remote.objects import Absent, Altered
from lcspec.run.remote.remote import Remote, blob_name
from lcspec.run.store.blobs import Damaged, entries
from lcspec.run.store.nondeterminism import NonDeterminism, compare
from lcspec.run.store.points import point
from lcspec.run.store.store import Store


class Pushing(NamedTuple):
    """What is to be pushed. `measured`: other outputs are expected; `heals`: what stands there is damaged."""

    record: StepRecord
    measured: bool = False
    heals: bool = False


def push(store: Store, remote: Remote, job: Pushing) -> Diagnostic | None:
    """Makes a local record and its blobs stand in the remote store too; a warning when others stand there.

    Raises:
        Unanswered: the place does not do what it is asked; what was uploaded before is no harm.
    """
    record = job.record
    trees = _files(store, record)
    if trees is None:
        return _damaged(remote, record)
    try:
        for digest in trees:
            remote.upload(digest, store.blob(digest), anew=job.heals)
            point()
    except Altered:
        return _damaged(remote, record)
    made = remote.create_record(record)
    point()
    if made:
        return None
    standing = _standing(remote, record.key)
    if standing is None or job.heals or not complete(remote, standing):
        remote.replace_record(record)
        return None
    if standing.outputs == record.outputs or job.measured:
        return None
    return NonDeterminism(standing, record, compare(store.blobs, standing, record)).diagnostic()


def _damaged(remote: Remote, record: StepRecord) -> Diagnostic:
    message = f"the result of `{record.step}` is damaged here and was not pushed to `{remote.url}`"
    return Diagnostic("LC1104", message, help="`lcspec verify` says what is wrong", severity="warning")


def _files(store: Store, record: StepRecord) -> list[str] | None:
    """Digests of all blobs of a record, files before lists of files; None when one is damaged."""
    found: dict[str, None] = {}
    for tree in record.outputs.values():
        if not store.blobs.sound(tree):
            return None
        try:
            listed = entries(store.blob(tree).read_bytes(), tree)
        except Damaged:
            return None
        found |= dict.fromkeys(one["blake3"] for one in listed.values())
    if not all(map(store.blobs.sound, found)):
        return None
    return [*found, *dict.fromkeys(record.outputs.values())]


def _standing(remote: Remote, key: str) -> StepRecord | None:
    try:
        return remote.read_again(key)
    except (Absent, ValueError):
        return None


def complete(remote: Remote, record: StepRecord) -> bool:
    """Whether all blobs of a remote record are there with their sizes."""
    for tree in record.outputs.values():
        try:
            data = remote.objects.read(blob_name(tree))
            listed = entries(data, tree) if content_digest(data) == tree else None
        except (Absent, Damaged):
            return False
        if listed is None:
            return False
        for entry in listed.values():
            found = remote.objects.find(blob_name(entry["blake3"]))
            if found is None or found.size != entry["size"]:
                return False
    return True
