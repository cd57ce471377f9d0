"""One store under `.lcspec/`: what steps publish, and what is read back.

Publishing an artefact: each blob is written under `tmp/` or where the step left it (same file system), synced, made
read-only and renamed, and its folder synced; then the tree manifests; then the record, by a link that never overwrites;
then the ledger's row. So a record exists only when everything it names does, and the first writer wins. Reading an
absent store finds it empty; nothing is created by a reader.
"""

import os
import shutil
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from lcspec.diag.model import Diagnostic, LcspecError
from lcspec.ir.record import StepRecord
from lcspec.run.store import layout
from lcspec.run.store.blobs import Blobs, Damaged, Entry
from lcspec.run.store.files import flocked, make_folder, replace_file, sync_folder, write_synced
from lcspec.run.store.filesystem import check_file_system
from lcspec.run.store.format import check_format, write_format
from lcspec.run.store.nondeterminism import NonDeterminism, compare
from lcspec.run.store.points import point
from lcspec.run.store.records import Heads, Records, parse_record, record_bytes, record_path

FOLDERS = ("store", "records", "tmp", "work", "cache", "logs", "releases")


class Store:
    """One store. `peek` reads only, `open` makes the folders that writing needs."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.blobs = Blobs(root)
        self.records = Records(root)
        self.heads = Heads(root, self.records)

    @staticmethod
    def peek(root: Path) -> "Store":
        """The store for reading; the folder may be absent.

        Raises:
            LcspecError: LC1122 (exit 7), it is of another format.
        """
        check_format(root)
        return Store(root)

    @staticmethod
    def open(root: Path) -> "Store":
        """The store for writing.

        Raises:
            LcspecError: LC1122, LC1123, LC1124 (exit 7): of another format, not writable, shared by machines.
        """
        check_format(root)
        check_file_system(root)
        try:
            for name in FOLDERS:
                (root / name).mkdir(parents=True, exist_ok=True)
            probe = root / "tmp" / f"{os.getpid()}-probe"
            probe.touch()
            probe.unlink()
            write_format(root)
        except OSError as error:
            raise unwritable(root, error) from None
        return Store(root)

    def work(self, key: str) -> Path:
        """The folder in which the step with `key` works; survives a kill."""
        return self.root / "work" / key

    def blob(self, digest: str) -> Path:
        """Where the blob `digest` lies."""
        return self.blobs.path(digest)

    # --- writing ---------------------------------------------------------------------------------------------------

    def publish(self, record: StepRecord, outputs: Mapping[str, Path]) -> StepRecord:
        """Moves the outputs into the store and makes the record visible; the record that stands is returned.

        Raises:
            NonDeterminism: another record stands under this key, with other outputs.
            ValueError: an output holds a link or a special file.
            OSError: the disk is full, or the store cannot be written; nothing is visible.
        """
        with self.publishing():
            trees = {name: self.blobs.add_tree(folder) for name, folder in sorted(outputs.items())}
            made = StepRecord.from_json({**record.to_json(), "outputs": trees})
            return self.add_record(made)

    def publishing(self) -> Any:
        """Held while blobs are written that no record names yet: `gc` waits for its end before it removes anything."""
        return flocked(self.root / "publish.lock", shared=True)

    def add_record(self, made: StepRecord) -> StepRecord:
        """Makes a record visible whose blobs are in the store; the record that stands is returned.

        Raises:
            NonDeterminism: another record stands under this key, with other outputs.
        """
        path, staging = record_path(self.root, made.key), self.blobs.staging()
        make_folder(path.parent)
        write_synced(staging, record_bytes(made))
        point()
        try:
            os.link(staging, path)
        except FileExistsError:
            return self._second_writer(made, path)
        finally:
            staging.unlink(missing_ok=True)
        point()
        sync_folder(path.parent)
        point()
        return made

    def _second_writer(self, made: StepRecord, path: Path) -> StepRecord:
        try:
            standing = parse_record(path.read_bytes(), made.key)
            complete = self.complete(standing)
        except (OSError, ValueError):
            complete = False
        if not complete:  # damaged: the new one heals it
            replace_file(path, record_bytes(made), self.blobs.staging())
            self.records.forget(made.key)
            return made
        if standing.outputs != made.outputs:
            raise NonDeterminism(standing, made, compare(self.blobs, standing, made))
        return standing

    def add_tree(self, folder: Path) -> str:
        """Moves every file of `folder` into the store; the digest of the tree manifest."""
        return self.blobs.add_tree(folder)

    def sweep(self) -> None:
        """Removes what killed writers left in `tmp/`; those that still live are left alone."""
        for path in (self.root / "tmp").iterdir():
            if not alive(path.name.partition("-")[0]):
                with suppress(FileNotFoundError):
                    shutil.rmtree(path) if path.is_dir() else path.unlink()

    # --- reading ---------------------------------------------------------------------------------------------------

    def tree(self, digest: str) -> dict[str, Entry]:
        """Path to entry (`blake3`, `size`, `executable`) of a tree; `Damaged` when it cannot be read."""
        return self.blobs.tree(digest)

    def verify_tree(self, digest: str) -> None:
        """Reads every blob of a tree; `Damaged` names the first file that is missing or altered."""
        self.blobs.verify_tree(digest)

    def complete(self, record: StepRecord) -> bool:
        """Whether all blobs of a record are there with their sizes; contents are left to `verify_tree`."""
        try:
            trees = [self.tree(digest) for digest in record.outputs.values()]
        except Damaged:
            return False
        return all(_has_size(self.blob(one["blake3"]), one["size"]) for tree in trees for one in tree.values())

    def size(self, record: StepRecord) -> int:
        """Bytes of all outputs of a record."""
        return sum(entry["size"] for tree in record.outputs.values() for entry in self.tree(tree).values())

    def materialize(self, digest: str, target: Path) -> None:
        """Lays a tree out for steps and services: read-only, verified, large files as links to blobs."""
        layout.materialize(self.blobs, digest, target)

    def written_inputs(self, before: layout.Snapshot, folder: Path, inputs: Mapping[str, str]) -> list[str]:
        """Files that a step changed, added or removed in its input folder; `inputs` are name to tree."""
        return layout.written(self.blobs, before, folder, inputs)

    def export(self, digest: str, target: Path) -> None:
        """Copies a tree for users, verifies the copies, and replaces `target` as a whole at the end."""
        layout.export(self.blobs, digest, target)

    def read_json(self, digest: str, name: str) -> Any:
        """One JSON file of a tree; `Damaged` when it is missing or altered."""
        import json

        path = self.blobs.need(self.tree(digest)[name]["blake3"], name)
        return json.loads(path.read_text(encoding="utf-8"))


def alive(pid: str) -> bool:
    """Whether a process with this id runs."""
    try:
        os.kill(int(pid), 0)
    except (ProcessLookupError, ValueError, OverflowError):
        return False
    except PermissionError:
        pass
    return not _ended(pid)


def _ended(pid: str) -> bool:
    """Whether a process is a zombie: it has ended, and only its parent has not asked yet. False where none can say."""
    try:
        stat = Path("/proc", pid, "stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return False
    return stat.rpartition(")")[2].split()[:1] in (["Z"], ["X"])


def _has_size(path: Path, size: int) -> bool:
    try:
        return path.stat().st_size == size
    except OSError:
        return False


def unwritable(root: Path, error: OSError) -> LcspecError:
    """What is said when the store cannot be written (LC1123, exit 7)."""
    name = f" (`{Path(error.filename).name}`)" if isinstance(error.filename, str) else ""
    message = f"the store `{root.name}` cannot be written: {error.strerror or error}{name}"
    help = "make the folder writable, or free space (`lcspec gc` says what it can); finished steps are kept"
    return LcspecError([Diagnostic("LC1123", message, help=help)], 7)
