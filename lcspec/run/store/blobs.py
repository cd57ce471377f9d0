"""Blobs and trees: files by the BLAKE3 of their content, and manifests that give them names.

A blob is written whole under another name, synced, made read-only and renamed. It is verified when it is used.
"""

import errno
import json
import os
import shutil
import stat
from collections.abc import Callable, Sequence
from pathlib import Path, PurePosixPath
from typing import Any

from lcspec.canon import canonical
from lcspec.content import ALGORITHM, content_digest, hash_file
from lcspec.diag.model import Diagnostic, LcspecError
from lcspec.run.store.files import (
    hash_and_sync,
    make_folder,
    reflink,
    sync_folder,
    write_synced,
)
from lcspec.run.store.format import TREE_FORMAT
from lcspec.run.store.memo import Memo
from lcspec.run.store.points import point

LARGE = 256 << 10  # bytes from which a blob is linked into steps, and remembered once it is verified

Entry = dict[str, Any]


class Damaged(LcspecError):
    """A blob or tree that a step or a service needs is missing or not what it was (LC1104, exit 7)."""

    def __init__(self, digest: str, message: str, steps: Sequence[str] = ()) -> None:
        self.digest, self.steps = digest, tuple(steps)
        again = ", ".join(f"`{step}`" for step in steps)
        help = f"set aside; apply again: it reruns {again}" if steps else "`lcspec verify --repair`, then apply again"
        super().__init__([Diagnostic("LC1104", message, help=help)], 7)


class Blobs:
    """The blobs of one store.

    `fetch` may bring one from a remote store, and says whether it did. `aside` is told of one that is damaged; it may
    set it aside, and says which steps make it again.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        self.memo = Memo(root / "cache" / "verified")
        self.fetch: Callable[[str], bool] = lambda digest: False
        self.aside: Callable[[str], Sequence[str]] = lambda digest: ()

    def path(self, digest: str) -> Path:
        """Where the blob `digest` lies."""
        return self.root / "store" / digest[:2] / digest

    def staging(self) -> Path:
        """A new name on the file system of the store; the process is named so that others know whose it is."""
        return self.root / "tmp" / f"{os.getpid()}-{os.urandom(6).hex()}"

    # --- writing ---------------------------------------------------------------------------------------------------

    def add_file(self, path: Path) -> str:
        """Moves a file into the store; its digest. A file with another name elsewhere is copied, not moved.

        What lies there already is replaced by what was just read: a damaged blob is healed.
        """
        if path.stat().st_nlink > 1:
            return self._add_copy(path)
        digest = hash_and_sync(path)
        self._move(path, digest)
        return digest

    def add_if(self, path: Path, digest: str) -> bool:
        """Moves a file into the store if it has the content that is meant; whether it has."""
        if hash_and_sync(path) != digest:
            return False
        self._move(path, digest)
        return True

    def _move(self, path: Path, digest: str) -> None:
        point()
        target = self._target(digest)
        path.chmod(0o444)
        point()
        try:
            path.replace(target)
        except OSError as error:
            if error.errno != errno.EXDEV:
                raise
            self._add_copy(path)
            return
        self._placed(digest, target)

    def _add_copy(self, path: Path) -> str:
        staging = self.staging()
        try:
            if not reflink(path, staging):
                shutil.copyfile(path, staging)
            digest = hash_and_sync(staging)
            self._move(staging, digest)
        finally:
            staging.unlink(missing_ok=True)
        path.unlink()
        return digest

    def add_bytes(self, data: bytes) -> str:
        """Writes a blob; its digest."""
        digest = content_digest(data)
        target = self._target(digest)
        try:
            if target.read_bytes() == data:
                return digest
        except OSError:
            pass  # not there yet, or unreadable: written anew
        staging = self.staging()
        write_synced(staging, data)
        point()
        staging.chmod(0o444)
        point()
        staging.replace(target)
        self._placed(digest, target)
        return digest

    def _target(self, digest: str) -> Path:
        target = self.path(digest)
        if not target.parent.is_dir():
            make_folder(target.parent)
        return target

    def _placed(self, digest: str, target: Path) -> None:
        point()
        sync_folder(target.parent)
        point()
        if target.stat().st_size > LARGE:
            self.memo.note(digest, target)

    def add_tree(self, folder: Path) -> str:
        """Moves every file of `folder` into the store; the digest of the tree manifest.

        Raises:
            ValueError: the folder holds a link or a special file.
        """
        found = sorted(folder.rglob("*"))
        states = {path: path.lstat() for path in found}
        for path, state in states.items():
            if not (stat.S_ISREG(state.st_mode) or stat.S_ISDIR(state.st_mode)):
                raise ValueError(f"the output `{path.relative_to(folder).as_posix()}` is a link or a special file")
        files: dict[str, Entry] = {}
        for path, state in states.items():
            if stat.S_ISREG(state.st_mode):
                name, executable = path.relative_to(folder).as_posix(), bool(state.st_mode & 0o100)
                files[name] = {"blake3": self.add_file(path), "size": state.st_size, "executable": executable}
        return self.add_bytes(canonical({"format_version": TREE_FORMAT, "files": files}))

    # --- reading ---------------------------------------------------------------------------------------------------

    def need(self, digest: str, name: str) -> Path:
        """The path of a blob with the right content: hashed now, or hashed before and not touched since.

        Raises:
            Damaged: it is missing or altered, and no remote store has it.
        """
        path = self.path(digest)
        if self.sound(digest) or self.fetch(digest):
            return path
        raise self.lost(digest, name)

    def sound(self, digest: str) -> bool:
        """Whether the blob is there and has the content that its name says."""
        path = self.path(digest)
        try:
            if self.memo.holds(digest, path):
                return True
            if hash_file(path) != digest:
                return False
            if path.stat().st_size > LARGE:
                self.memo.note(digest, path)
        except OSError:
            return False
        return True

    def tree(self, digest: str) -> dict[str, Entry]:
        """Path to entry (`blake3`, `size`, `executable`) of a tree.

        Raises:
            Damaged: the manifest is missing or altered, and no remote store has it.
        """
        try:
            data = self.path(digest).read_bytes()
        except OSError:
            data = b""
        if content_digest(data) != digest:
            data = self.need(digest, f"the tree {digest[:12]}…").read_bytes()
        return entries(data, digest)

    def verify_tree(self, digest: str) -> None:
        """Reads every blob of a tree, whatever is remembered of it.

        Raises:
            Damaged: naming the first file that is missing or altered.
        """
        for name, entry in self.tree(digest).items():
            path = self.path(entry["blake3"])
            try:
                found = hash_file(path)
            except OSError:
                found = ""
            if found != entry["blake3"] and not self.fetch(entry["blake3"]):
                raise self.lost(entry["blake3"], name)

    def lost(self, digest: str, name: str) -> Damaged:
        """The fault that a blob is missing or altered."""
        word = "damaged" if self.path(digest).exists() else "missing"
        return Damaged(digest, f"`{name}` is {word} in the store", self.aside(digest))


def entries(data: bytes, digest: str) -> dict[str, Entry]:
    """The files that the manifest `data` names, each with `blake3`, `size` and `executable`.

    Raises:
        Damaged: it is no manifest, or names a file outside of the tree.
    """
    try:
        files: dict[str, Entry] = json.loads(data)["files"]
        for name, entry in files.items():
            if not isinstance(entry[ALGORITHM], str):
                raise TypeError(name)
            if PurePosixPath(name).is_absolute() or ".." in PurePosixPath(name).parts:
                raise Damaged(digest, f"the tree {digest[:12]}… names `{name}`")
    except (ValueError, KeyError, TypeError, AttributeError):
        raise Damaged(digest, f"{digest[:12]}… is not a tree") from None
    return files
