"""The runner's own cost: a second apply of the quickstart, and seconds per step beyond the step's work. Prints only.

    python benchmarks/runner.py [--steps 40]

The second apply needs a finished `lcspec apply specs/quickstart.yaml` in this checkout and is skipped without one.
Steps are real ones (they write a small JSON file) run through the fork server with the ML stack loaded, as in an apply.
"""

import argparse
import statistics
import subprocess
import sys
import tempfile
import time
from itertools import pairwise
from pathlib import Path

from lcspec.compile.facts import Facts
from lcspec.compile.planner import plan_steps
from lcspec.ir.plan import Graph, Step
from lcspec.lock import Lock
from lcspec.run.ledger import Ledger
from lcspec.run.lock import StoreLock
from lcspec.run.scheduler import execute
from lcspec.run.store import Store

ROOT = Path(__file__).parents[1]


def second_apply() -> None:
    """Wall seconds of an apply that has nothing to do, and of an interpreter that does nothing."""
    command = [sys.executable, "-m", "lcspec", "apply", "specs/quickstart.yaml"]
    plan = [sys.executable, "-m", "lcspec", "plan", "specs/quickstart.yaml", "--exit-code"]
    if subprocess.run(plan, cwd=ROOT, capture_output=True, check=False).returncode != 0:
        print("second apply: skipped, the quickstart is not applied here")
        return
    for name, one in (("second apply", command), ("python -c pass", [sys.executable, "-c", "pass"])):
        seconds = []
        for _ in range(7):
            started = time.perf_counter()
            subprocess.run(one, cwd=ROOT, capture_output=True, check=True)
            seconds.append(time.perf_counter() - started)
        print(f"{name:34} median {statistics.median(seconds):.3f} s, worst {max(seconds):.3f} s of 7")


def per_step(count: int, *, ml: bool) -> None:
    """Seconds per trivial step beyond its own work, after the first one has waited for the server's imports."""
    steps = tuple(
        Step(
            id=f"guard:augmentation.n{number}",
            kind="augment.guardrails",
            action="write",
            version=1,
            params={"guards": {"input": [], "output": []}, "labels": [], "number": number},
            libraries=("torch",) if ml else (),
        )
        for number in range(count)
    )
    graph = Graph(steps, {}, (), (), ("", ""))
    with tempfile.TemporaryDirectory() as name:
        root = Path(name) / ".lcspec"
        store = Store.open(root)
        facts = Facts(records=store.records, heads=store.heads)
        stamps: list[float] = []
        with StoreLock.acquire(root) as lock:
            ledger = Ledger.open(root)
            execute(
                store=store,
                ledger=ledger,
                replan=lambda: plan_steps(graph, Lock(), facts)[0],
                emit=lambda event: stamps.append(time.perf_counter()) if event.kind == "step-finished" else None,
                root=Path(name),
                run=ledger.start_run("bench", "", []),
                lock=lock,
            )
        gaps = [later - sooner for sooner, later in pairwise(stamps)]
        work = statistics.median(facts.records[key].measured["work_seconds"] for key in facts.records)
    what = "with the ML stack loaded" if ml else "without the ML stack"
    print(f"{'step ' + what:34} median {statistics.median(gaps):.3f} s, of which work {work:.3f} s ({count} steps)")


def main() -> None:
    """Prints all figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--steps", type=int, default=40)
    steps = parser.parse_args().steps
    second_apply()
    per_step(steps, ml=True)


if __name__ == "__main__":
    main()
