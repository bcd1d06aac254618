"""One speed limit for all workers together: so many calls a second, counted in Redis, halved after a 429.

Fixed windows of a second are enough here: the point is to stay well below the other side's limit by the minute. When
Redis is away each worker keeps to its own share, so that together they still stay below.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from typing import Any

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

SOCKET_TIMEOUT = 0.25
AWAY_FOR = 5.0
SLOW_FOR = 60
_KEEP_WINDOWS = 5


class Rate:
    """A limit of `per_second` calls over all workers of a broker. Without Redis, or while it is away, each of
    the `workers` keeps to its share."""

    def __init__(
        self,
        broker_url: str | None = None,
        *,
        per_second: float,
        workers: int = 1,
        client: redis.Redis | None = None,
        name: str = "chatwoot",
        now: Callable[[], float] = time.time,
    ) -> None:
        if per_second <= 0 or workers < 1:
            raise ValueError(f"a rate needs calls and workers, got {per_second} a second for {workers}")
        self._per_second, self._workers = per_second, workers
        self._client = client if client is not None else _client(broker_url)
        self._now = now
        self._prefix = f"hookdesk:rate:{name}"
        self._away_until = 0.0
        self._slow_until = 0.0
        self._window: tuple[int, int] = (0, 0)  # our own count: which window, how many

    def take(self) -> float:
        """0.0 when a call may go out now, else the seconds until asking again makes sense."""
        now = self._now()
        if self._client is not None and now >= self._away_until:
            try:
                return self._take_shared(self._client, now)
            except (redis.RedisError, OSError):
                self._away_until = now + AWAY_FOR
        return self._take_own(now)

    def slow_down(self) -> None:
        """The other side said 429: half the speed for a minute, for everybody."""
        now = self._now()
        self._slow_until = now + SLOW_FOR
        if self._client is None or now < self._away_until:
            return
        try:
            self._client.set(f"{self._prefix}:slow", "1", ex=SLOW_FOR)
        except (redis.RedisError, OSError):
            self._away_until = now + AWAY_FOR

    def _take_shared(self, client: redis.Redis, now: float) -> float:
        if client.get(f"{self._prefix}:slow") is not None:
            self._slow_until = max(self._slow_until, now + 1)
        limit, length = self._limit(self._per_second, now)
        window = int(now // length)
        key = f"{self._prefix}:{length}:{window}"
        pipe: Any = client.pipeline(transaction=False)
        pipe.incr(key)
        pipe.expire(key, length * _KEEP_WINDOWS)
        taken = int(pipe.execute()[0])
        return 0.0 if taken <= limit else _until_next(now, length)

    def _take_own(self, now: float) -> float:
        limit, length = self._limit(self._per_second / self._workers, now)
        window = int(now // length)
        before = self._window[1] if self._window[0] == window else 0
        self._window = (window, before + 1)
        return 0.0 if before < limit else _until_next(now, length)

    def _limit(self, per_second: float, now: float) -> tuple[int, int]:
        """Calls per window and the window's seconds; a rate below one a second gets a longer window."""
        rate = per_second / 2 if now < self._slow_until else per_second
        length = 1 if rate >= 1 else math.ceil(1 / rate)
        return max(1, math.floor(rate * length)), length


def _until_next(now: float, length: int) -> float:
    return max((now // length + 1) * length - now, 0.001)


def _client(broker_url: str | None) -> redis.Redis | None:
    if broker_url is None:
        return None
    url = broker_url.replace("redis+socket://", "unix://", 1).replace("virtual_host=", "db=")
    if not url.startswith(("redis://", "rediss://", "unix://")):
        return None
    client: redis.Redis = redis.Redis.from_url(
        url,
        socket_timeout=SOCKET_TIMEOUT,
        socket_connect_timeout=SOCKET_TIMEOUT,
        retry=Retry(NoBackoff(), 0),  # waiting for Redis would cost more than the share we fall back to
    )
    return client
