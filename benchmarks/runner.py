"""The runner's own cost. Prints only.

    python benchmarks/runner.py [--steps 40] [--sizes 11,1000,10000] [--rounds 5] [--peers DIR ...] [--no-peers]

An apply with nothing to do, by number of steps, against other tools on a pipeline of as many tasks (see peers.py; the
programs come from `--peers DIR`, else PATH, and are passed over when absent). `unchanged` is an apply whose project
has not moved since the last one, `cold` one that may not use that knowledge (`LCSPEC_REPLAY=off`): it plans anew.
Then seconds per step beyond the step's work, in forked processes that have the ML stack, against a cold interpreter
that imports it. Last, hashing and storing one large output (`--megabytes`), synced, beside `cp`.
"""

import argparse
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from itertools import pairwise
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from benchmarks import generate, peers  # noqa: E402
from lcspec.compile.facts import Facts  # noqa: E402
from lcspec.compile.planner import Planning  # noqa: E402
from lcspec.ir.plan import Graph, Step  # noqa: E402
from lcspec.ir.record import StepRecord  # noqa: E402
from lcspec.lock import Lock  # noqa: E402
from lcspec.run.ledger import Ledger  # noqa: E402
from lcspec.run.lock import StoreLock  # noqa: E402
from lcspec.run.scheduler import execute  # noqa: E402
from lcspec.run.store import Store  # noqa: E402


def idle(sizes: list[int], rounds: int, work: Path, *, others: bool, most: int) -> None:
    """Wall and CPU seconds of runs with nothing to do, ours and the peers'."""
    print(f"{'nothing to do, CPU s (medians), steps':40}" + "".join(f"{size:>10,}" for size in sizes))
    rows: dict[str, dict[int, tuple[float, float] | str]] = {"unchanged": {}, "cold": {}}
    for size in sizes:
        path = generate.project(work / f"lcspec-{size}", size)
        generate.fill(path)
        more = {"XDG_CACHE_HOME": str(work / "cache"), "PYTHONPATH": str(ROOT), "CI": ""}
        command = [sys.executable, "-m", "lcspec", "apply", path.name]
        for name, switch in (("cold", "off"), ("unchanged", "on")):
            runs = [peers.timed(command, path.parent, **more, LCSPEC_REPLAY=switch) for _ in range(rounds + 3)][3:]
            rows[name][size] = peers.medians([run for run in runs if run]) if all(runs) else "failed"
    for name, results in rows.items():
        print(f"{'lcspec apply, ' + name:40}" + cells(results), flush=True)
    for peer in peers.PEERS if others else ():
        if peer.run is None:
            continue
        results: dict[int, tuple[float, float] | str] = {}
        for size in sizes:
            failed = [one for one in results.values() if isinstance(one, str)]
            folder = work / f"{peer.program}-{size}"
            results[size] = (
                failed[0] if failed else peers.ask(peer, size, folder, max(1, rounds // 2), dry=False, most=most)
            )
        print(f"{' '.join((peer.program, *peer.run)):40}" + cells(results), flush=True)


def cells(results: Mapping[int, tuple[float, float] | str]) -> str:
    """CPU seconds by size, and in words what could not be measured."""
    told = "".join(f"{one[0]:>10.3f}" if isinstance(one, tuple) else f"{'-':>10}" for one in results.values())
    return told + "".join(f"  ({word})" for word in sorted({one for one in results.values() if isinstance(one, str)}))


def cold_import() -> None:
    """What a step would pay that imports the ML stack by itself."""
    runs = [peers.timed([sys.executable, "-c", "from trl import SFTTrainer"], ROOT) for _ in range(3)]
    cpu, wall = peers.medians([run for run in runs if run])
    print(f"{'cold `from trl import SFTTrainer`':40} {wall:.3f} s, CPU {cpu:.3f} s")


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
                planning=Planning(graph, Lock(), facts),
                emit=lambda event: stamps.append(time.perf_counter()) if event.kind == "step-finished" else None,
                root=Path(name),
                run=ledger.start_run("bench", "", []),
                lock=lock,
            )
        gaps = [later - sooner for sooner, later in pairwise(stamps)]
        work = statistics.median(facts.records[key].measured["work_seconds"] for key in facts.records)
    what = "with the ML stack loaded" if ml else "without the ML stack"
    own = statistics.median(gaps) - work
    print(f"{'forked step ' + what:40} {own:.3f} s beyond its work of {work:.3f} s (median of {count} steps)")


def storing(megabytes: int, rounds: int) -> None:
    """Hashing and storing one large output, synced, beside `cp` without and with a sync of the copy; medians.

    Whatever is timed finds the same machine: just before, a copy of the file was written, synced and removed, so that
    its pages are at hand (a virtual machine may have given them back to its host, and the first to write after that
    would pay for all). What is moved in was just written, as by a step, and is not on the disk yet.
    """
    with tempfile.TemporaryDirectory(dir=ROOT) as name:
        folder = Path(name)
        source, copy, store = folder / "source", folder / "copy", Store.open(folder / "store")
        with source.open("wb") as file:
            for _ in range(megabytes):
                file.write(os.urandom(1 << 20))
        ways = ("cp", "cp and sync", "moved in and stored", "copied in and stored")
        seconds: dict[str, list[float]] = {way: [] for way in ways}
        for number in range(rounds * len(ways)):
            way = ways[(number + number // len(ways)) % len(ways)]  # each comes first, second, … in turn
            subprocess.run(["cp", source, copy], check=True)
            subprocess.run(["sync", "-f", folder], check=True)
            copy.unlink()
            seconds[way].append(_stored(way, source, copy, store))
            copy.unlink(missing_ok=True)
            for blob in (folder / "store" / "store").glob("*/*"):
                blob.unlink()
    plain, synced = (statistics.median(seconds[way]) for way in ways[:2])
    print(f"storing {megabytes} MB, median of {rounds}" + f"{'of cp':>24} {'of cp and sync':>15}")
    for way, times in seconds.items():
        took = statistics.median(times)
        print(
            f"  {way:22} {took:6.2f} s {megabytes / took:7.0f} MB/s {plain / took:8.0%} {synced / took:15.0%}",
            flush=True,
        )


def _stored(way: str, source: Path, copy: Path, store: Store) -> float:
    """Seconds that one way of storing `source` takes."""
    out = store.work("x")
    out.mkdir(parents=True)
    if way.startswith("moved"):
        subprocess.run(["cp", source, out / "weights"], check=True)
    elif way.startswith("copied"):
        os.link(source, out / "weights")  # a user's file: a second name means that it is copied
    started = time.perf_counter()
    if way.startswith("cp"):
        subprocess.run(["cp", source, copy], check=True)
        if way.endswith("sync"):
            subprocess.run(["sync", copy], check=True)
    else:
        store.publish(StepRecord(os.urandom(32).hex(), "s", "k", {}, {}), {"out": out})
    took = time.perf_counter() - started
    shutil.rmtree(out)
    return took


def main() -> None:
    """Prints all figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--steps", type=int, default=40)
    parser.add_argument("--sizes", default="11,1000,10000")
    parser.add_argument("--megabytes", type=int, default=1000, help="size of the file that is stored")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--peers", action="append", default=[], help="folder with the programs of peers")
    parser.add_argument("--peer-most", type=int, default=10_000, help="most tasks that peers are asked for")
    parser.add_argument("--no-peers", action="store_true")
    options = parser.parse_args()
    peers.PLACES.extend(options.peers)
    sizes = [int(size) for size in options.sizes.split(",")]
    per_step(options.steps, ml=True)
    cold_import()
    storing(options.megabytes, options.rounds)
    with tempfile.TemporaryDirectory() as name:
        idle(sizes, options.rounds, Path(name), others=not options.no_peers, most=options.peer_most)


if __name__ == "__main__":
    main()
