"""Wake-ups: the nudge that follows a commit. Losing one costs a moment, never a delivery.

`Publisher` says at once whether the broker took the nudge. `Waker` does it on a thread of its own, so that nobody who
has just committed waits for a broker.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from typing import Any, Literal, Protocol

from celery import Celery

from worker import log, metrics
from worker.celery_app import QUEUES, WAKE_SECONDS, make_app, waiting

Kind = Literal["deliveries", "effects", "timers", "roster"]
PAUSE_SECONDS = 5.0  # after a refusal nobody tries for this long: each try may cost half a second
GATHER_SECONDS = 0.02  # between wake-ups: the first goes at once, those behind it go together (each costs some 2 ms)
ENOUGH = 1000  # wake-ups of a kind in the broker: more than all workers can take between two looks
LOOK_SECONDS = 0.25  # between two looks at how many there are
MAX_IDS = 1000  # ids are hints; a task drains what is due anyway

logger = log.get(__name__)


class Wake(Protocol):
    """What accept, processing and tests need of a waker."""

    def wake(self, kind: Kind, ids: Sequence[int]) -> None: ...


class Publisher:
    """Sends wake-ups, one try each, and remembers since when the broker has refused them.

    A task works for seconds while new wake-ups come, so under steady load they would pile up without end. Where enough
    of a kind are waiting, no more are sent: some task that has not begun yet will find the rows.
    """

    def __init__(self, broker_url: str | None, *, origin: str, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._app: Celery | None = make_app(broker_url, "producer") if broker_url else None
        self._producer: Any = None  # on a connection of our own: kombu's shared pools stay closed once closed
        self._origin = origin
        self._monotonic = monotonic
        self.refused_since: float | None = None
        self._paused_until = 0.0
        self._looks: dict[Kind, tuple[float, bool]] = {}  # when, and whether enough were waiting

    def publish(self, kind: Kind, ids: Sequence[int], *, probe: bool = False) -> bool:
        """True when the broker has taken it, or has enough. Never raises; `probe` tries in any case."""
        if not probe and self._monotonic() < self._paused_until:
            self._count("skipped")
            return False
        outcome = self._send(self._app, kind, ids, probe) if self._app is not None else None
        if outcome is None:
            self._refused()
            return False
        if self.refused_since is not None:
            logger.info("broker_back", refused_seconds=round(self._monotonic() - self.refused_since, 1))
        self.refused_since = None
        self._paused_until = 0.0
        self._count(outcome)
        return True

    def refused_for(self) -> float:
        """Seconds since the first refusal that no acceptance has followed; 0 when the broker is fine."""
        return 0.0 if self.refused_since is None else self._monotonic() - self.refused_since

    def close(self) -> None:
        """Give the connection back."""
        producer, self._producer = self._producer, None
        self._looks.clear()
        if producer is not None:
            producer.connection.collect(socket_timeout=0.25)

    def _send(self, app: Celery, kind: Kind, ids: Sequence[int], probe: bool) -> str | None:
        """ok or enough; None when it was refused."""
        try:
            if self._producer is None:
                self._producer = app.amqp.Producer(app.connection_for_write())
            enough = self._is_enough(kind)  # of a probe too: only a look finds that a RabbitMQ's queue was deleted
            if enough and not probe:
                return "enough"
            app.send_task(
                QUEUES[kind],
                args=[list(ids[:MAX_IDS])],
                queue=kind,
                producer=self._producer,
                ignore_result=True,
                timeout=WAKE_SECONDS,  # these two speak to RabbitMQ; Redis has them in its transport's options
                confirm_timeout=WAKE_SECONDS,
            )
        except Exception as exc:  # whatever a broker or its library can raise: the sweep makes up for it
            if self.refused_since is None:
                logger.warning("broker_refused", error=type(exc).__name__, kind=kind)
            self.close()  # a connection that timed out is in an unknown state
            return None
        return "ok"

    def _is_enough(self, kind: Kind) -> bool:
        """As of the last look. The first wake-up on a connection makes the queue: there is nothing to look at yet."""
        now = self._monotonic()
        looked_at, enough = self._looks.get(kind, (now, False))
        if now - looked_at >= LOOK_SECONDS and kind in self._looks:
            looked_at, enough = now, waiting(self._producer.channel, kind) >= ENOUGH
        self._looks[kind] = looked_at, enough
        return enough

    def _refused(self) -> None:
        now = self._monotonic()
        if self.refused_since is None:
            self.refused_since = now
        self._paused_until = now + PAUSE_SECONDS
        self._count("error")

    def _count(self, outcome: str) -> None:
        metrics.WAKEUPS.labels(origin=self._origin, outcome=outcome).inc()


class Waker:
    """A thread that publishes; wake-ups of one kind that wait together become one."""

    def __init__(self, publisher: Publisher) -> None:
        self._publisher = publisher
        self._waiting: dict[Kind, list[int]] = {}
        self._ready = threading.Condition()
        self._closing = False
        self._closed = threading.Event()
        self._thread = threading.Thread(target=self._run, name="waker", daemon=True)
        self._thread.start()

    def wake(self, kind: Kind, ids: Sequence[int]) -> None:
        """Returns at once. Beyond MAX_IDS waiting ids the rest is left to the sweep."""
        if not ids:
            return
        with self._ready:
            waiting = self._waiting.setdefault(kind, [])
            waiting.extend(ids[: MAX_IDS - len(waiting)])
            self._ready.notify()

    def close(self, *, timeout: float = 1.0) -> None:
        """Publish what waits, if the broker lets us, and end."""
        with self._ready:
            self._closing = True
            self._ready.notify()
        self._closed.set()
        self._thread.join(timeout)
        self._publisher.close()

    def _run(self) -> None:
        while batch := self._next():
            for kind, ids in batch.items():
                self._publisher.publish(kind, ids)
            self._closed.wait(GATHER_SECONDS)

    def _next(self) -> dict[Kind, list[int]]:
        with self._ready:
            while not self._waiting and not self._closing:
                self._ready.wait()
            batch, self._waiting = self._waiting, {}
            return batch


class RecordingWaker:
    """Keeps wake-ups instead of sending them: for tests and for replays that only look."""

    def __init__(self) -> None:
        self.woken: list[tuple[Kind, tuple[int, ...]]] = []

    def wake(self, kind: Kind, ids: Sequence[int], **_: Any) -> None:
        self.woken.append((kind, tuple(ids)))
