"""The program: `lcspec` and `python -m lcspec`. What can be told again is told before the command line is imported."""

import gc
import sys

from lcspec import replay

RARELY = 100_000  # objects between two collections: a compiler makes many values and few cycles


def main() -> None:
    """Runs the command line and exits; see `cli/main.py` for the exit codes."""
    gc.set_threshold(RARELY)
    code = replay.play(sys.argv)
    if code is not None:
        sys.exit(code)
    replay.record(sys.argv)
    from lcspec.cli.main import main as run

    try:
        run()
    except SystemExit as end:
        replay.keep(sys.argv, end.code if isinstance(end.code, int) else 0)
        raise
    finally:
        gc.freeze()  # the process ends: nobody need search all values of a plan for cycles


if __name__ == "__main__":
    main()
