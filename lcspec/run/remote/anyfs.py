"""Any place that fsspec knows: creation is conditional as far as its client is, which `Remote.prepare` tries out."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any


class AnyFs:
    """The dialect of a place that nothing more is known of."""

    def __init__(self, fs: Any) -> None:
        self._fs = fs

    def info(self, path: str) -> Mapping[str, Any]:
        """What the client says of one object."""
        found: Mapping[str, Any] = self._fs.info(path)
        return found

    def create(self, path: str, data: bytes) -> None:
        """Writes an object that is not there."""
        self._parent(path)
        self._fs.pipe_file(path, data, mode="create")

    def replace(self, path: str, data: bytes) -> None:
        """Writes an object, whatever is there."""
        self._parent(path)
        self._fs.pipe_file(path, data)

    def upload(self, path: str, file: Path, digest: str) -> None:
        """Writes an object from a file."""
        self._parent(path)
        self._fs.put_file(str(file), path)

    def unfinished(self, root: str, before: float, *, remove: bool) -> list[str]:
        """None are known of."""
        return []

    def _parent(self, path: str) -> None:
        self._fs.makedirs(path.rpartition("/")[0], exist_ok=True)
