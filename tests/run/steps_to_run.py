"""Runs steps of the test kind through the real scheduler; prints the outcome as the last line."""

import json
import os
import sys
from pathlib import Path

from lcspec.compile.facts import Facts
from lcspec.compile.planner import plan_steps
from lcspec.ir.plan import Graph, Step
from lcspec.lock import Lock
from lcspec.run.ledger import Ledger
from lcspec.run.lock import StoreLock
from lcspec.run.scheduler import execute
from lcspec.run.store import Store

ACTIONS = {"raise": "fail_by_exception", "quit": "leave"}


def main() -> None:
    folder = Path(sys.argv[1])
    steps = [
        Step(id=name, kind="optimize.test-steps", action=ACTIONS.get(name, name), version=1, params={})
        for name in sys.argv[2:]
    ]
    graph = Graph(tuple(steps), {}, (), (), ("", ""))
    store = Store.open(folder / ".lcspec")
    facts = Facts(records=store.records, heads=store.heads)
    with StoreLock.acquire(folder / ".lcspec") as lock:
        ledger = Ledger.open(folder / ".lcspec")
        made = execute(
            store=store,
            ledger=ledger,
            replan=lambda: plan_steps(graph, Lock(), facts)[0],
            emit=lambda event: None,
            keep_going=bool(os.environ.get("LCSPEC_TEST_KEEP_GOING")),
            root=folder,
            run=ledger.start_run("test", "", []),
            lock=lock,
        )
    failures = [(step, diagnostic.code, diagnostic.message) for step, diagnostic in made.failures]
    told = {"status": made.status, "ran": made.ran, "reused": made.reused, "failures": failures}
    print(json.dumps({**told, "exit_code": made.exit_code}))


if __name__ == "__main__":
    main()
