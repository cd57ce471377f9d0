"""The tasks that come with lm-eval: found by name and read as data, without importing it.

Their files are called `lm_eval:tasks/arc/arc_easy.yaml`. A name is looked for where such files mostly lie; reading all
14,000 of them takes a second, and is done only to tell where a task is that was not found.
"""

import os
import re
from functools import cache
from importlib.machinery import PathFinder
from pathlib import Path
from typing import NamedTuple

from lcspec.canon import digest_bytes

PREFIX = "lm_eval:"
TASKS = f"{PREFIX}tasks/"
_NAME = re.compile(r"""^["']?task["']?:\s*["']?([^\s"'#]+)""", re.MULTILINE)


class File(NamedTuple):
    """A file as it was read; `outside` says how its name leads out of where it may lie."""

    sha256: str | None = None
    text: str | None = None
    outside: str = ""


@cache
def folder() -> Path | None:
    """Where the package lies; None when it is not installed."""
    found = PathFinder.find_spec("lm_eval")
    return Path(found.origin).parent if found is not None and found.origin else None


def read(path: str) -> File:
    """A file of the package by its name, `lm_eval:tasks/…`."""
    home = folder()
    file = home / path.removeprefix(PREFIX) if home is not None else None
    if file is None or not file.is_file():
        return File()
    data = file.read_bytes()
    return File(digest_bytes(data), data.decode("utf-8", "replace"))


def find(name: str) -> str | None:
    """The file of the task `name`; None when it is not where its name says."""
    home = folder()
    if home is None or not re.fullmatch(r"[A-Za-z0-9][\w.+-]*", name):
        return None
    words = name.split("_")
    folders = ["_".join(words[:size]) for size in range(len(words), 0, -1)]
    for guess in [f"{one}/{name}.yaml" for one in folders] + [f"{name}/default.yaml", f"{folders[-1]}/default.yaml"]:
        if _called(home / "tasks" / guess, name):
            return TASKS + guess
    for place, inner, files in os.walk(home / "tasks"):
        inner.sort()
        if f"{name}.yaml" in files and _called(Path(place, f"{name}.yaml"), name):
            return TASKS + Path(place, f"{name}.yaml").relative_to(home / "tasks").as_posix()
    return None


@cache
def everywhere() -> dict[str, str]:
    """Every task of the package to its file; reads all of them."""
    home = folder()
    if home is None:
        return {}
    tasks = home / "tasks"
    found: dict[str, str] = {}
    for file in sorted(tasks.rglob("*.yaml")):
        name = _NAME.search(file.read_text(encoding="utf-8", errors="replace"))
        if name:
            found.setdefault(name.group(1), TASKS + file.relative_to(tasks).as_posix())
    return found


def _called(file: Path, name: str) -> bool:
    if not file.is_file():
        return False
    said = _NAME.search(file.read_text(encoding="utf-8", errors="replace"))
    return said is not None and said.group(1) == name
