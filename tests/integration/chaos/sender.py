"""The practice Chatwoot's sender behind a patient proxy: what is not answered 200 is posted again, byte for byte.

Chatwoot posts once; a receiver that is killed therefore needs something in front of it that tries again. This sender
is that something: the same body, delivery id and signature until the answer is 200. Until then nobody may say whether
the request was kept. On the way some requests are cut in the middle, and some connections are closed unheard.
"""

from __future__ import annotations

import heapq
import http.client
import random
import socket
import threading
import time
import uuid
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from tests.integration.chaos.journal import Entry, Journal, digest
from worker.clock import SystemClock
from worker.practice import payloads
from worker.practice.faults import Habits
from worker.practice.sender import Sender
from worker.signing import chatwoot_headers

AGAIN_SECONDS = 0.25  # doubled up to eight times as much
THREADS = 16
HABITS = Habits(duplicates=0.06, copies=0.04, reorder=0.25, hold_seconds=1.5)
HALF_SENT, UNHEARD = 0.004, 0.004  # shares of posts that are cut in the request, or before the answer


@dataclass(frozen=True, slots=True)
class _Post:
    number: int
    delivery_id: str
    body: bytes
    headers: dict[str, str]
    tries: int = 0


class PatientSender(Sender):
    """Announced events become posts with the habits of Chatwoot; every one ends with a 200."""

    def __init__(self, url: str, secret: str, *, seed: int, journal: Journal, calm: bool = False) -> None:
        super().__init__(SystemClock(), url=url, secret=secret, threads=THREADS)
        self.journal, self.habits = journal, Habits() if calm else HABITS
        self._cuts = not calm
        self._at = urlsplit(url)
        self._script, self._echo = random.Random(f"habits {seed}"), random.Random(f"echo {seed}")
        self._actor: threading.Thread | None = None
        self._queue: list[tuple[float, int, _Post]] = []

    def aim(self, url: str) -> None:
        """Where to post; before the first event."""
        self.url, self._at = url, urlsplit(url)

    def acts_here(self) -> None:
        """This thread follows the script: its events draw their fate from the seed alone."""
        self._actor = threading.current_thread()

    def announce(self, event: str, payload: dict[str, Any]) -> None:
        """Queue one event, with whatever the habits do to it."""
        body = payloads.body({**payload, "event": event})
        message, whole = None, payload
        if event.startswith("message_"):
            message, whole = payload["id"], payload["conversation"]
        conversation = whole["id"] if "can_reply" in whole else None
        with self._changed:
            draw = (self._script if threading.current_thread() is self._actor else self._echo).random
            fates = [draw() for _ in range(5)]
            first = Entry(str(uuid.uuid4()), event, conversation, message, digest(body))
            self._put(first, body, self._hold(fates[0:2]))
            if fates[2] < self.habits.duplicates:
                self._put(first, body, self._hold(fates[0:2]))
            if fates[3] < self.habits.copies:
                copy = Entry(str(uuid.uuid4()), event, conversation, message, digest(body), is_copy=True)
                self._put(copy, body, fates[4])
            self._changed.notify_all()

    def throw(self, body: bytes, poison: str) -> None:
        """A delivery that can only end as a dead letter."""
        with self._changed:
            self._put(Entry(str(uuid.uuid4()), "poison", None, None, digest(body), poison=poison), body, 0.0)
            self._changed.notify_all()

    def is_idle(self) -> bool:
        """Nothing waits to be posted, everything posted was answered."""
        with self._changed:
            return not self._queue and not self._busy

    @property
    def waiting(self) -> int:
        """How many posts wait."""
        with self._changed:
            return len(self._queue)

    def _hold(self, fates: list[float]) -> float:
        return fates[1] * self.habits.hold_seconds if fates[0] < self.habits.reorder else 0.0

    def _put(self, entry: Entry, body: bytes, hold: float) -> None:
        self.journal.wants(entry)
        headers = chatwoot_headers(self.secret, body, timestamp=int(time.time()), delivery_id=entry.delivery_id)
        post = _Post(next(self._numbers), entry.delivery_id, body, headers)
        heapq.heappush(self._queue, (time.monotonic() + hold, post.number, post))

    def _run(self) -> None:
        cuts = random.Random(threading.current_thread().name)
        while (post := self._next_post()) is not None:
            result = self._post(post, cuts.random() if self._cuts else 1.0)
            self.journal.heard(post.delivery_id, result)
            with self._changed:
                self._busy -= 1
                if result != "200":
                    again = _Post(post.number, post.delivery_id, post.body, post.headers, post.tries + 1)
                    pause = AGAIN_SECONDS * 2 ** min(post.tries, 3)
                    heapq.heappush(self._queue, (time.monotonic() + pause, again.number, again))
                self._changed.notify()

    def _next_post(self) -> _Post | None:
        with self._changed:
            while not self._stopping:
                pause = self._queue[0][0] - time.monotonic() if self._queue else None
                if pause is not None and pause <= 0:
                    self._busy += 1
                    return heapq.heappop(self._queue)[2]
                self._changed.wait(timeout=pause)
            return None

    def _post(self, post: _Post, fate: float) -> str:
        if fate < HALF_SENT:
            self._send_half(post)  # not a whole request: it may leave nothing behind, so it is no post
            return "half_sent"
        self.journal.posting(post.delivery_id)
        connection = http.client.HTTPConnection(self._at.hostname or "", self._at.port, timeout=self._timeout)
        try:
            connection.request("POST", self._at.path, body=post.body, headers=post.headers)
            if fate < HALF_SENT + UNHEARD:
                return "unheard"
            answer = connection.getresponse()
            answer.read()
            return str(answer.status)
        except (OSError, http.client.HTTPException) as exc:
            return type(exc).__name__
        finally:
            connection.close()

    def _send_half(self, post: _Post) -> None:
        head = [f"POST {self._at.path} HTTP/1.1", f"Host: {self._at.netloc}", f"Content-Length: {len(post.body)}"]
        head += [f"{name}: {value}" for name, value in post.headers.items()]
        half = "\r\n".join(head).encode() + b"\r\n\r\n" + post.body[: len(post.body) // 2]
        try:
            with socket.create_connection((self._at.hostname, self._at.port), timeout=self._timeout) as line:
                line.sendall(half)
        except OSError:
            return
