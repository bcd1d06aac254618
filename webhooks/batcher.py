"""One thread that takes whatever has gathered while it was busy and hands it on as a group.

The hand-over is one queue in C and one lock per item: a condition variable per request costs more than the request.
"""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable
from typing import Generic, TypeVar

from worker import log

Item = TypeVar("Item")
logger = log.get(__name__)


class Baton:
    """Held by whoever waits; passed once."""

    __slots__ = ("_lock",)

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._lock.acquire()

    def wait(self, seconds: float) -> bool:
        """True when it was passed in time. One waiter only."""
        return self._lock.acquire(timeout=seconds)

    def give(self) -> None:
        """Let the waiter go on. Once only."""
        self._lock.release()


class Batcher(Generic[Item]):
    """Groups of at most `most` items and `weight` bytes; an item heavier than `alone` makes a group of its own."""

    def __init__(
        self,
        handle: Callable[[list[Item]], None],
        *,
        name: str,
        weigh: Callable[[Item], int],
        most: int = 256,
        weight: int = 4 << 20,
        alone: int = 256 << 10,
        idle: Callable[[], float] | None = None,
    ) -> None:
        self._handle, self._weigh, self._idle = handle, weigh, idle
        self._most, self._weight, self._alone = most, weight, alone
        self._queue: queue.SimpleQueue[Item | None] = queue.SimpleQueue()
        self._carried: Item | None = None
        self._ending = False
        self._wait: float | None = 0.0 if idle else None
        self._tick_at = 0.0
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    def start(self) -> None:
        """Begin; `idle` is called at once and then as often as it asks, also between groups."""
        self._thread.start()

    def put(self, item: Item) -> None:
        """Hand in one item; never blocks."""
        self._queue.put(item)

    def close(self, *, timeout: float = 5.0) -> bool:
        """Handle what was handed in so far and end; False when that took longer than `timeout` seconds."""
        self._queue.put(None)
        if self._thread.ident is not None:
            self._thread.join(timeout)
        return not self._thread.is_alive()

    def _run(self) -> None:
        while not self._ending:
            self._tick()
            group = self._next_group()
            if not group:
                continue
            try:
                self._handle(group)
            except Exception:  # the thread must outlive any bug in the handler: without it nothing is accepted
                logger.exception("batch_failed", batcher=self._thread.name, items=len(group))

    def _tick(self) -> None:
        if self._idle is None or time.monotonic() < self._tick_at:
            return
        self._wait = self._idle()
        self._tick_at = time.monotonic() + self._wait

    def _next_group(self) -> list[Item]:
        first = self._take(wait=True)
        if first is None:
            return []
        group, weight = [first], self._weigh(first)
        while weight <= self._alone and len(group) < self._most and weight < self._weight:
            item = self._take(wait=False)
            if item is None:
                break
            if self._weigh(item) > self._alone:
                self._carried = item
                break
            group.append(item)
            weight += self._weigh(item)
        return group

    def _take(self, *, wait: bool) -> Item | None:
        """The next item; None when there is none, or when the end was reached."""
        if self._carried is not None:
            item, self._carried = self._carried, None
            return item
        try:
            taken = self._queue.get(timeout=self._wait) if wait else self._queue.get_nowait()
        except queue.Empty:
            return None
        if taken is None:
            self._ending = True
        return taken
