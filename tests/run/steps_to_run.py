"""Runs steps of the test kind through the real scheduler; prints the outcome as the last line.

    python steps_to_run.py FOLDER write 'sleep+write' …

A name is an action of `lcspec_test_steps`; `b+a` is the action b with the output of the step a as its input.
LCSPEC_TEST_OPTIONS holds JSON: jobs, keep_going, memory (bytes that each step declares), cpus, gpus, secrets, events.
"""

import json
import os
import sys
from pathlib import Path

from lcspec.compile.facts import Facts
from lcspec.compile.planner import plan_steps
from lcspec.diag.model import LcspecError
from lcspec.ir.plan import Graph, Output, Resources, Step
from lcspec.lock import Lock
from lcspec.run.ledger import Ledger
from lcspec.run.lock import StoreLock
from lcspec.run.scheduler import execute
from lcspec.run.settings import read_settings
from lcspec.run.store import Store

ACTIONS = {"raise": "fail_by_exception", "quit": "leave"}
NETWORK = {"flaky", "unreachable"}


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


def main() -> None:
    folder, options = Path(sys.argv[1]), json.loads(os.environ.get("LCSPEC_TEST_OPTIONS", "{}"))
    graph = Graph(tuple(step(name, options) for name in sys.argv[2:]), {}, (), (), ("", ""))
    events = []
    try:
        store = Store.open(folder / ".lcspec")
        facts = Facts(records=store.records, heads=store.heads)
        with StoreLock.acquire(folder / ".lcspec") as lock:
            ledger = Ledger.open(folder / ".lcspec")
            made = execute(
                store=store,
                ledger=ledger,
                replan=lambda: plan_steps(graph, Lock(), facts)[0],
                emit=lambda event: events.append(event.to_json()),
                jobs=options.get("jobs", 1),
                keep_going=options.get("keep_going", False),
                root=folder,
                run=ledger.start_run("test", "", []),
                lock=lock,
                settings=read_settings(folder),
            )
    except LcspecError as error:
        first = error.diagnostics[0]
        print(json.dumps({"status": "refused", "failures": [(None, first.code, first.message, first.help)]}))
        sys.exit(error.exit_code)
    failures = [(name, told.code, told.message, told.help) for name, told in made.failures]
    told = {"status": made.status, "ran": made.ran, "reused": made.reused, "failures": failures}
    told |= {"exit_code": made.exit_code, "skipped": made.skipped, "events": events}
    print(json.dumps(told))


if __name__ == "__main__":
    main()
