"""A whole apply of two steps that come to a release, for faults of what a release is made of; prints what it came to.

python release_to_run.py FOLDER [URL]       with a remote store behind the local one
"""

import json
import sys
from pathlib import Path

from lcspec.compile.facts import Facts
from lcspec.diag.model import LcspecError
from lcspec.ir.plan import Candidate, Choice, Chosen, Graph, Output, Step
from lcspec.lock import Lock
from lcspec.run.applied import Job, exit_code
from lcspec.run.apply import apply_graph
from lcspec.run.remote.chosen import behind_of
from lcspec.run.store import Heads, Store

KIND = "optimize.test-steps"


def graph() -> Graph:
    steps = (
        Step("write", KIND, "write", 1, {}),
        Step("large", KIND, "large", 1, {}, {"in": Output("write", "out")}),
    )
    model = {"model": Output("large", "out")}
    inherited = {"model": Chosen("finalist", "model")}
    candidates = {
        "c": Candidate("c", {}, model, scores={"s": {"validation": "write"}}),
        "finalist": Candidate("finalist", {}, inherited, "finalist"),
        "release": Candidate("release", {}, inherited, "finalist"),
    }
    choices = (
        Choice("rung-1", "rung", ("c",)),
        Choice("finalist", "finalist", ("rung-1",)),
        Choice("release", "variant", ("finalist",)),
    )
    return Graph(steps, candidates, choices, (), ("s", "none"), release={"model": Chosen("release", "model")})


def apply(folder: Path, url: str) -> dict:
    """What the apply came to."""
    store = Store.peek(folder / ".lcspec")
    behind = behind_of(folder, folder / ".lcspec", url)
    records = behind.over(store.records)
    facts = Facts(records=records, heads=Heads(folder / ".lcspec", records))
    job = Job("test", graph(), Lock(), facts, folder / ".lcspec", folder, "0" * 64)
    events: list[dict] = []
    try:
        applied = apply_graph(job, lambda event: events.append(event.to_json()), behind=behind)
    except LcspecError as error:
        return {"exit_code": error.exit_code, "failures": [(None, one.code, one.message) for one in error.diagnostics]}
    return {
        "exit_code": exit_code(applied),
        "ran": [event["step"] for event in events if event["event"] == "step-finished"],
        "release": applied.release["number"] if applied.release else None,
        "new": applied.new_release,
        "why_not": applied.why_not,
        "warnings": [(one.code, one.message, one.help) for one in applied.outcome.warnings],
        "failures": [(step, one.code, one.message) for step, one in applied.outcome.failures],
        "read": len(applied.read),
    }


if __name__ == "__main__":
    print(json.dumps(apply(Path(sys.argv[1]), sys.argv[2] if len(sys.argv) > 2 else "none")))
