"""Is the store where locks and SQLite hold what they promise: not on a file system that several machines share."""

import re
from pathlib import Path

from lcspec.diag.model import Diagnostic, LcspecError

MOUNTS = Path("/proc/self/mountinfo")
SHARED = {
    "9p", "afs", "beegfs", "ceph", "cifs", "fuse.ceph", "fuse.glusterfs", "fuse.rclone", "fuse.s3fs", "fuse.sshfs",
    "gpfs", "lustre", "ncpfs", "nfs", "nfs4", "smb3", "smbfs", "vboxsf",
}  # fmt: skip


def file_system(path: Path, mounts: Path = MOUNTS) -> str | None:
    """The type of the file system that `path` lies on or would lie on; None where the kernel does not say."""
    try:
        lines = mounts.read_text(encoding="utf-8", errors="surrogateescape").splitlines()
    except OSError:
        return None
    real, best, found = path.resolve(), -1, None
    for line in lines:
        left, _, right = line.partition(" - ")
        fields, kind = left.split(" "), right.split(" ")[0]
        if len(fields) < 5:
            continue
        point = Path(re.sub(r"\\([0-7]{3})", lambda match: chr(int(match[1], 8)), fields[4]))
        if (real == point or point in real.parents) and len(point.parts) >= best:
            best, found = len(point.parts), kind  # of two mounts on one folder the later one is seen
    return found


def check_file_system(root: Path, mounts: Path = MOUNTS) -> None:
    """Refuses a store that several machines could share.

    Raises:
        LcspecError: LC1124 (exit 7), naming the file system.
    """
    kind = file_system(root, mounts)
    if kind in SHARED:
        message = f"the store `{root}` lies on {kind}, where a lock may not be seen by other machines"
        help = "work in a folder on a local disk; `.lcspec` may be a symbolic link to one"
        raise LcspecError([Diagnostic("LC1124", message, help=help)], 7)
