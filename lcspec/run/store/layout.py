"""Laying trees out: for steps and services as links to verified blobs, for users as copies that they may edit."""

import os
import shutil
from collections.abc import Mapping
from pathlib import Path

from lcspec.content import hash_file
from lcspec.run.store.blobs import LARGE, Blobs
from lcspec.run.store.files import reflink

Snapshot = Mapping[str, tuple[int, ...]]


def materialize(blobs: Blobs, digest: str, target: Path) -> None:
    """Lays a tree out for steps and services, never for users; every file is read-only and verified.

    Large files are links to blobs. Small files are copies: a program that looks for its neighbours through its own
    path must find them.

    Raises:
        Damaged: a file is missing or altered.
    """
    target.mkdir(parents=True, exist_ok=True)
    for name, entry in blobs.tree(digest).items():
        path, blob = target / name, blobs.need(entry["blake3"], name)
        path.parent.mkdir(parents=True, exist_ok=True)
        if entry["size"] > LARGE:
            path.symlink_to(blob.resolve())
        else:
            shutil.copyfile(blob, path)
            path.chmod(0o444)


def export(blobs: Blobs, digest: str, target: Path) -> None:
    """Copies a tree for users, verifies the copies, and replaces `target` as a whole at the end.

    Where the file system can, a copy shares its extents with the blob until one is written; it is never a hard link.
    """
    staging = target.with_name(f".{target.name}.{os.getpid()}.tmp")
    shutil.rmtree(staging, ignore_errors=True)
    try:
        for name, entry in blobs.tree(digest).items():
            path = staging / name
            path.parent.mkdir(parents=True, exist_ok=True)
            _copy(blobs, entry["blake3"], path, name)
            path.chmod(0o755 if entry["executable"] else 0o644)
        staging.mkdir(parents=True, exist_ok=True)
        if target.exists():
            shutil.rmtree(target)
        staging.replace(target)
    finally:
        shutil.rmtree(staging, ignore_errors=True)


def _copy(blobs: Blobs, digest: str, path: Path, name: str) -> None:
    blob = blobs.path(digest)
    if blob.exists() and blobs.memo.holds(digest, blob) and reflink(blob, path):
        return
    try:
        shutil.copyfile(blob, path)
        found = hash_file(path)
    except FileNotFoundError:
        found = ""
    if found != digest:
        if not blobs.fetch(digest):
            raise blobs.lost(digest, name)
        shutil.copyfile(blob, path)


def snapshot(folder: Path) -> Snapshot:
    """What lies in a step's input folder: name to what moves when somebody writes to it."""
    found: dict[str, tuple[int, ...]] = {}
    for path in sorted(folder.rglob("*")):
        if not path.is_dir():
            stat = path.stat()
            links = path.lstat().st_ino
            name = path.relative_to(folder).as_posix()
            found[name] = (stat.st_size, stat.st_mtime_ns, stat.st_ino, stat.st_ctime_ns, links)
    return found


def touched(before: Snapshot, folder: Path) -> list[str]:
    """Names of the input files that were written, removed or added since `before`, sorted."""
    after = snapshot(folder)
    return sorted(name for name in before.keys() | after.keys() if before.get(name) != after.get(name))


def written(blobs: Blobs, before: Snapshot, folder: Path, inputs: Mapping[str, str]) -> list[str]:
    """Input files whose content is no longer what was laid out, `input/file`, sorted; `inputs` are name to tree.

    A file that merely moved (another step published the same blob again) is not among them.
    """
    wrong = []
    for name in touched(before, folder):
        given, _, file = name.partition("/")
        entry = blobs.tree(inputs[given]).get(file) if given in inputs else None
        try:
            if entry is None or hash_file(folder / name) != entry["blake3"]:
                wrong.append(name)
        except OSError:
            wrong.append(name)
    return wrong
