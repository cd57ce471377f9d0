"""Cold `lcspec plan specs/quickstart.yaml` against its import floor, paired in one run. Prints; asserts nothing.

    python benchmarks/plan.py [--rounds 15]

The floor is `python -c "import pydantic, click, yaml; pydantic.BaseModel"`: what any typed command line on these
libraries pays before it reads a file. Each round runs both, in turn; ratios are of medians of CPU seconds.
"""

import argparse
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).parents[1]
FLOOR = [sys.executable, "-c", "import pydantic, click, yaml; pydantic.BaseModel"]


def timed(command: list[str], folder: Path) -> tuple[float, float]:
    """CPU seconds (user and system, children included) and wall seconds of one cold process."""
    before, started = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    subprocess.run(command, cwd=folder, check=True, stdout=subprocess.DEVNULL, env={**os.environ, "NO_COLOR": "1"})
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime
    return cpu, time.perf_counter() - started


def main() -> None:
    """Runs the rounds and prints medians and ratios."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=15)
    rounds = parser.parse_args().rounds
    with tempfile.TemporaryDirectory() as name:
        empty = Path(name)
        for file in ("quickstart.yaml", "quickstart.lock.json"):
            (empty / file).write_text((ROOT / "specs" / file).read_text())
        cases = {
            "import floor": FLOOR,
            "plan, nothing done yet": [sys.executable, "-m", "lcspec", "plan", "quickstart.yaml"],
            "check": [sys.executable, "-m", "lcspec", "check", "quickstart.yaml"],
        }
        if (ROOT / ".lcspec").exists():
            command = [sys.executable, "-m", "lcspec", "plan", str(ROOT / "specs" / "quickstart.yaml")]
            cases["plan, with this checkout's store"] = command
        seen: dict[str, list[tuple[float, float]]] = {case: [] for case in cases}
        for command in cases.values():
            timed(command, empty)  # fills the byte-code and file caches
        for _ in range(rounds):
            for case, command in cases.items():
                seen[case].append(timed(command, empty))
    floor = [statistics.median(part) for part in zip(*seen["import floor"], strict=True)]
    print(f"{'case':34} {'CPU s':>7} {'wall s':>7} {'CPU ratio':>10} {'wall ratio':>10}   ({rounds} rounds, medians)")
    for case, runs in seen.items():
        cpu, wall = (statistics.median(part) for part in zip(*runs, strict=True))
        print(f"{case:34} {cpu:7.3f} {wall:7.3f} {cpu / floor[0]:10.2f} {wall / floor[1]:10.2f}")


if __name__ == "__main__":
    main()
