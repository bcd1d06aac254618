"""Brings the spool back into the inbox as soon as the store answers, and adopts what dead processes left."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence

from webhooks import spool_drain
from webhooks.accept import Commit, Wake, wake_firsts
from webhooks.health import StoreHealth
from webhooks.spool import Spool
from worker import log
from worker.errors import DependencyDown
from worker.store.inbox import Receipt

ROUND_SECONDS = 1.0
ADOPT_SECONDS = 15.0

logger = log.get(__name__)


class Drainer:
    """One round a second on a thread of its own; `tick` is called each round, for a heartbeat."""

    def __init__(
        self, spool: Spool, commit: Commit, *, wake: Wake, health: StoreHealth, tick: Callable[[], None] | None = None
    ) -> None:
        self._spool, self._commit, self._wake, self._health = spool, commit, wake, health
        self._tick = tick
        self._adopt_at = 0.0
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="drainer", daemon=True)

    def start(self) -> None:
        """Start the thread; its first round adopts and drains at once."""
        self._thread.start()

    def close(self) -> None:
        """End after the batch at hand."""
        self._stop.set()
        if self._thread.ident is not None:
            self._thread.join(5)

    def round(self) -> int:
        """Adopt now and then, drain if the store answers; returns how many receipts went back."""
        if not self._health.is_up:
            return 0
        if time.monotonic() >= self._adopt_at:
            self._adopt_at = time.monotonic() + ADOPT_SECONDS
            self._spool.adopt()
        return 0 if self._spool.is_empty() else spool_drain.drain(self._spool, self._put)

    def _put(self, receipts: Sequence[Receipt]) -> None:
        wake_firsts(self._wake, receipts, self._commit(receipts))

    def _run(self) -> None:
        while True:
            try:
                self.round()
                if self._tick is not None and self._health.is_up:
                    self._tick()
            except Exception as exc:  # the store went away again, or the disk did: what is spooled stays spooled
                told = {"detail": str(exc)} if isinstance(exc, DependencyDown) else {}
                logger.warning("spool_drain_failed", error=type(exc).__name__, **told)
            if self._stop.wait(ROUND_SECONDS):
                return
