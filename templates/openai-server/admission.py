"""So many answers at once: a bounded queue before the model, and the threads that it runs in. Rows are not batched."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import AsyncGenerator, Callable, Generator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from itertools import count
from typing import Any

from metrics import Metrics
from protocol import ApiError
from runtime.pipeline import Answer

Steps = Callable[[Callable[[], bool]], Generator[str, None, Answer]]


class Admission:
    """Who may use the model now. All methods run in the event loop; only `_run` runs in a thread of the model."""

    def __init__(self, concurrency: int, waiting: int, stall_seconds: float, metrics: Metrics) -> None:
        self.draining = False
        self._waiting_limit = waiting
        self._stall_seconds = stall_seconds
        self._metrics = metrics
        self._turn = asyncio.Semaphore(concurrency)
        self._waiting = 0
        self._thread = ThreadPoolExecutor(max_workers=concurrency, thread_name_prefix="model")
        self._abort = threading.Event()
        self._progress: dict[int, float] = {}  # answer in work to when it last got on
        self._answers = count()

    def abort(self) -> None:
        """End every answer within one token: the grace period is over."""
        self._abort.set()

    def close(self) -> None:
        """End the model's threads."""
        self.abort()
        self._thread.shutdown(wait=False, cancel_futures=True)

    @property
    def aborted(self) -> bool:
        """Whether answers were cut short to shut down."""
        return self._abort.is_set()

    @property
    def alive(self) -> bool:
        """Whether every answer in work has got on lately."""
        oldest = min(self._progress.values(), default=None)
        return oldest is None or time.monotonic() - oldest < self._stall_seconds

    async def run(self, steps: Steps) -> AsyncGenerator[str | Answer, None]:
        """Yield the pieces of an answer, then the `Answer`, when it is this request's turn.

        Closing the iterator (a client that hangs up) ends the answer within one token, and frees the model only then.

        Raises:
            ApiError: 503 while shutting down, 429 where the queue is full.
        """
        if self.draining:
            self._reject("draining")
            raise ApiError(503, "The service is shutting down.", code="draining", headers={"Retry-After": "5"})
        if self._waiting >= self._waiting_limit:
            self._reject("queue_full")
            raise ApiError(429, "The queue is full.", code="queue_full", headers={"Retry-After": "1"})
        await self._take_turn()
        pieces: asyncio.Queue[Any] = asyncio.Queue()
        cancelled = threading.Event()
        loop = asyncio.get_running_loop()
        answer = next(self._answers)
        self._progress[answer] = time.monotonic()
        self._metrics.set("vllm:num_requests_running", len(self._progress))
        work = loop.run_in_executor(self._thread, self._run, answer, steps, cancelled, loop, pieces)
        # The turn ends with the thread's work and not with this iterator: a client that hangs up ends the iterator at
        # once, and were the turn handed on then, more answers than allowed would share the model.
        work.add_done_callback(partial(self._end_turn, answer))
        try:
            while (piece := await pieces.get()) is not None:
                yield piece
            await work  # raises what the thread raised
        except (asyncio.CancelledError, GeneratorExit):
            self._metrics.add("lcspec:request_cancelled_total")
            raise
        finally:
            cancelled.set()

    async def _take_turn(self) -> None:
        began = time.monotonic()
        self._wait(+1)
        try:
            await self._turn.acquire()
        finally:
            self._wait(-1)
        self._metrics.observe("vllm:request_queue_time_seconds", time.monotonic() - began)

    def _end_turn(self, answer: int, work: asyncio.Future[None]) -> None:
        if not work.cancelled():
            work.exception()  # marks it as seen: `run` raised it, or nobody listens any more
        del self._progress[answer]
        self._metrics.set("vllm:num_requests_running", len(self._progress))
        self._turn.release()

    def _wait(self, change: int) -> None:
        self._waiting += change
        self._metrics.set("vllm:num_requests_waiting", self._waiting)

    def _reject(self, reason: str) -> None:
        self._metrics.add("lcspec:request_rejected_total", reason=reason)

    def _run(
        self,
        answer: int,
        steps: Steps,
        cancelled: threading.Event,
        loop: asyncio.AbstractEventLoop,
        pieces: asyncio.Queue[Any],
    ) -> None:
        def should_stop() -> bool:
            self._progress[answer] = time.monotonic()
            return cancelled.is_set() or self._abort.is_set()

        made = steps(should_stop)
        try:
            while True:
                try:
                    piece: Any = next(made)
                except StopIteration as end:
                    loop.call_soon_threadsafe(pieces.put_nowait, end.value)
                    break
                loop.call_soon_threadsafe(pieces.put_nowait, piece)
        finally:
            loop.call_soon_threadsafe(pieces.put_nowait, None)
