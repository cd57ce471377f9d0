"""`lcspec logs`: what a step printed, in its latest run or another, also while it runs."""

import sys
import time
from pathlib import Path

import click

from lcspec.cli.common import fail, find_store, spec_option
from lcspec.diag.model import Diagnostic


@click.command("logs")
@click.argument("step")
@spec_option
@click.option("--run", type=click.IntRange(1), default=None, help="Number of the run (default: the latest).")
@click.option("--follow", "-f", is_flag=True, help="Go on printing until the step ends.")
def command(step: str, spec: Path | None, run: int | None, follow: bool) -> None:
    """Print the log of STEP, say `train:smollm2/lora`."""
    from lcspec.run import logs

    store = find_store(spec)
    found = logs.find(store, step, run)
    if not found:
        fail([_unknown(store, step, run)], {}, 2, "text")
    _print(found[-1], (lambda: _running(store, step)) if follow else (lambda: False))


def _print(path: Path, running: object) -> None:
    """Copies the file to standard output, and what is added to it as long as the step runs."""
    assert callable(running)  # noqa: S101
    with path.open("rb") as file:
        while True:
            goes_on = running()
            while data := file.read(1 << 16):
                sys.stdout.buffer.write(data)
            sys.stdout.flush()
            if not goes_on:
                return
            time.sleep(0.3)


def _running(store: Path, step: str) -> bool:
    from lcspec.run.lock import owner

    return step in (owner(store) or {}).get("steps", {})


def _unknown(store: Path, step: str, run: int | None) -> Diagnostic:
    from lcspec.diag.suggest import did_you_mean
    from lcspec.run import logs

    pattern = f"{run:06d}" if run is not None else "*"
    known = sorted({path.name.rsplit(".", 2)[0] for path in (store / "logs").glob(f"{pattern}/*.log")})
    where = f" in run {run}" if run is not None else ""
    help = "steps leave a log when they run: `lcspec apply`"
    if known:
        help = (
            did_you_mean(logs.slug(step), known, "logs") if len(known) <= 12 else "`lcspec plan` shows the ids of steps"
        )
    return Diagnostic("LC1303", f"`{step}` has no log{where}", help=help)
