"""Results of threads on their way back to an event loop, and a pool of threads that sends its results so."""

from __future__ import annotations

import asyncio
import queue
import threading
from collections import deque
from collections.abc import Callable
from typing import Generic, TypeVar

Result = TypeVar("Result")


class Returns(Generic[Result]):
    """Resolves futures of a loop from other threads, in bunches: one wake-up of the loop for all that are ready."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._finished: deque[tuple[asyncio.Future[Result], Result | None, BaseException | None]] = deque()
        self._is_waking = False

    def future(self) -> asyncio.Future[Result]:
        """For the loop to await; resolve it early and the late result is dropped."""
        return self._loop.create_future()

    def give(self, future: asyncio.Future[Result], result: Result) -> None:
        """It came out well."""
        self._send(future, result, None)

    def fail(self, future: asyncio.Future[Result], exc: BaseException) -> None:
        """It did not."""
        self._send(future, None, exc)

    def _send(self, future: asyncio.Future[Result], result: Result | None, exc: BaseException | None) -> None:
        self._finished.append((future, result, exc))
        if not self._is_waking:
            self._is_waking = True
            self._loop.call_soon_threadsafe(self._deliver)

    def _deliver(self) -> None:
        self._is_waking = False  # before looking: what is appended after the last look wakes again
        while self._finished:
            future, result, exc = self._finished.popleft()
            if future.done():
                continue
            if exc is not None:
                future.set_exception(exc)
            else:
                future.set_result(result)  # type: ignore[arg-type]  # no exception: it is a Result


class ThreadPool(Generic[Result]):
    """`run` is called on the loop; the work runs on one of `size` threads."""

    def __init__(self, size: int, loop: asyncio.AbstractEventLoop) -> None:
        self._jobs: queue.SimpleQueue[tuple[Callable[[], Result], asyncio.Future[Result]] | None] = queue.SimpleQueue()
        self._returns: Returns[Result] = Returns(loop)
        self._threads = [threading.Thread(target=self._run, name=f"wsgi-{n}", daemon=True) for n in range(size)]
        for thread in self._threads:
            thread.start()

    def run(self, job: Callable[[], Result]) -> asyncio.Future[Result]:
        """A future of the loop; resolve it early and the late result is dropped."""
        future = self._returns.future()
        self._jobs.put((job, future))
        return future

    def close(self, *, timeout: float = 3.0) -> None:
        """Let the threads finish what they have."""
        for _ in self._threads:
            self._jobs.put(None)
        for thread in self._threads:
            thread.join(timeout)

    def _run(self) -> None:
        while (taken := self._jobs.get()) is not None:
            job, future = taken
            if future.done():  # nobody waits any more
                continue
            try:
                self._returns.give(future, job())
            except BaseException as exc:  # goes to whoever awaits the future
                self._returns.fail(future, exc)
