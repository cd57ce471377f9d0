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
_NAME = re.compile(r"""^["']?task["']?:\s*["']?([A-Za-z0-9][^\s"'#]*)""", re.MULTILINE)
_GROUP = re.compile(r"""^["']?group["']?:\s*["']?([A-Za-z0-9][^\s"'#]*)""", re.MULTILINE)


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
    if home is None or file is None or not file.resolve().is_relative_to((home / "tasks").resolve()):
        return File(outside="does not lie among the tasks of lm-eval") if home is not None else File()
    if not file.is_file():
        return File()
    data = file.read_bytes()
    return File(digest_bytes(data), data.decode("utf-8", "replace"))


@cache
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


class Everything(NamedTuple):
    """What the package has: each task with its file, and the names of groups of tasks."""

    tasks: dict[str, str]
    groups: frozenset[str]


@cache
def everything() -> Everything:
    """Reads all of the package's task files."""
    home = folder()
    found: dict[str, str] = {}
    groups: set[str] = set()
    if home is None:
        return Everything(found, frozenset())
    for file in sorted((home / "tasks").rglob("*.yaml")):
        text = file.read_text(encoding="utf-8", errors="replace")
        if group := _GROUP.search(text):
            groups.add(group.group(1))
        elif name := _NAME.search(text):
            found.setdefault(name.group(1), PREFIX + file.relative_to(home).as_posix())
    return Everything(found, frozenset(groups))


def _called(file: Path, name: str) -> bool:
    if not file.is_file():
        return False
    said = _NAME.search(file.read_text(encoding="utf-8", errors="replace"))
    return said is not None and said.group(1) == name
