"""Applies that start at the same moment: forked from a process that has everything imported, held until all are there.

    python contenders.py FOLDER ROUNDS

Each round is a store of its own, `FOLDER/0`, …; prints the exit codes of all contenders of each round as JSON. It is a
process of its own, because a fork server that the starting process had would be shared by its forks.
"""

import json
import os
import sys
import traceback
from pathlib import Path

from tests.run import steps_to_run

CONTENDERS = 8
ACTION = "count_runs"


def contend(folder: Path) -> list[int]:
    """Exit code of each of the contenders for one store."""
    folder.mkdir()
    waiting, starting = os.pipe()
    pids = [_contender(folder, waiting, starting) for _ in range(CONTENDERS)]
    os.close(waiting)
    os.close(starting)  # the shot: all of them read the end of the pipe
    return [os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) for pid in pids]


def _contender(folder: Path, waiting: int, starting: int) -> int:
    if pid := os.fork():
        return pid
    code = 70
    try:
        os.close(starting)
        os.read(waiting, 1)
        made = steps_to_run.apply(folder, [ACTION], {})
        code = made["exit_code"] or 0
    except Exception:  # noqa: BLE001 - it is told, and the exit code says that it came
        traceback.print_exc()
        sys.stderr.flush()
    finally:
        os._exit(code)
    return 0


def main() -> None:
    folder, rounds = Path(sys.argv[1]), int(sys.argv[2])
    print(json.dumps([contend(folder / str(number)) for number in range(rounds)]))


if __name__ == "__main__":
    main()
