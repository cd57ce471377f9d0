"""Removes what nothing needs from a remote store, as far as one project can know: others are known by age alone.

A record goes when this project needs it no more and it is old; a blob, when no record names it and it is old. An
upload relies on no blob of more than six hours, so that nothing goes under a machine that is at work; younger ages than
a day are refused. Times are those of the place.
"""

import time
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime

from lcspec.diag.model import Diagnostic, LcspecError
from lcspec.ir.record import StepRecord
from lcspec.run.garbage import Collected, Item, Keep
from lcspec.run.remote.inspect import Contents
from lcspec.run.remote.remote import Remote, blob_name, record_name

LEAST_AGE = 24 * 3600.0  # seconds
_CLOCK = "clock"  # an object that is written to learn the time of the place


def collect(remote: Remote, keep: Keep, released: frozenset[str], *, remove: bool) -> Collected:
    """What can be removed from a remote store, and its removal when that is wanted. `released` are trees to keep.

    Raises:
        LcspecError: LC1127 (exit 7), a list of files that is needed is damaged.
        Unanswered: the place does not answer.
    """
    before = _now(remote, remove=remove) - keep.age
    contents = Contents(remote)
    released |= contents.released
    kept = {"specs": 0, "runs": 0, "young": 0, "running": 0, "releases": len(contents.releases)}
    items, live = list[Item](), set(_blobs(remote, contents, contents.released, "a release"))
    for key, record in contents.records.items():
        listed = contents.listed[record_name(key)]
        if (why := _why_kept(key, record, keep, released, young=listed.written >= before)) is None:
            items.append(Item("records", record_name(key), listed.size))
            continue
        kept[why] += 1
        if record is not None:
            live.update(_blobs(remote, contents, record.outputs.values(), f"`{record.step}`"))
    for digest, one in contents.blobs.items():
        if digest not in live and one.written < before:
            items.append(Item("blobs", blob_name(digest), one.size))
    aside = remote.objects.listed("aside")
    items += [Item("aside", name, one.size) for name, one in aside.items() if one.written < before]
    items += [Item("unfinished", name, 0) for name in remote.objects.unfinished(before, remove=remove)]
    if remove:
        _remove(remote, contents, items, before)
    return Collected(tuple(items), kept, running=False, removed=remove)


def _now(remote: Remote, *, remove: bool) -> float:
    """The time of the place where it can be learned, never later than ours: with a later one more would go."""
    if remove:
        remote.objects.replace(_CLOCK, datetime.now(UTC).isoformat().encode())
        found = remote.objects.find(_CLOCK)
        remote.objects.remove(_CLOCK)
        if found is not None:
            return min(found.written, time.time())
    return time.time()


def _why_kept(key: str, record: StepRecord | None, keep: Keep, released: frozenset[str], *, young: bool) -> str | None:
    if keep.heads is None or key in keep.keys or key in keep.heads:
        return "specs"
    if record is not None and released.intersection(record.outputs.values()):
        return "specs"
    return "young" if young else None


def _blobs(remote: Remote, contents: Contents, trees: Iterable[str], whose: str) -> Iterator[str]:
    if any(contents.trees[tree] is None for tree in trees):
        message = f"a list of files of {whose} in `{remote.url}` is damaged: what it needs is not known"
        help = "`lcspec verify --store URL --repair` mends it or sets it aside"
        raise LcspecError([Diagnostic("LC1127", message, help=help)], 7)
    return (blob for blob, _, _ in contents.members(trees))


def _remove(remote: Remote, seen: Contents, items: list[Item], before: float) -> None:
    """Records first; then blobs that no record has come to name meanwhile, and that were not written anew."""
    for item in items:
        if item.category in ("records", "aside"):
            remote.objects.remove(item.path)
    again = Contents(remote)
    new = [record for key, record in again.records.items() if record is not None and key not in seen.records]
    live = set(_blobs(remote, again, again.released, "a release"))
    for record in new:
        live.update(_blobs(remote, again, record.outputs.values(), f"`{record.step}`"))
    for item in items:
        if item.category == "blobs" and item.path.rpartition("/")[2] not in live:
            found = remote.objects.find(item.path)
            if found is not None and found.written < before:
                remote.objects.remove(item.path)
