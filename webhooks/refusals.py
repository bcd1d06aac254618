"""Keeps the last refused requests on a thread of its own: best effort, so that nobody can slow the door by knocking."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Sequence

from worker import log
from worker.store.rejects import Reject

BODY_BYTES = 64 * 1024
MOST_PER_ROUND = 50
ROUND_SECONDS = 1.0

logger = log.get(__name__)


class RejectKeeper:
    """Call it with a reject; at most MOST_PER_ROUND of the newest are written each second."""

    def __init__(self, keep: Callable[[Sequence[Reject]], None], *, round_seconds: float = ROUND_SECONDS) -> None:
        self._keep, self._round_seconds = keep, round_seconds
        self._waiting: deque[Reject] = deque(maxlen=MOST_PER_ROUND)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="rejects", daemon=True)

    def __call__(self, reject: Reject) -> None:
        """Never blocks, never raises."""
        self._waiting.append(reject)

    def start(self) -> None:
        """Start the writing thread."""
        self._thread.start()

    def close(self) -> None:
        """Write what waits and end."""
        self._stop.set()
        if self._thread.ident is not None:
            self._thread.join(2)

    def flush(self) -> None:
        """Write what waits now."""
        batch = [self._waiting.popleft() for _ in range(len(self._waiting))]
        if not batch:
            return
        reasons = sorted({f"{reject.source}/{reject.endpoint}: {reject.reason}" for reject in batch})
        logger.warning("requests_rejected", count=len(batch), reasons=reasons)
        try:
            self._keep(batch)
        except Exception as exc:  # best effort: the store may be away, and the requests were refused anyway
            logger.warning("rejects_not_kept", count=len(batch), error=type(exc).__name__)

    def _run(self) -> None:
        while not self._stop.wait(self._round_seconds):
            self.flush()
        self.flush()
