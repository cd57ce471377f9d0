"""The content-addressed store: blobs, tree manifests and records under `.lcspec/`.

Publishing an artefact: write in `tmp/` on the same file system, fsync, make read-only, rename, fsync the folder; blobs
first, then the manifest, then the record by a link that never overwrites. So a record exists only when everything it
names does, and the first writer wins. Reading an absent store finds it empty; nothing is created by a reader.
"""

import errno
import hashlib
import json
import os
import shutil
import signal
from collections.abc import Iterator, Mapping
from pathlib import Path, PurePosixPath
from typing import Any

from lcspec.canon import canonical, digest_bytes, pretty
from lcspec.diag.model import Diagnostic, LcspecError
from lcspec.ir.record import StepRecord

TREE_FORMAT = 1
LINK_ABOVE = 256 << 10  # bytes
_CHUNK = 1 << 20
KILL_AT = "LCSPEC_KILL_AT"


class NonDeterminism(Exception):
    """Another run published other outputs under the same key; `record` is the one that stands."""

    def __init__(self, record: StepRecord) -> None:
        self.record = record
        super().__init__(record.key)


class _Points:
    """Counts publish points and kills the process at the one that a fault test names in LCSPEC_KILL_AT."""

    def __init__(self) -> None:
        self.count = 0

    def __call__(self) -> None:
        self.count += 1
        if os.environ.get(KILL_AT) == str(self.count):
            os.kill(os.getpid(), signal.SIGKILL)


_point = _Points()


class Records(Mapping[str, StepRecord]):
    """Key to record, one file read per look-up. A record that cannot be read counts as absent: the step runs again."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._known: dict[str, StepRecord] = {}

    def __getitem__(self, key: str) -> StepRecord:
        if key not in self._known:
            try:
                text = _record_path(self._root, key).read_text(encoding="utf-8")
                record = StepRecord.from_json(json.loads(text))
            except (OSError, ValueError):
                raise KeyError(key) from None
            if record.key != key:
                raise KeyError(key)
            self._known[key] = record
        return self._known[key]

    def __iter__(self) -> Iterator[str]:
        return (path.stem for path in sorted(self._root.glob("records/*/*.json")))

    def __len__(self) -> int:
        return sum(1 for _ in self)


class Heads(Mapping[str, StepRecord]):
    """Step id to the record it last finished with. The file is a disposable index; without it reasons are shorter."""

    def __init__(self, root: Path, records: Records) -> None:
        self._path, self._records = root / "heads.json", records
        self._keys: dict[str, str] | None = None

    def _load(self) -> dict[str, str]:
        if self._keys is None:
            try:
                self._keys = dict(json.loads(self._path.read_text(encoding="utf-8")))
            except (OSError, ValueError, TypeError):
                self._keys = {}
        return self._keys

    def __getitem__(self, step: str) -> StepRecord:
        return self._records[self._load()[step]]

    def __iter__(self) -> Iterator[str]:
        return iter(self._load())

    def __len__(self) -> int:
        return len(self._load())

    def set(self, step: str, key: str) -> None:
        """Remembers that `step` finished with `key`."""
        if self._load().get(step) != key:
            self._load()[step] = key
            _write(self._path, pretty(self._keys).encode(), self._path.parent / "tmp")


class Store:
    """One store. `peek` reads only, `open` makes the folders that writing needs."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.records = Records(root)
        self.heads = Heads(root, self.records)

    @staticmethod
    def peek(root: Path) -> "Store":
        """The store for reading; the folder may be absent."""
        return Store(root)

    @staticmethod
    def open(root: Path) -> "Store":
        """The store for writing.

        Raises:
            LcspecError: LC1104 (exit 7), when the folder cannot be written.
        """
        try:
            for name in ("store", "records", "tmp", "work", "cache", "logs", "releases"):
                (root / name).mkdir(parents=True, exist_ok=True)
            probe = root / "tmp" / f"probe-{os.getpid()}"
            probe.touch()
            probe.unlink()
        except OSError as error:
            message = f"the store `{root.name}` cannot be written: {error.strerror}"
            help = "make the folder writable, or free space"
            raise LcspecError([Diagnostic("LC1104", message, help=help)], 7) from None
        return Store(root)

    def work(self, key: str) -> Path:
        """The folder in which the step with `key` works; survives a kill."""
        return self.root / "work" / key

    def blob(self, digest: str) -> Path:
        """Where the blob `digest` lies."""
        return self.root / "store" / digest[:2] / digest

    # --- writing ---------------------------------------------------------------------------------------------------

    def publish(self, record: StepRecord, outputs: Mapping[str, Path]) -> StepRecord:
        """Moves the outputs into the store and makes the record visible; the record that stands is returned.

        Raises:
            NonDeterminism: another record stands under this key, with other outputs.
            ValueError: an output holds a link or a special file.
        """
        trees = {name: self.add_tree(folder) for name, folder in sorted(outputs.items())}
        made = StepRecord.from_json({**record.to_json(), "outputs": trees})
        path = _record_path(self.root, record.key)
        path.parent.mkdir(parents=True, exist_ok=True)
        staging = self._staging()
        _write_fsync(staging, pretty(made.to_json()).encode())
        _point()
        try:
            os.link(staging, path)
        except FileExistsError:
            return self._second_writer(made, path)
        finally:
            staging.unlink()
        _point()
        _fsync_folder(path.parent)
        _point()
        return made

    def _second_writer(self, made: StepRecord, path: Path) -> StepRecord:
        try:
            standing = StepRecord.from_json(json.loads(path.read_text(encoding="utf-8")))
        except (OSError, ValueError):  # damaged: the new one heals it
            _write(path, pretty(made.to_json()).encode(), self.root / "tmp")
            return made
        if standing.outputs != made.outputs:
            raise NonDeterminism(standing)
        return standing

    def add_tree(self, folder: Path) -> str:
        """Moves every file of `folder` into the store; the digest of the tree manifest."""
        files: dict[str, Any] = {}
        for path in sorted(folder.rglob("*")):
            name = path.relative_to(folder).as_posix()
            if path.is_symlink() or not (path.is_file() or path.is_dir()):
                raise ValueError(f"the output `{name}` is a link or a special file")
            if path.is_file():
                size, executable = path.stat().st_size, bool(path.stat().st_mode & 0o100)
                files[name] = {"sha256": self._add_file(path), "size": size, "executable": executable}
        return self._add_bytes(canonical({"format_version": TREE_FORMAT, "files": files}))

    def _add_file(self, path: Path) -> str:
        """Moves one file: hashed and synced where it lies (same file system), then renamed."""
        hasher = hashlib.sha256()
        with path.open("rb") as file:
            while chunk := file.read(_CHUNK):
                hasher.update(chunk)
            _point()
            os.fsync(file.fileno())
        digest = hasher.hexdigest()
        target = self.blob(digest)
        _point()
        if target.exists() and target.stat().st_size == path.stat().st_size:
            path.unlink()
            return digest
        target.parent.mkdir(parents=True, exist_ok=True)
        path.chmod(0o444)
        _point()
        try:
            path.replace(target)
        except OSError as error:
            if error.errno != errno.EXDEV:
                raise
            staging = self._staging()
            shutil.copyfile(path, staging)
            staging.chmod(0o444)
            staging.replace(target)
        _point()
        _fsync_folder(target.parent)
        return digest

    def _add_bytes(self, data: bytes) -> str:
        digest = digest_bytes(data)
        target = self.blob(digest)
        if not target.exists():
            target.parent.mkdir(parents=True, exist_ok=True)
            staging = self._staging()
            _write_fsync(staging, data)
            _point()
            staging.chmod(0o444)
            _point()
            staging.replace(target)
            _point()
            _fsync_folder(target.parent)
            _point()
        return digest

    def _staging(self) -> Path:
        return self.root / "tmp" / f"{os.getpid()}-{os.urandom(6).hex()}"

    # --- reading ---------------------------------------------------------------------------------------------------

    def tree(self, digest: str) -> dict[str, dict[str, Any]]:
        """Path to entry (`sha256`, `size`, `executable`) of a tree.

        Raises:
            LcspecError: LC1104 (exit 7), the manifest is missing or damaged.
        """
        try:
            data = self.blob(digest).read_bytes()
        except OSError:
            raise _damaged(f"the tree {digest[:12]}… is missing") from None
        if digest_bytes(data) != digest:
            raise _damaged(f"the tree {digest[:12]}… is damaged")
        files: dict[str, dict[str, Any]] = json.loads(data)["files"]
        for name in files:
            if PurePosixPath(name).is_absolute() or ".." in PurePosixPath(name).parts:
                raise _damaged(f"the tree {digest[:12]}… names `{name}`")
        return files

    def verify_tree(self, digest: str) -> None:
        """Reads every blob of a tree.

        Raises:
            LcspecError: LC1104 (exit 7), naming the first file that is missing or damaged.
        """
        for name, entry in self.tree(digest).items():
            path = self.blob(entry["sha256"])
            hasher = hashlib.sha256()
            try:
                with path.open("rb") as file:
                    while chunk := file.read(_CHUNK):
                        hasher.update(chunk)
            except OSError:
                raise _damaged(f"`{name}` is missing from the store") from None
            if hasher.hexdigest() != entry["sha256"]:
                raise _damaged(f"`{name}` in the store is damaged")

    def complete(self, record: StepRecord) -> bool:
        """Whether all blobs of a record are there with their sizes; contents are left to `verify_tree`."""
        try:
            trees = [self.tree(digest) for digest in record.outputs.values()]
        except LcspecError:
            return False
        return all(_has_size(self.blob(one["sha256"]), one["size"]) for tree in trees for one in tree.values())

    def size(self, record: StepRecord) -> int:
        """Bytes of all outputs of a record."""
        return sum(entry["size"] for tree in record.outputs.values() for entry in self.tree(tree).values())

    def materialize(self, digest: str, target: Path) -> None:
        """Lays a tree out for steps and services, never for users: large files as links to read-only blobs.

        Small files are copies: a program that looks for its neighbours through its own path must find them.
        """
        target.mkdir(parents=True, exist_ok=True)
        for name, entry in self.tree(digest).items():
            path, blob = target / name, self.blob(entry["sha256"])
            path.parent.mkdir(parents=True, exist_ok=True)
            if not _has_size(blob, entry["size"]):
                raise _damaged(f"`{name}` is missing from the store, or cut short")
            if entry["size"] > LINK_ABOVE:
                path.symlink_to(blob.resolve())
            else:
                _copy_verified(blob, path, entry["sha256"])

    def export(self, digest: str, target: Path) -> None:
        """Copies a tree for users, verified while copied, and replaces `target` as a whole at the end."""
        staging = target.with_name(f".{target.name}.{os.getpid()}.tmp")
        shutil.rmtree(staging, ignore_errors=True)
        for name, entry in self.tree(digest).items():
            path = staging / name
            path.parent.mkdir(parents=True, exist_ok=True)
            _copy_verified(self.blob(entry["sha256"]), path, entry["sha256"])
            path.chmod(0o755 if entry["executable"] else 0o644)
        if target.exists():
            shutil.rmtree(target)
        staging.replace(target)

    def read_json(self, digest: str, name: str) -> Any:
        """One JSON file of a tree."""
        return json.loads(self.blob(self.tree(digest)[name]["sha256"]).read_text(encoding="utf-8"))

    def sweep(self) -> None:
        """Removes what killed writers left in `tmp/`; only the holder of the store's lock may call it."""
        for path in (self.root / "tmp").iterdir():
            path.unlink(missing_ok=True)


def _record_path(root: Path, key: str) -> Path:
    return root / "records" / key[:2] / f"{key}.json"


def _has_size(path: Path, size: int) -> bool:
    try:
        return path.stat().st_size == size
    except OSError:
        return False


def _damaged(message: str) -> LcspecError:
    help = "delete the record of the step that made it (`.lcspec/records`), then apply again: only that step reruns"
    return LcspecError([Diagnostic("LC1104", message, help=help)], 7)


def _copy_verified(source: Path, target: Path, digest: str) -> None:
    hasher = hashlib.sha256()
    try:
        with source.open("rb") as file, target.open("wb") as out:
            while chunk := file.read(_CHUNK):
                hasher.update(chunk)
                out.write(chunk)
    except FileNotFoundError:
        raise _damaged(f"`{target.name}` is missing from the store") from None
    if hasher.hexdigest() != digest:
        target.unlink()
        raise _damaged(f"`{target.name}` in the store is damaged")


def _write_fsync(path: Path, data: bytes) -> None:
    with path.open("xb") as file:
        file.write(data)
        _point()
        file.flush()
        os.fsync(file.fileno())


def _write(path: Path, data: bytes, tmp: Path) -> None:
    staging = tmp / f"{os.getpid()}-{os.urandom(6).hex()}"
    _write_fsync(staging, data)
    staging.replace(path)


def _fsync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
