"""A store on a file system that machines share is refused; the mount that counts is the innermost, latest one."""

from pathlib import Path

import pytest

from lcspec.diag.model import LcspecError
from lcspec.run.store.filesystem import SHARED, check_file_system, file_system

TABLE = r"""
22 1 254:0 / / rw,relatime - ext4 /dev/vda rw
30 22 0:40 / /home rw shared:1 - nfs4 server:/home rw
31 30 0:41 / /home/me/local\040disk rw - xfs /dev/sdb rw
32 22 0:42 / /mnt rw - ext4 /dev/sdc rw
33 32 0:43 / /mnt rw - fuse.sshfs me@host:/ rw
34 22 0:44 / /merged rw - overlay overlay rw,lowerdir=/a
"""


@pytest.fixture
def mounts(tmp_path: Path) -> Path:
    path = tmp_path / "mountinfo"
    path.write_text(TABLE.lstrip())
    return path


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("/srv/x", "ext4"),
        ("/home/me/p/.lcspec", "nfs4"),
        ("/home/me/local disk/p/.lcspec", "xfs"),
        ("/homes/p", "ext4"),
        ("/mnt/p", "fuse.sshfs"),
        ("/merged/p", "overlay"),
    ],
)
def test_shared_file_systems_are_refused_by_name(mounts: Path, path: str, kind: str) -> None:
    assert file_system(Path(path), mounts) == kind
    if kind not in SHARED:
        check_file_system(Path(path), mounts)
        return
    with pytest.raises(LcspecError, match=kind) as caught:
        check_file_system(Path(path), mounts)
    assert (caught.value.exit_code, caught.value.diagnostics[0].code) == (7, "LC1124")


def test_where_the_kernel_does_not_say_nothing_is_refused(tmp_path: Path) -> None:
    check_file_system(tmp_path, tmp_path / "absent")
