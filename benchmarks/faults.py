"""The table of faults: runs the fault tests and tells what was injected, how often, and how each came out.

    python benchmarks/faults.py [--slow]

A test's name says what is promised under the fault; a parametrised one counts once for each value. `--slow` adds
the 200 rounds of contending applies, the 500 orders of events, and the faults around whole applies. Exits with 1 when
a promise was broken.
"""

import argparse
import subprocess
import sys
import tempfile
import xml.etree.ElementTree as ElementTree
from collections import defaultdict
from pathlib import Path

ROOT = Path(__file__).parents[1]
TESTS = (
    "tests/faults",
    *(f"tests/run/test_{name}.py" for name in ("environments", "limits", "secrets", "store")),
)


def measured(slow: bool) -> dict[tuple[str, str], list[tuple[str, float]]]:
    """(file, test) to the outcome and seconds of each time that it ran."""
    marks = [] if slow else ["-m", "not slow"]
    with tempfile.TemporaryDirectory() as name:
        report = Path(name) / "report.xml"
        tests = [test for test in TESTS if (ROOT / test).exists()]
        options = ["-q", "-p", "no:cacheprovider", "-o", "addopts=", "--junitxml", str(report)]
        command = [sys.executable, "-m", "pytest", *options, *marks, *tests]
        subprocess.run(command, cwd=ROOT, check=False, stdout=subprocess.DEVNULL)
        cases = ElementTree.parse(report).getroot().iter("testcase")
        found: dict[tuple[str, str], list[tuple[str, float]]] = defaultdict(list)
        for case in cases:
            bad = next((child.tag for child in case if child.tag in ("failure", "error", "skipped")), "held")
            test = case.get("name", "").partition("[")[0].removeprefix("test_").replace("_", " ")
            place = case.get("classname", "").rpartition(".")[2].removeprefix("test_")
            found[place, test].append((bad, float(case.get("time", 0))))
    return found


def main() -> int:
    """Prints the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--slow", action="store_true")
    found = measured(parser.parse_args().slow)
    print(f"{'where':10} {'times':>5} {'held':>5} {'s':>6}  under the fault")
    broken = 0
    for (place, test), runs in found.items():
        held = sum(outcome == "held" for outcome, _ in runs)
        broken += sum(outcome in ("failure", "error") for outcome, _ in runs)
        print(f"{place[:10]:10} {len(runs):>5} {held:>5} {sum(seconds for _, seconds in runs):>6.1f}  {test}")
    total = sum(map(len, found.values()))
    print(f"{total} injections in {len(found)} tests, {broken} broken promises")
    return 1 if broken or not total else 0


if __name__ == "__main__":
    sys.exit(main())
