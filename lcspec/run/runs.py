"""What each run came to, one file a run: `runs/000012.json`, and its steps with their keys under their digest.

Runs that change nothing share the file of steps, so that an apply with nothing to do writes little.
"""

import json
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from lcspec.canon import canonical, digest_bytes
from lcspec.diag.model import Diagnostic, LcspecError
from lcspec.ir.verdict import Verdict
from lcspec.project import write_atomic

RUNS_FORMAT = 1


def folder(store: Path) -> Path:
    """Where the summaries of runs lie."""
    return store / "runs"


def write(store: Path, summary: Mapping[str, Any], steps: Mapping[str, str]) -> None:
    """Writes the summary of a finished run; `steps` are the ids of steps that have a record, to their keys."""
    data = canonical(dict(steps))
    name = digest_bytes(data)
    shared = folder(store) / "steps" / f"{name}.json"
    if not shared.exists():
        write_atomic(shared, data.decode())
    told = {"format_version": RUNS_FORMAT, **summary, "steps": name}
    write_atomic(folder(store) / f"{summary['run']:06d}.json", json.dumps(told, sort_keys=True, indent=1) + "\n")


def every(store: Path) -> list[dict[str, Any]]:
    """All summaries that can be read, oldest first."""
    found = []
    for path in sorted(folder(store).glob("[0-9]*.json")):
        try:
            told = json.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            continue
        if told.get("format_version") == RUNS_FORMAT:
            found.append(told)
    return found


def one(store: Path, number: int) -> dict[str, Any]:
    """The summary of a run, with `steps` as ids to keys.

    Raises:
        LcspecError: LC1302 (exit 2), there is no such run, or it never ended.
    """
    known = {told["run"]: told for told in every(store)}
    if number not in known:
        listed = ", ".join(map(str, list(known)[-8:])) or "none yet"
        help = f"runs that ended: {listed}; `lcspec runs` shows them"
        raise LcspecError([Diagnostic("LC1302", f"there is no summary of run {number}", help=help)], 2)
    told = known[number]
    try:
        steps = json.loads((folder(store) / "steps" / f"{told['steps']}.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        help = "compare runs whose files are whole"
        raise LcspecError([Diagnostic("LC1302", f"the steps of run {number} cannot be read", help=help)], 2) from None
    return {**told, "steps": steps}


def plain_verdicts(verdicts: tuple[Verdict, ...]) -> list[dict[str, Any]]:
    """Verdicts as they are kept; a number that is none is null."""
    return [{name: None if value != value else value for name, value in asdict(v).items()} for v in verdicts]
