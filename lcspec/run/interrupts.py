"""Signals: the first one asks, the second one does not."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

WATCHED = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Interrupts:
    """The signals that came, in order."""

    def __init__(self) -> None:
        self.seen: list[int] = []

    def __bool__(self) -> bool:
        return bool(self.seen)

    @property
    def exit_code(self) -> int:
        """128 and the number of the first: 130 for Ctrl-C, 143 for TERM, 129 for a terminal that went away."""
        return 128 + self.seen[0]

    @property
    def impatient(self) -> bool:
        """Whether more than one came."""
        return len(self.seen) > 1

    @contextmanager
    def watched(self) -> Iterator[None]:
        """Within, signals are noted instead of ending this process; those that it was started to ignore stay so."""

        def note(number: int, frame: FrameType | None) -> None:
            self.seen.append(number)

        minded = [number for number in WATCHED if signal.getsignal(number) != signal.SIG_IGN]
        before = {number: signal.signal(number, note) for number in minded}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)
