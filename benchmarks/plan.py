"""How fast a dry run is: against the import floor for the quickstart, and against peers as specs grow. Prints only.

    python benchmarks/plan.py [--rounds 15] [--sizes 10,100,1000,10000] [--peers DIR ...] [--no-peers]

The floor is `python -c "import pydantic, click, yaml; pydantic.BaseModel"`. Every process is cold. Each round runs all
cases of the first table in turn; ratios are of medians. `cold` is a spec that was never planned (`LCSPEC_REPLAY=off`),
`unchanged` one that was planned before. Peers plan N tasks in their own form; see benchmarks/peers.py.
"""

import argparse
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from benchmarks import generate, peers  # noqa: E402

LCSPEC = [sys.executable, "-m", "lcspec"]
SMALLEST = generate.FIXED + generate.PER_PROMPT


def small(rounds: int, empty: Path) -> float:
    """The quickstart against the floor, in turn; the floor's median CPU seconds."""
    for file in ("quickstart.yaml", "quickstart.lock.json"):
        (empty / file).write_text((ROOT / "specs" / file).read_text())
    plan = [*LCSPEC, "plan", "quickstart.yaml"]
    cache = {"XDG_CACHE_HOME": str(empty / "cache"), "PYTHONPATH": str(ROOT)}
    cases = {
        "import floor": (peers.floor(), {}),
        "plan, cold": (plan, {**cache, "LCSPEC_REPLAY": "off"}),
        "plan, unchanged": (plan, cache),
        "check": ([*LCSPEC, "check", "quickstart.yaml"], cache),
    }
    seen: dict[str, list[tuple[float, float]]] = {case: [] for case in cases}
    for number in range(rounds + 2):  # the first two fill byte code, file caches and the memo
        for case, (command, more) in cases.items():
            run = peers.timed(command, empty, **more)
            if run is None:
                raise SystemExit(f"{case} failed")
            if number >= 2:
                seen[case].append(run)
    base = peers.medians(seen["import floor"])
    print(f"{'quickstart':34} {'CPU s':>7} {'wall s':>7} {'CPU ratio':>10} {'wall ratio':>10}   ({rounds} rounds)")
    for case, runs in seen.items():
        cpu, wall = peers.medians(runs)
        print(f"{case:34} {cpu:7.3f} {wall:7.3f} {cpu / base[0]:10.2f} {wall / base[1]:10.2f}")
    return base[0]


def grown(sizes: list[int], rounds: int, base: float, work: Path, *, others: bool, most: int) -> None:
    """CPU seconds of dry runs by number of steps, ours and the peers'."""
    print(f"\n{'dry run, CPU s (medians), steps':34}" + "".join(f"{size:>10,}" for size in sizes))
    ours: dict[str, dict[int, tuple[float, float] | str]] = {"lcspec plan, cold": {}, "lcspec plan, unchanged": {}}
    for size in sizes:
        path = generate.project(work / f"lcspec-{size}", max(size, SMALLEST))
        more = {"XDG_CACHE_HOME": str(work / "cache"), "PYTHONPATH": str(ROOT)}
        peers.timed([*LCSPEC, "lock", path.name], path.parent, **more)
        for name, switch in (("lcspec plan, cold", "off"), ("lcspec plan, unchanged", "on")):
            command = [*LCSPEC, "plan", path.name]
            runs = [peers.timed(command, path.parent, **more, LCSPEC_REPLAY=switch) for _ in range(rounds + 2)][2:]
            ours[name][size] = peers.medians([run for run in runs if run]) if all(runs) else "failed"
    for name, results in ours.items():
        print(peers.row(name, results))
        of = [f"{size:,}: {found[0] / base:.2f}" for size, found in results.items() if isinstance(found, tuple)]
        print(f"{'  times the import floor':34} {', '.join(of)}")
    for peer in peers.PEERS if others else ():
        results = {}
        for size in sizes:
            before = [found for found in results.values() if isinstance(found, str)]
            folder = work / f"{peer.program}-{size}"
            few = rounds if size <= 100 else 1
            results[size] = before[0] if before else peers.ask(peer, size, folder, few, dry=True, most=most)
        print(peers.row(f"{peer.program} {' '.join(peer.dry)}", results), flush=True)


def main() -> None:
    """Runs both tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--sizes", default="10,100,1000,10000")
    parser.add_argument("--peers", action="append", default=[], help="folder with the programs of peers")
    parser.add_argument("--peer-most", type=int, default=10_000, help="most tasks that peers are asked for")
    parser.add_argument("--no-peers", action="store_true")
    options = parser.parse_args()
    peers.PLACES.extend(options.peers)
    with tempfile.TemporaryDirectory() as name:
        (Path(name) / "empty").mkdir()
        base = small(options.rounds, Path(name) / "empty")
        sizes = [int(size) for size in options.sizes.split(",")]
        grown(sizes, max(3, options.rounds // 3), base, Path(name), others=not options.no_peers, most=options.peer_most)


if __name__ == "__main__":
    main()
