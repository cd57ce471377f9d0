"""One thread that does jobs in order; its results are picked up by the thread that gave them."""

import threading
from collections import deque
from collections.abc import Callable
from typing import Generic, TypeVar

T = TypeVar("T")


class Lane(Generic[T]):
    """Jobs and their results. The thread ends with the process: what it was at is done again by the next apply."""

    def __init__(self, name: str) -> None:
        self._name, self._thread = name, None
        self._jobs, self._done = deque[Callable[[], T]](), deque[T]()
        self._wake = threading.Condition()
        self._working = 0

    _thread: threading.Thread | None

    def add(self, job: Callable[[], T]) -> None:
        """Appends a job; it must not raise."""
        with self._wake:
            self._jobs.append(job)
            self._working += 1
            self._wake.notify()
        if self._thread is None:
            self._thread = threading.Thread(target=self._work, name=self._name, daemon=True)
            self._thread.start()

    def _work(self) -> None:
        while True:
            with self._wake:
                while not self._jobs:
                    self._wake.wait()
                job = self._jobs.popleft()
            made = job()
            with self._wake:
                self._done.append(made)
                self._working -= 1

    def results(self) -> list[T]:
        """What was done since the last call."""
        with self._wake:
            made = list(self._done)
            self._done.clear()
            return made

    def busy(self) -> bool:
        """Whether a job waits, runs, or has a result that was not picked up."""
        with self._wake:
            return bool(self._working or self._done)
