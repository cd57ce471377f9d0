"""The folder that a step works in: inputs laid out as links, an empty place for outputs, the job that it is told."""

import shutil
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from lcspec.confine.settings import CodeSettings
from lcspec.ir.plan import PlannedStep
from lcspec.kinds import registry
from lcspec.run.io import Job
from lcspec.run.store import Store


def prepare(
    store: Store,
    planned: PlannedStep,
    *,
    root: Path,
    threads: int,
    log: Path,
    gpus: tuple[str, ...] = (),
    secrets: Mapping[str, str] | None = None,
    code: CodeSettings | None = None,
) -> Job:
    """Lays the step's folder out; what an earlier attempt left there goes, but its checkpoint stays.

    Raises:
        LcspecError: the store is damaged.
        OSError: the disk is full.
    """
    step, folder = planned.step, store.work(planned.key or "")
    clear(store, planned.key or "")
    inputs = {}
    for name, digest in (planned.inputs or {}).items():
        inputs[name] = str(folder / "in" / name)
        store.materialize(digest, Path(inputs[name]))
    (folder / "out").mkdir(parents=True)
    wheels = {}
    if step.environment:
        tree = store.tree((planned.inputs or {})["environment"])
        wheels = {name: str(entry["blake3"]) for name, entry in tree.items()}
        _link_modules(folder / "modules", *step.kind.split(".", 1))
    return Job(
        step=step.id,
        kind=step.kind,
        action=step.action,
        params=dict(step.params),
        inputs=inputs,
        libraries=list(step.libraries),
        outputs=str(folder / "out"),
        seed=step.seed or 0,
        threads=threads,
        root=str(root),
        cache=str(store.root / "cache" / "downloads"),
        checkpoint=str(folder / "checkpoint"),
        log=str(log),
        settings=dict(step.settings),
        gpus=list(gpus),
        secrets=dict(secrets or {}),
        environment=wheels,
        code=(code or CodeSettings())._asdict(),
        modules=str(folder / "modules"),
    )


def _link_modules(folder: Path, family: str, name: str) -> None:
    """What an environment lacks and a step needs: lcspec and the kind's own package, nothing beside them."""
    folder.mkdir()
    for path in registry.home(family, name):
        (folder / path.name).symlink_to(path.resolve())


def clear(store: Store, key: str) -> None:
    """Removes what a step was given and what it wrote; its checkpoint stays."""
    folder = store.work(key)
    for name in ("in", "out", "modules", "scratch"):
        shutil.rmtree(folder / name, ignore_errors=True)
    with suppress(OSError):
        folder.rmdir()  # only when there is no checkpoint


def outputs(store: Store, key: str) -> dict[str, Path]:
    """What a finished step has written: output name to folder."""
    return {path.name: path for path in sorted((store.work(key) / "out").iterdir()) if path.is_dir()}
