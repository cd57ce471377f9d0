"""Points of a write at which a kill would be worst: a fault test names one in LCSPEC_KILL_AT, and there it happens."""

import os
import signal

KILL_AT = "LCSPEC_KILL_AT"


class _Points:
    def __init__(self) -> None:
        self.count = 0

    def __call__(self) -> None:
        """Counts one point, and ends the process by SIGKILL when it is the one that is named."""
        self.count += 1
        if os.environ.get(KILL_AT) == str(self.count):
            os.kill(os.getpid(), signal.SIGKILL)


point = _Points()
