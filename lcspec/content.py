"""Digests of what lies in the store: BLAKE3 of its bytes, which costs less than writing them (SHA-256 costs more).

Keys, seals, pins and what a user compares with `sha256sum` are SHA-256. The library is imported when it is first
needed: a plan reads records alone. Interpreters of environments do not have it; steps never name blobs.
"""

import os
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from blake3 import blake3

ALGORITHM = "blake3"
CHUNK = 1 << 20


def new_hasher() -> "blake3":
    """A hasher with `update` and `hexdigest` (64 hex digits)."""
    from blake3 import blake3

    return blake3()


def content_digest(data: bytes) -> str:
    """The digest (64 hex digits) of `data`."""
    hasher = new_hasher()
    hasher.update(data)
    return hasher.hexdigest()


def hash_file(path: Path) -> str:
    """The digest of a file, read in pieces.

    Raises:
        OSError: it is missing or cannot be read.
    """
    with path.open("rb", buffering=0) as file:
        return hash_descriptor(file.fileno())


def hash_descriptor(descriptor: int) -> str:
    """The digest of what an open file holds from its position on.

    Read, not mapped: a file that somebody cuts meanwhile has another digest, where a map would end the process by
    SIGBUS. On one thread: it is faster than disks, and the other cores are the steps'.
    """
    size = os.fstat(descriptor).st_size
    hasher, buffer = new_hasher(), bytearray(max(1, min(size, CHUNK)))
    view = memoryview(buffer)
    while size := os.readv(descriptor, [buffer]):
        hasher.update(view[:size])
    return hasher.hexdigest()
