"""One remote store: the layout of the local one under a URL, blobs by digest and one sealed record a key.

    lcspec-store.json   its form           store/ab/<digest>   blobs and lists of files           records/ab/<key>.json

A blob is uploaded whole, hashed on the way, and looked at; then the record is created if there is none. So a record
exists only when its blobs do, and the first writer wins. What comes back is hashed before it counts.
"""

import os
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from lcspec.canon import pretty
from lcspec.diag.model import Diagnostic, LcspecError
from lcspec.ir.record import StepRecord
from lcspec.run.remote.objects import Absent, Object, Objects, Unanswered
from lcspec.run.remote.place import unusable
from lcspec.run.store.blobs import Blobs
from lcspec.run.store.records import parse_record, record_bytes
from lcspec.run.store.seal import seal, unseal

REMOTE_FORMAT = 2  # 1 named blobs by SHA-256
MARK = "lcspec-store.json"
# A blob of this age is uploaded anew rather than relied on: `gc --store` removes unneeded ones that are a day old.
FRESH = 6 * 3600.0
AT_ONCE = 1000  # records that are read before they are asked for


class Wrong(Exception):
    """An object is there, and is not what its name says."""


def blob_name(digest: str) -> str:
    """The object of a blob."""
    return f"store/{digest[:2]}/{digest}"


def record_name(key: str) -> str:
    """The object of a record."""
    return f"records/{key[:2]}/{key}.json"


class Remote:
    """One remote store. `cache` is a local folder for records that were read; only a writer fills it."""

    def __init__(self, objects: Objects, cache: Path | None = None) -> None:
        self.objects, self.url, self._cache = objects, objects.url, cache
        self._listed: dict[str, Object] | None = None
        self._read: dict[str, bytes] = {}
        self._ahead = self._writes = self._checked = False
        self.is_new = False  # nothing has marked the place as a store yet

    # --- reading ---------------------------------------------------------------------------------------------------

    def keys(self) -> Mapping[str, Object]:
        """Key to object of all records: listed once.

        Raises:
            LcspecError: LC1125 another format of lcspec made it, LC1126 it does not answer (exit 7).
        """
        if self._listed is None:
            try:
                self.check_format()
                found = self.objects.listed("records")
            except Unanswered as error:
                raise unanswered(self.url, error) from None
            names = {name.rpartition("/")[2].removesuffix(".json"): one for name, one in found.items()}
            self._listed = {key: one for key, one in names.items() if record_name(key) in found}
        return self._listed

    def check_format(self) -> None:
        """Asks the place once whether this lcspec can read it.

        Raises:
            LcspecError: LC1125 (exit 2), it cannot.
            Unanswered: it does not answer.
        """
        if self._checked:
            return
        try:
            found = int(unseal(self.objects.read(MARK))["format_version"])
        except Absent:
            self.is_new = self._checked = True
            return
        except (ValueError, KeyError, TypeError):
            raise unusable(f"`{MARK}` of `{self.url}` is damaged", "remove it: the next apply writes it anew") from None
        if found != REMOTE_FORMAT:
            message = f"the remote store `{self.url}` has format {found}; this lcspec reads and writes {REMOTE_FORMAT}"
            raise unusable(message, "use the lcspec that made it, or another URL: it may be a new prefix beside it")
        self._checked = True

    def record(self, key: str) -> StepRecord:
        """The record of a key.

        Raises:
            Absent: there is none.
            ValueError: it is damaged.
            Unanswered: the place does not answer.
        """
        listed = self.keys().get(key)
        if key not in self._read and listed is not None and not self._recall(key, listed):
            self._read_ahead()
        if key not in self._read:
            self._read[key] = self.objects.read(record_name(key))
            if listed is not None:
                self._keep(key, listed, self._read[key])
        return parse_record(self._read[key], key)

    def _read_ahead(self) -> None:
        """Reads all records at once, the first time that one is not at hand, when they are not too many."""
        listed = self.keys()
        if self._ahead or len(listed) > AT_ONCE:
            return
        self._ahead = True
        wanted = [one for one in listed if one not in self._read and not self._recall(one, listed[one])]
        found = self.objects.read_many(map(record_name, wanted))
        for one in wanted:
            if (data := found.get(record_name(one))) is not None:
                self._read[one] = data
                self._keep(one, listed[one], data)

    def _recall(self, key: str, listed: Object) -> bool:
        """Whether the record was read from the cache, where it is kept by what the listing says of it."""
        if self._cache is not None:
            with suppress(OSError):
                self._read[key] = (self._cache / _cached(key, listed)).read_bytes()
                return True
        return False

    def _keep(self, key: str, listed: Object, data: bytes) -> None:
        if self._writes and self._cache is not None:
            with suppress(OSError):  # a cache that cannot be written costs time, nothing else
                self._cache.mkdir(parents=True, exist_ok=True)
                staging = self._cache / f".{key}.{os.getpid()}"
                staging.write_bytes(data)
                staging.replace(self._cache / _cached(key, listed))

    def read_again(self, key: str) -> StepRecord:
        """The record of a key as it is now; faults as in `record`."""
        self._read[key] = self.objects.read(record_name(key))
        return parse_record(self._read[key], key)

    def download(self, digest: str, blobs: Blobs) -> None:
        """Brings a blob into the local store, hashed before it counts.

        Raises:
            Absent, Wrong, Unanswered: nothing has come.
        """
        staging = blobs.staging()
        try:
            self._download(blob_name(digest), staging)
            if not blobs.add_if(staging, digest):
                raise Wrong(digest)
        finally:
            staging.unlink(missing_ok=True)

    def _download(self, name: str, target: Path) -> None:
        """A connection that breaks within a body is not tried again by the client library: once more, then."""
        try:
            self.objects.download(name, target)
        except Unanswered:
            self.objects.download(name, target)

    # --- writing ---------------------------------------------------------------------------------------------------

    def prepare(self) -> None:
        """Marks the place as a store, and tries whether it creates conditionally: without that nothing is promised.

        Raises:
            LcspecError: LC1125, it cannot be a store; LC1126 it does not answer (exit 7).
        """
        mark = seal(pretty({"format_version": REMOTE_FORMAT}).encode())
        try:
            there = self.objects.find(MARK) is not None
            self._writes = True
            for key in self._read.keys() & self.keys().keys():
                self._keep(key, self.keys()[key], self._read[key])
            created = self.objects.create(MARK, mark)
            refused = not created if there else created and not self.objects.create(MARK, mark)
        except Absent as error:
            raise unusable(f"`{self.url}` is not there: {error}", "make the bucket or folder first") from None
        except Unanswered as error:
            raise unanswered(self.url, error) from None
        if not refused:
            message = f"`{self.url}` overwrites what it should only create: two machines would undo each other"
            raise unusable(message, "use a place with conditional writes, say `s3://` of a server that knows them")

    def upload(self, digest: str, file: Path, *, anew: bool = False) -> bool:
        """Uploads a blob unless it is there and young; whether it was."""
        found = None if anew else self.objects.find(blob_name(digest))
        if found is not None and found.size == file.stat().st_size and time.time() - found.written < FRESH:
            return False
        self.objects.upload(blob_name(digest), file, digest)
        return True

    def create_record(self, record: StepRecord) -> bool:
        """Whether the record was written: False when one stands under its key. Its blobs are there."""
        data = record_bytes(record)
        made = self.objects.create(record_name(record.key), data)
        if made:
            self._noted(record.key, data)
        return made

    def replace_record(self, record: StepRecord) -> None:
        """Writes a record over one that is damaged or lacks its blobs."""
        data = record_bytes(record)
        self.objects.replace(record_name(record.key), data)
        self._noted(record.key, data)

    def _noted(self, key: str, data: bytes) -> None:
        self._read[key] = data
        if self._listed is not None:
            self._listed[key] = Object(len(data), time.time(), "")


def unanswered(url: str, error: Unanswered, message: str = "the remote store") -> LcspecError:
    """The fault that a remote store does not do what it is asked (LC1126, exit 7)."""
    help = "look at the address, the network and the credentials; `--store none` works without it"
    return LcspecError([Diagnostic("LC1126", f"{message} `{url}` does not answer: {error}", help=help)], 7)


def _cached(key: str, listed: Object) -> str:
    """The name of a cached record: another text has another one."""
    return f"{key}-{''.join(c for c in listed.tag if c.isalnum())[:40]}"
