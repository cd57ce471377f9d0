"""Ending steps that must end: a limit is passed, or the apply was interrupted. They are told first, then killed."""

import time
from collections.abc import Iterable

from lcspec.run import limits
from lcspec.run import worker as workers
from lcspec.run.running import Running


def mind_limits(running: Iterable[Running]) -> None:
    """Tells steps that pass a limit to stop, and kills those whose grace is over."""
    for one in running:
        breach = one.watch.look()
        if breach is not None:
            workers.stop(one.worker)
            grace = limits.GRACE if breach.what == "time" else limits.HUNG_GRACE
            one.kill_at = time.monotonic() + (1.0 if breach.what == "memory" else grace)
        elif one.kill_at is not None and time.monotonic() > one.kill_at:
            workers.kill(one.worker)


def stop_all(running: Iterable[Running]) -> None:
    """Tells every step to stop; each has time for its checkpoint."""
    for one in running:
        workers.stop(one.worker)
        one.kill_at = time.monotonic() + limits.GRACE


def kill_all(running: Iterable[Running]) -> None:
    """Ends every step at once."""
    for one in running:
        workers.kill(one.worker)
