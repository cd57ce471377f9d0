"""The digest by which a generated service and lcspec show that they carry the same runtime."""

from __future__ import annotations

import hashlib
from pathlib import Path

CHUNK_BYTES = 1 << 20


def source_digest() -> str:
    """Return the SHA-256 (hex) over the names and contents of this package's own `.py` files, sorted by name."""
    total = hashlib.sha256()
    for path in sorted(Path(__file__).parent.glob("*.py"), key=lambda item: item.name):
        total.update(f"{path.name}\0{file_digest(path)}\n".encode())
    return total.hexdigest()


def file_digest(path: Path) -> str:
    """Return the SHA-256 (hex) of a file's bytes, read in chunks of 1 MiB."""
    digest = hashlib.sha256()
    with path.open("rb") as stream:
        while chunk := stream.read(CHUNK_BYTES):
            digest.update(chunk)
    return digest.hexdigest()
