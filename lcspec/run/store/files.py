"""Durable files: a kill or a loss of power at any moment leaves the old file or the new one, never a part of one."""

import errno
import fcntl
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from lcspec.content import hash_descriptor
from lcspec.run.store.points import point

LARGE = 8 << 20  # bytes from which hashing and syncing overlap
_FICLONE = 0x40049409  # ioctl of btrfs, XFS and others: share extents, copy on write


def hash_and_sync(path: Path) -> str:
    """The digest of a file that is on the disk when this returns; a large one is synced while it is hashed.

    So a copy costs about what copying and syncing cost, and its digest is that of what was written: a source that
    changes while it is copied (`shutil.copyfile` does that within the kernel) gives no blob with a wrong name.
    """
    with path.open("rb", buffering=0) as file:
        if os.fstat(file.fileno()).st_size < LARGE:
            digest = hash_descriptor(file.fileno())
            point()
            os.fsync(file.fileno())
            return digest
        faults: list[OSError] = []
        syncing = threading.Thread(target=_sync, args=(file.fileno(), faults))
        syncing.start()
        try:
            digest = hash_descriptor(file.fileno())
        finally:
            syncing.join()
        if faults:
            raise faults[0]
        return digest


def _sync(descriptor: int, faults: list[OSError]) -> None:
    try:
        os.fsync(descriptor)
    except OSError as error:
        faults.append(error)


def _write_all(descriptor: int, data: memoryview) -> None:
    while data:
        data = data[os.write(descriptor, data) :]


def reflink(source: Path, target: Path) -> bool:
    """Whether `target` now is a copy that shares its extents with `source`; False where the file system cannot."""
    with source.open("rb") as file, target.open("wb") as out:
        try:
            fcntl.ioctl(out.fileno(), _FICLONE, file.fileno())
        except OSError:
            return False
        return True


def write_synced(path: Path, data: bytes) -> None:
    """Writes a new file and syncs it; a file that could not be written whole is removed."""
    try:
        with path.open("xb", buffering=0) as file:
            _write_all(file.fileno(), memoryview(data))
            point()
            os.fsync(file.fileno())
    except OSError:
        path.unlink(missing_ok=True)
        raise


def replace_file(path: Path, data: bytes, staging: Path) -> None:
    """Writes `path` through `staging`: a reader sees the old or the new text."""
    write_synced(staging, data)
    point()
    staging.replace(path)
    point()
    sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """Makes the names in a folder durable."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    except OSError as error:  # some file systems sync files only
        if error.errno not in (errno.EINVAL, errno.ENOTSUP):
            raise
    finally:
        os.close(handle)


def make_folder(folder: Path) -> None:
    """Makes a folder whose name is durable; its parent exists."""
    with suppress(FileExistsError):
        folder.mkdir()
        sync_folder(folder.parent)


@contextmanager
def flocked(path: Path, *, shared: bool = False) -> Iterator[None]:
    """Holds an flock on `path`, waiting for it; the kernel drops it with the process."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH if shared else fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)
