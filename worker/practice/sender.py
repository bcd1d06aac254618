"""The practice Chatwoot's webhook sender: signed, one new connection each, five seconds, sent once and never again."""

from __future__ import annotations

import heapq
import itertools
import random
import threading
import time
import uuid
from collections import deque
from dataclasses import dataclass
from typing import Any

import requests

from worker.clock import Clock
from worker.practice import payloads
from worker.practice.faults import Habits
from worker.signing import chatwoot_headers

TIMEOUT_SECONDS = 5.0
KEEP = 100_000


@dataclass(frozen=True, slots=True)
class Sent:
    """One webhook that was due, and what became of it: a status, an error, or `dropped`."""

    number: int
    delivery_id: str
    event: str
    conversation_id: int | None
    message_id: int | None
    body: bytes
    result: str
    seconds: float
    copy_of: str | None = None


@dataclass(frozen=True, slots=True)
class _Job:
    number: int
    delivery_id: str
    event: str
    payload: dict[str, Any]
    body: bytes
    copy_of: str | None = None


class Sender:
    """Sends what `announce` is given, on threads of its own, to `url`; without a url it only records."""

    def __init__(
        self,
        clock: Clock,
        *,
        url: str | None,
        secret: str,
        threads: int = 4,
        seed: int = 0,
        timeout: float | None = None,
    ) -> None:
        self.url, self.secret = url, secret
        self.habits = Habits()
        self.sent: deque[Sent] = deque(maxlen=KEEP)
        self._clock, self._timeout = clock, TIMEOUT_SECONDS if timeout is None else timeout
        self._rng = random.Random(seed)  # noqa: S311 - a rehearsal that can be repeated, not a secret
        self._due: list[tuple[float, int, _Job]] = []
        self._changed = threading.Condition()
        self._numbers, self._stopping, self._busy = itertools.count(1), False, 0
        self._threads = [threading.Thread(target=self._run, daemon=True, name=f"sender-{n}") for n in range(threads)]

    def start(self) -> None:
        """Begin sending."""
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """End; what is not sent is lost, as with Chatwoot."""
        with self._changed:
            self._stopping = True
            self._changed.notify_all()
        for thread in self._threads:
            thread.join(timeout=2 * self._timeout + 1)

    def announce(self, event: str, payload: dict[str, Any]) -> None:
        """Queue one event, with whatever the habits do to it."""
        whole = {**payload, "event": event}
        with self._changed:
            habits, draw = self.habits, self._rng.random
            first = _Job(next(self._numbers), str(uuid.uuid4()), event, whole, payloads.body(whole))
            if draw() < habits.drops:
                self._record(first, "dropped", 0.0)
                return
            jobs = [first]
            if draw() < habits.duplicates:
                jobs.append(self._copy(first, first.delivery_id))
            if draw() < habits.copies:
                jobs.append(self._copy(first, str(uuid.uuid4())))
            for job in jobs:
                hold = draw() * habits.hold_seconds if draw() < habits.reorder else 0.0
                heapq.heappush(self._due, (time.monotonic() + hold, job.number, job))
            self._changed.notify_all()

    def wait_idle(self, seconds: float = 10.0) -> bool:
        """True once everything queued was sent; False if that takes longer."""
        with self._changed:
            return self._changed.wait_for(lambda: not self._due and not self._busy, timeout=seconds)

    def _copy(self, job: _Job, delivery_id: str) -> _Job:
        return _Job(next(self._numbers), delivery_id, job.event, job.payload, job.body, copy_of=job.delivery_id)

    def _run(self) -> None:
        while (job := self._take()) is not None:
            try:
                started = time.monotonic()
                result = self._send(job)
                self._record(job, result, time.monotonic() - started)
            finally:
                with self._changed:
                    self._busy -= 1
                    self._changed.notify_all()

    def _take(self) -> _Job | None:
        with self._changed:
            while not self._stopping:
                pause = self._due[0][0] - time.monotonic() if self._due else None
                if pause is not None and pause <= 0:
                    self._busy += 1
                    return heapq.heappop(self._due)[2]
                self._changed.wait(timeout=pause)
            return None

    def _send(self, job: _Job) -> str:
        if self.url is None:
            return "no_target"
        timestamp = int(self._clock.now().timestamp())
        headers = chatwoot_headers(self.secret, job.body, timestamp=timestamp, delivery_id=job.delivery_id)
        headers |= {"User-Agent": "Ruby", "Accept-Encoding": "gzip;q=1.0,deflate;q=0.6,identity;q=0.3"}
        try:
            with requests.Session() as session:
                session.trust_env = False
                answer = session.post(
                    self.url, data=job.body, headers=headers, timeout=self._timeout, allow_redirects=False
                )
                return str(answer.status_code)
        except requests.RequestException as exc:
            return type(exc).__name__

    def _record(self, job: _Job, result: str, seconds: float) -> None:
        message, whole = None, job.payload
        if job.event.startswith("message_"):
            message, whole = job.payload["id"], job.payload["conversation"]
        conversation = whole["id"] if "can_reply" in whole else None
        self.sent.append(
            Sent(
                job.number,
                job.delivery_id,
                job.event,
                conversation,
                message,
                job.body,
                result,
                seconds,
                job.copy_of,
            )
        )
