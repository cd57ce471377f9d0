"""`file://`: a folder that several machines mount. Objects appear by rename, and are created by a link."""

import os
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from lcspec.run.remote.objects import Altered
from lcspec.run.store.files import hash_and_sync, write_synced
from lcspec.run.store.points import point


class Folder:
    """The dialect of a folder. A rename and a link are atomic on local disks and on NFS."""

    def info(self, path: str) -> Mapping[str, Any]:
        """Size and time of a file."""
        state = Path(path).stat()
        return {"size": state.st_size, "mtime": state.st_mtime}

    def create(self, path: str, data: bytes) -> None:
        """Writes a file that is not there."""
        staging = self._staging(path)
        write_synced(staging, data)
        point()
        try:
            os.link(staging, path)
            point()
        finally:
            staging.unlink()

    def replace(self, path: str, data: bytes) -> None:
        """Writes a file, whatever is there."""
        staging = self._staging(path)
        write_synced(staging, data)
        staging.replace(path)

    def upload(self, path: str, file: Path, digest: str) -> None:
        """Writes a file from a file, and hashes what was written."""
        staging = self._staging(path)
        try:
            shutil.copyfile(file, staging)
            point()
            if hash_and_sync(staging) != digest:
                raise Altered(file.name)
            point()
            staging.replace(path)
        finally:
            staging.unlink(missing_ok=True)

    def unfinished(self, root: str, before: float, *, remove: bool) -> list[str]:
        """Files beside others that a killed writer left."""
        left = [path for path in Path(root).rglob(".*.part") if path.stat().st_mtime < before]
        for path in left if remove else ():
            path.unlink(missing_ok=True)
        return sorted(map(str, left))

    def _staging(self, path: str) -> Path:
        target = Path(path)
        target.parent.mkdir(parents=True, exist_ok=True)
        return target.with_name(f".{target.name[:40]}-{os.urandom(8).hex()}.part")
