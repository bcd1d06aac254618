"""Does the store answer? Known from the last commit or probe, so that asking never waits for it."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from worker import log

PROBE_SECONDS = 1.0
HANGING_SECONDS = 1.0

logger = log.get(__name__)


class StoreHealth:
    """`is_up` is one look at a flag. `ask` touches the store and raises when it is away."""

    def __init__(self, ask: Callable[[], None], *, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._ask, self._monotonic = ask, monotonic
        self._away_since: float | None = None
        self._busy_since: float | None = None
        self._guard = threading.Lock()

    @property
    def is_up(self) -> bool:
        """True unless the last thing known of the store is a failure, or it hangs."""
        return self._away_since is None and not self._is_hanging()

    def lost(self, why: str) -> None:
        """The store did not answer."""
        with self._guard:
            if self._away_since is not None:
                return
            self._away_since = self._monotonic()
        logger.warning("store_away", why=why)

    def back(self) -> None:
        """The store has answered."""
        if self._away_since is None:
            return
        with self._guard:
            since, self._away_since = self._away_since, None
        if since is not None:
            logger.info("store_back", away_seconds=round(self._monotonic() - since, 1))

    @contextmanager
    def busy(self) -> Iterator[None]:
        """Around a call to the store: if it takes long, the store counts as hanging meanwhile."""
        self._busy_since = self._monotonic()
        try:
            yield
        finally:
            self._busy_since = None

    def probe(self) -> float:
        """Ask the store; returns after how many seconds to ask again."""
        try:
            with self.busy():
                self._ask()
        except Exception as exc:  # whatever it is, the store did not answer
            self.lost(type(exc).__name__)
        else:
            self.back()
        return PROBE_SECONDS

    def _is_hanging(self) -> bool:
        since = self._busy_since
        return since is not None and self._monotonic() - since > HANGING_SECONDS
