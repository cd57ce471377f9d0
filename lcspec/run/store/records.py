"""Records: one sealed JSON file per key, `records/ab/<key>.json`. A record exists only when all its blobs do."""

import json
import os
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path

from lcspec.canon import pretty
from lcspec.ir.record import StepRecord
from lcspec.run.store.files import replace_file
from lcspec.run.store.points import point
from lcspec.run.store.seal import seal, seal_of, unseal

ROOM = 1000  # lines beyond two a step from which the heads are written anew


def record_path(root: Path, key: str) -> Path:
    """Where the record of a key lies."""
    return root / "records" / key[:2] / f"{key}.json"


def record_bytes(record: StepRecord) -> bytes:
    """The text of a record's file."""
    return seal(pretty(record.to_json()).encode())


def record_seal(record: StepRecord) -> str:
    """The digest by which ledger and remote know what the record says."""
    return seal_of(record_bytes(record))


def parse_record(data: bytes, key: str) -> StepRecord:
    """The record of `key` in the text of its file.

    Raises:
        ValueError: the text is damaged, of another format, or another key's.
    """
    record = StepRecord.from_json(unseal(data))
    if record.key != key:
        raise ValueError(f"the record of another key, {record.key[:12]}…")
    return record


def _read(path: str) -> bytes:
    """The bytes of a small file, by as few calls as can be: a plan reads one for each step."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        size = os.fstat(descriptor).st_size
        return os.read(descriptor, size + 1)
    finally:
        os.close(descriptor)


class Records(Mapping[str, StepRecord]):
    """Key to record, one file read per look-up. A record that cannot be read counts as absent: the step runs again."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._known: dict[str, StepRecord] = {}

    def __getitem__(self, key: str) -> StepRecord:
        known = self._known.get(key)
        if known is None:
            try:
                known = parse_record(_read(f"{self._root}/records/{key[:2]}/{key}.json"), key)
            except (OSError, ValueError):
                raise KeyError(key) from None
            self._known[key] = known
        return known

    def __iter__(self) -> Iterator[str]:
        return (path.stem for path in sorted(self._root.glob("records/*/*.json")))

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def forget(self, key: str) -> None:
        """Reads the record again when it is next asked for."""
        self._known.pop(key, None)


class Heads(Mapping[str, StepRecord]):
    """Step id to the record it last finished with.

    The file is an index that only grows, a line a finish; what is torn at its end is passed over. It is not synced, for
    the ledger knows the same (`verify --rebuild` writes it anew); without it reasons are shorter.
    """

    def __init__(self, root: Path, records: Mapping[str, StepRecord]) -> None:
        self._path, self._records = root / "heads.jsonl", records
        self._keys: dict[str, str] | None = None
        self._lines = 0

    def _load(self) -> dict[str, str]:
        if self._keys is None:
            self._keys = {}
            try:
                lines = self._path.read_bytes().splitlines()
            except OSError:
                lines = []
            for line in lines:
                try:
                    step, key = json.loads(line)
                    self._keys[str(step)] = str(key)
                except (ValueError, TypeError):
                    continue
            self._lines = len(lines)
        return self._keys

    def __getitem__(self, step: str) -> StepRecord:
        return self._records[self._load()[step]]

    def __iter__(self) -> Iterator[str]:
        return iter(self._load())

    def __len__(self) -> int:
        return len(self._load())

    def keys_by_step(self) -> Mapping[str, str]:
        """Step id to key, whether or not the record is there."""
        return self._load()

    def set(self, step: str, key: str) -> None:
        """Remembers that `step` finished with `key`; on a full disk until this process ends."""
        if self._load().get(step) == key:
            return
        self._load()[step] = key
        with suppress(OSError):
            if self._lines > 2 * len(self) + ROOM:
                self.write(self._load())
            else:
                self._append(json.dumps([step, key]).encode() + b"\n")

    def _append(self, line: bytes) -> None:
        with self._path.open("a+b", buffering=0) as file:
            if file.seek(0, os.SEEK_END):
                file.seek(-1, os.SEEK_END)
                if file.read(1) != b"\n":  # torn by a kill or a full disk
                    line = b"\n" + line
            point()
            file.write(line)
            point()
        self._lines += 1

    def write(self, keys: Mapping[str, str]) -> None:
        """Writes the file anew, a line a step.

        Raises:
            OSError: the disk is full or read-only; the file is as it was.
        """
        text = "".join(json.dumps([step, key]) + "\n" for step, key in sorted(keys.items()))
        replace_file(self._path, text.encode(), self._path.parent / "tmp" / f"{os.getpid()}-{os.urandom(6).hex()}")
        self._keys, self._lines = dict(keys), len(keys)
