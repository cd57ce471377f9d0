"""Finds the files that come with lcspec: in `lcspec/_assets/` of an installed wheel, else in the checkout.

`runtime` names the package's own runtime, which generated services carry verbatim.
"""

import hashlib
import shutil
from collections.abc import Iterator
from pathlib import Path

_PACKAGE = Path(__file__).resolve().parent
_LEFT_OUT = frozenset({"__pycache__", ".mypy_cache", ".ruff_cache", ".pytest_cache"})


def path(rel: str) -> Path:
    """The file or folder `rel`, such as `templates/report/report.html.jinja`.

    Raises:
        FileNotFoundError: neither the wheel nor the checkout has it: a broken installation, or our bug.
    """
    if rel == "runtime" or rel.startswith("runtime/"):
        places = [_PACKAGE / rel]
    else:
        places = [_PACKAGE / "_assets" / rel, _PACKAGE.parent / rel]
    for place in places:
        if place.exists():
            return place
    raise FileNotFoundError(f"{rel} is not part of this installation of lcspec")


def text(rel: str) -> str:
    """The text of the file `rel`."""
    return path(rel).read_text(encoding="utf-8")


def files(rel: str) -> Iterator[tuple[str, Path]]:
    """(path below `rel` with slashes, path) of each file under the folder `rel`, sorted; no caches."""
    root = path(rel)
    found = [(place.relative_to(root), place) for place in root.rglob("*") if place.is_file()]
    for below, place in sorted(found, key=lambda item: item[0].as_posix()):
        if not _LEFT_OUT.intersection(below.parts) and place.suffix != ".pyc":
            yield below.as_posix(), place


def tree_digest(*rels: str) -> str:
    """SHA-256 over names and contents of all files under the folders `rels`, the same in wheel and checkout."""
    total = hashlib.sha256()
    for rel in rels:
        for below, place in files(rel):
            content = hashlib.sha256(place.read_bytes()).hexdigest()
            total.update(f"{rel}/{below}\0{content}\n".encode())
    return total.hexdigest()


def copy_tree(rel: str, target: Path) -> None:
    """Copies all files under the folder `rel` below `target`; the copies are writable whatever the originals are."""
    for below, place in files(rel):
        copy = target / below
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(place, copy)
