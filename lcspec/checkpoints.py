"""Checkpoints that are whole or not there: written aside, synced, listed with digests, then renamed.

`newest` reads every byte again, so that a checkpoint that was torn, cut short or damaged is passed over for the one
before it.
"""

import hashlib
import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path

MANIFEST = "checkpoint.json"
FORMAT = 1
_STEM = "step-"


def publish(made: Path, folder: Path, step: int, keep: int) -> Path:
    """Moves the folder `made` (on the same file system) to its place in `folder`, and drops all but the last `keep`.

    The manifest is the last file that is written; the rename comes when everything is on disk.
    """
    files = sorted(path for path in made.rglob("*") if path.is_file())
    listed = {str(path.relative_to(made)): _digest(path, sync=True) for path in files}
    with (made / MANIFEST).open("w", encoding="utf-8") as out:
        json.dump({"format_version": FORMAT, "step": step, "files": listed}, out, indent=1, sort_keys=True)
        out.flush()
        os.fsync(out.fileno())
    for inner in [made, *(path for path in made.rglob("*") if path.is_dir())]:
        _sync_folder(inner)
    target = folder / f"{_STEM}{step:08d}"
    shutil.rmtree(target, ignore_errors=True)  # what stands there was passed over as damaged
    made.rename(target)
    _sync_folder(folder)
    for old in _all(folder)[:-keep]:
        shutil.rmtree(old, ignore_errors=True)
    return target


def newest(folder: Path, warn: Callable[[str], None]) -> Path | None:
    """The newest checkpoint whose files are all as they were written; `warn` hears of those that are not."""
    for path in reversed(_all(folder)):
        fault = _fault(path)
        if fault is None:
            return path
        warn(f"the checkpoint {path.name} is damaged ({fault}) and was passed over")
    return None


def step_of(path: Path) -> int:
    """The training step of a checkpoint."""
    return int(path.name.removeprefix(_STEM))


def _all(folder: Path) -> list[Path]:
    return sorted(path for path in folder.glob(f"{_STEM}*") if path.name.removeprefix(_STEM).isdigit())


def _fault(path: Path) -> str | None:
    """What is wrong with a checkpoint, or None."""
    try:
        manifest = json.loads((path / MANIFEST).read_text(encoding="utf-8"))
        if manifest["format_version"] != FORMAT or manifest["step"] != step_of(path):
            return "its manifest is of another format"
        for name, digest in manifest["files"].items():
            if _digest(path / name) != digest:
                return f"{name} has changed"
    except FileNotFoundError as error:
        return f"{Path(str(error.filename)).name} is missing"
    except (ValueError, KeyError, TypeError, OSError):
        return "its manifest cannot be read"
    return None


def _digest(path: Path, *, sync: bool = False) -> str:
    with path.open("rb") as file:
        made = hashlib.file_digest(file, "sha256").hexdigest()
        if sync:
            os.fsync(file.fileno())
    return made


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
