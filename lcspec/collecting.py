"""Garbage collection as a function: what a project's specs and saved plans need, then what may go."""

import json
import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from lcspec import api
from lcspec.diag.model import LcspecError
from lcspec.project import Project
from lcspec.run.garbage import Collected, Keep
from lcspec.run.gc import collect
from lcspec.run.release import Releases, contents
from lcspec.run.release import names as released_names
from lcspec.run.remote.behind import RemoteBehind
from lcspec.run.remote.collect import collect as collect_remote
from lcspec.run.remote.objects import Unanswered
from lcspec.run.remote.remote import unanswered
from lcspec.run.store import Store

_PASSED_OVER = {"build", "node_modules", "__pycache__"}
_PLAN_BYTES = 64 << 20


def collect_project(project: Project, *, runs: int, age: float, remove: bool) -> Collected:
    """What can be removed from the store of a project, or was.

    Raises:
        LcspecError: the store is damaged or cannot be written.
    """
    keep, notes = _keep(project, runs, age, None)
    return replace(collect(project.store, keep, remove=remove), notes=tuple(notes))


def collect_behind(project: Project, behind: RemoteBehind, *, age: float, remove: bool) -> Collected:
    """What can be removed from the remote store, or was; what other projects need is known by its age alone.

    Raises:
        LcspecError: it is damaged (LC1127) or does not answer (LC1126).
    """
    keep, notes = _keep(project, 0, age, behind)
    released = {
        tree
        for name in released_names(project.store)
        for manifest in Releases.local(project.store, name).all()
        for tree in contents(manifest)
    }
    notes.append("what other projects and machines need is known by its age alone")
    try:
        done = collect_remote(behind.remote, keep, frozenset(released), remove=remove)
    except Unanswered as error:
        raise unanswered(behind.remote.url, error) from None
    return replace(done, notes=tuple(notes))


def _keep(project: Project, runs: int, age: float, behind: RemoteBehind | None) -> tuple[Keep, list[str]]:
    """What the specs and saved plans of a project need, and what is to be said of them."""
    keys: set[str] = set()
    heads: set[str] | None = set()
    last = Store.peek(project.store).heads.keys_by_step()
    notes: list[str] = []
    for path in sorted(_files(project.root, (".yaml", ".yml"))):
        if not _is_spec(path):
            continue
        try:
            loaded = api.load(path)
            plan, _ = api.make_plan(loaded, api.gather_facts(loaded, behind))
        except LcspecError as error:
            notes.append(
                f"`{_shown(path, project)}` cannot be planned ({error.diagnostics[0].message}): no record goes"
            )
            heads = None
            continue
        keys.update(step.key for step in plan.steps if step.key)
        if heads is not None:
            heads.update(last[step.step.id] for step in plan.steps if step.step.id in last)
    for path in sorted(_files(project.root, (".json",))):
        keys.update(_saved_keys(path))
    return Keep(frozenset(keys), None if heads is None else frozenset(heads), runs, age), notes


def _files(root: Path, endings: tuple[str, ...]) -> Iterator[Path]:
    """Files of the project, without hidden and generated folders."""
    for folder, names, files in os.walk(root):
        names[:] = [name for name in names if not name.startswith(".") and name not in _PASSED_OVER]
        yield from (Path(folder) / name for name in files if name.endswith(endings))


def _is_spec(path: Path) -> bool:
    try:
        with path.open(encoding="utf-8") as file:
            return any(line.startswith(("lcspec:", "extends:")) for line in file)
    except (OSError, UnicodeDecodeError):
        return False


def _saved_keys(path: Path) -> set[str]:
    """The keys that a saved plan names; none for another file."""
    try:
        if path.stat().st_size > _PLAN_BYTES:
            return set()
        text = path.read_text(encoding="utf-8")
        if '"choices"' not in text or '"steps"' not in text:
            return set()
        return {step["key"] for step in json.loads(text)["steps"] if step.get("key")}
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return set()


def _shown(path: Path, project: Project) -> str:
    return path.relative_to(project.root).as_posix()
