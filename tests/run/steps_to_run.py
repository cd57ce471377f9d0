"""Runs steps of the test kind through the real scheduler; prints the outcome as the last line.

    python steps_to_run.py FOLDER write 'sleep+write' …

A name is an action of `lcspec_test_steps`; `b+a` is the action b with the output of the step a as its input.
LCSPEC_TEST_OPTIONS holds JSON: jobs, keep_going, memory (bytes that each step declares), cpus, gpus, secrets, events,
remote (the URL of a store behind the local one), wanted (the step whose output must be here at the end).
"""

import json
import os
import sys
from pathlib import Path

from lcspec.compile.facts import Facts
from lcspec.compile.planner import Planning
from lcspec.diag.model import LcspecError
from lcspec.ir.plan import Graph, Output, Resources, Step
from lcspec.lock import Lock
from lcspec.run.behind import NOTHING
from lcspec.run.ledger import Ledger
from lcspec.run.lock import StoreLock
from lcspec.run.scheduler import execute
from lcspec.run.settings import read_settings
from lcspec.run.store import Store

ACTIONS = {"raise": "fail_by_exception", "quit": "leave"}
NETWORK = {"flaky", "unreachable", "linger"}


def step(name: str, options: dict) -> Step:
    action, _, upstream = name.partition("+")
    action = action.rstrip("0123456789")
    resources = Resources(
        cpus=options.get("cpus", 1),
        memory=options.get("memory", 0),
        network=action in NETWORK,
        gpus=options.get("gpus", 0),
    )
    return Step(
        id=name,
        kind="optimize.test-steps",
        action=ACTIONS.get(action, action),
        version=1,
        params={"name": name},
        inputs={"in": Output(upstream, "out")} if upstream else {},
        resources=resources,
        secrets=options.get("secrets", {}),
    )


def trees(planning: Planning, wanted: str | None) -> list[str]:
    found = [planning.facts.records.get(one.key) for one in planning.steps() if one.step.id == wanted]
    return [tree for record in found if record for tree in record.outputs.values()]


def apply(folder: Path, names: list[str], options: dict) -> dict:
    """What the apply of these steps came to, and the exit code that it asks for."""
    graph = Graph(tuple(step(name, options) for name in names), {}, (), (), ("", ""))
    events = []
    try:
        store = Store.open(folder / ".lcspec")
        behind = NOTHING
        if "remote" in options:
            from lcspec.run.remote.chosen import behind_of

            behind = behind_of(folder, folder / ".lcspec", options["remote"])
        facts = Facts(records=behind.over(store.records), heads=store.heads)
        with StoreLock.acquire(folder / ".lcspec") as lock:
            behind.attach(store)
            ledger = Ledger.open(folder / ".lcspec")
            made = execute(
                store=store,
                ledger=ledger,
                planning=Planning(graph, Lock(), facts),
                emit=lambda event: events.append(event.to_json()),
                jobs=options.get("jobs", 1),
                keep_going=options.get("keep_going", False),
                root=folder,
                run=ledger.start_run("test", "", []),
                lock=lock,
                settings=read_settings(folder),
                behind=behind,
                wanted=lambda planning: trees(planning, options.get("wanted")),
            )
    except LcspecError as error:
        first = error.diagnostics[0]
        failures = [(None, first.code, first.message, first.help)]
        return {"status": "refused", "failures": failures, "exit_code": error.exit_code}
    failures = [(name, told.code, told.message, told.help) for name, told in made.failures]
    told = {"status": made.status, "ran": made.ran, "reused": made.reused, "failures": failures}
    told |= {"warnings": [one.code for one in made.warnings], "unpushed": made.unpushed and made.unpushed.message}
    return told | {"exit_code": made.exit_code, "skipped": made.skipped, "events": events}


def main() -> None:
    options = json.loads(os.environ.get("LCSPEC_TEST_OPTIONS", "{}"))
    told = apply(Path(sys.argv[1]), sys.argv[2:], options)
    print(json.dumps(told))
    if told["status"] == "refused":
        sys.exit(told["exit_code"])


if __name__ == "__main__":
    main()
