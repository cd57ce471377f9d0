"""The table of faults: what was injected, how often, and how each came out. Prints only.

    python benchmarks/faults.py [--slow]              runs the tests of faults and prints
    python benchmarks/faults.py --reports XML ...     prints what these JUnit reports of pytest hold; later ones count

A test's name says what is promised under the fault. Each value of a parametrised one is an injection, and a test that
injects more often by itself says how often. `--slow` adds the 200 rounds of contending applies, the 500 orders of
events, and the faults around whole applies. Exits with 1 when a promise was broken.
"""

import argparse
import subprocess
import sys
import tempfile
import xml.etree.ElementTree as ElementTree
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[1]
TESTS = (
    "tests/faults",
    *(f"tests/run/test_{name}.py" for name in ("environments", "limits", "secrets", "store")),
    "tests/run/remote",
    "tests/confine/test_hostile.py",
)
_MODULES = tuple(test.removesuffix(".py").replace("/", ".") for test in TESTS)


class Case(NamedTuple):
    """One run of one test: where it stands, what it promises, how often it injected, how it came out, seconds."""

    place: str
    promise: str
    injected: int
    outcome: str
    seconds: float


def run_tests(report: Path, *, slow: bool) -> None:
    """Runs the tests of faults, and no others."""
    marks = [] if slow else ["-m", "not slow"]
    options = ["-q", "-p", "no:cacheprovider", "-o", "addopts=", "--junitxml", str(report)]
    command = [sys.executable, "-m", "pytest", *options, *marks, *TESTS]
    subprocess.run(command, cwd=ROOT, check=False, stdout=subprocess.DEVNULL)


def cases(reports: Iterable[Path]) -> list[Case]:
    """The tests of faults in some reports; of one that ran again the last run."""
    found: dict[tuple[str, str], Case] = {}
    for report in reports:
        for case in ElementTree.parse(report).getroot().iter("testcase"):
            module, name = case.get("classname", ""), case.get("name", "")
            if not module.startswith(_MODULES):
                continue
            bad = next((child.tag for child in case if child.tag in ("failure", "error", "skipped")), "held")
            times = next((one.get("value") for one in case.iter("property") if one.get("name") == "injected"), "1")
            promise = name.partition("[")[0].removeprefix("test_").replace("_", " ")
            place = module.rpartition(".")[2].removeprefix("test_")
            found[module, name] = Case(place, promise, int(times or 1), bad, float(case.get("time", 0)))
    return list(found.values())


def main() -> int:
    """Prints the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--slow", action="store_true")
    parser.add_argument("--reports", nargs="+", type=Path, default=[])
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        reports = options.reports or [Path(name) / "report.xml"]
        if not options.reports:
            run_tests(reports[0], slow=options.slow)
        found = cases(reports)
    tests: dict[tuple[str, str], list[Case]] = {}
    for case in found:
        tests.setdefault((case.place, case.promise), []).append(case)
    print(f"{'where':18} {'times':>5} {'held':>5} {'s':>6}  under the fault")
    for (place, promise), runs in sorted(tests.items()):
        held = sum(case.injected for case in runs if case.outcome == "held")
        passed_over = sum(case.outcome == "skipped" for case in runs)
        note = f"  ({passed_over} passed over)" if passed_over else ""
        times, seconds = sum(case.injected for case in runs), sum(case.seconds for case in runs)
        print(f"{place[:18]:18} {times:>5} {held:>5} {seconds:>6.1f}  {promise}{note}")
    broken = sum(case.outcome in ("failure", "error") for case in found)
    held = sum(case.injected for case in found if case.outcome == "held")
    print(f"{held} injections in {len(tests)} tests held, {broken} broken promises")
    return 1 if broken or not found else 0


if __name__ == "__main__":
    sys.exit(main())
