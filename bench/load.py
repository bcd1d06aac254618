"""The load generator: ready-made requests over keep-alive connections, one thread, as little work as possible.

As fast as they are answered, or at a fixed rate. At a rate, the time of an answer counts from the moment its request
was due, not from when a connection was free for it: what waits for a slow server is part of its slowness.
"""

from __future__ import annotations

import select
import socket
import time
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from urllib.parse import urlsplit

ANSWER_SECONDS = 30.0
_END = b"\r\n\r\n"


@dataclass(slots=True)
class Sample:
    """What came of one run: microseconds per answer 200, all other answers, and when each request was sent."""

    seconds: float = 0.0
    micros: list[int] = field(default_factory=list)
    failures: int = 0
    sent: dict[int, float] = field(default_factory=dict)

    @property
    def rate(self) -> float:
        """Answers 200 per second."""
        return len(self.micros) / self.seconds if self.seconds else 0.0


@dataclass(slots=True, eq=False)
class _Connection:
    socket: socket.socket
    number: int | None = None  # of the request under way
    began: float = 0.0
    heard: bytes = b""


class Load:
    """One run over `connections` connections: for `seconds` as fast as possible, or all requests at `rate` a second."""

    def __init__(
        self, url: str, made: Sequence[bytes], *, connections: int, seconds: float = 0.0, rate: float | None = None
    ) -> None:
        parts = urlsplit(url)
        self.url, self._made = url, made
        self._address = (parts.hostname or "127.0.0.1", parts.port or 80)
        self._connections, self._seconds, self._rate = connections, seconds, rate
        self._open: dict[int, _Connection] = {}
        self._idle: deque[_Connection] = deque()
        self._sample = Sample()

    def run(self) -> Sample:
        """Once only. Ends the process when a server does not answer at all."""
        self._poll = select.epoll()
        self._wall = time.time() - time.perf_counter()
        for _ in range(self._connections):
            self._idle.append(self._connect())
        began = time.perf_counter()
        if self._rate is None:
            self._flat_out(began + self._seconds)
        else:
            self._paced(began, self._rate)
        return self._finish(began)

    def _flat_out(self, until: float) -> None:
        waiting = iter(range(len(self._made)))
        self._send_next(waiting)
        while len(self._idle) < len(self._open):
            self._hear(ANSWER_SECONDS)
            if time.perf_counter() < until:
                self._send_next(waiting)

    def _paced(self, began: float, rate: float) -> None:
        total, due = len(self._made), 0
        while due < total or len(self._idle) < len(self._open):
            now = time.perf_counter()
            while due < total and self._idle and began + due / rate <= now:
                self._send(self._idle.popleft(), due, since=began + due / rate)
                due += 1
            next_at = began + due / rate
            can_send = due < total and bool(self._idle)
            self._hear(max(0.0, next_at - time.perf_counter()) if can_send else ANSWER_SECONDS, may_pass=can_send)

    def _finish(self, began: float) -> Sample:
        self._sample.seconds = time.perf_counter() - began
        for one in self._open.values():
            one.socket.close()
        self._poll.close()
        return self._sample

    def _send_next(self, waiting: Iterator[int]) -> None:
        while self._idle:
            number = next(waiting, None)
            if number is None:
                return
            self._send(self._idle.popleft(), number, since=time.perf_counter())

    def _send(self, one: _Connection, number: int, *, since: float) -> None:
        one.number, one.began, one.heard = number, since, b""
        self._sample.sent[number] = self._wall + since
        try:
            one.socket.sendall(self._made[number])
        except OSError:
            self._lost(one)

    def _hear(self, timeout: float, *, may_pass: bool = False) -> None:
        ready = self._poll.poll(timeout)
        if not ready and not may_pass:
            raise SystemExit(f"no answer from {self._address} within {ANSWER_SECONDS:g} s")
        for descriptor, _ in ready:
            self._receive(self._open[descriptor])

    def _receive(self, one: _Connection) -> None:
        try:
            said = one.socket.recv(65_536)
        except OSError:
            said = b""
        if not said:
            self._lost(one)
            return
        one.heard += said
        head, end, body = one.heard.partition(_END)
        if end and len(body) >= _length(head):
            self._answered(one, head.startswith(b"HTTP/1.1 200"))

    def _answered(self, one: _Connection, is_fine: bool) -> None:
        if is_fine:
            self._sample.micros.append(int((time.perf_counter() - one.began) * 1e6))
        else:
            self._sample.failures += 1
        one.number = None
        self._idle.append(one)

    def _lost(self, one: _Connection) -> None:
        """The server closed it: a failure if it owed an answer. A new one takes its place."""
        if one.number is not None:
            self._sample.failures += 1
        else:
            self._idle.remove(one)
        del self._open[one.socket.fileno()]
        one.socket.close()
        self._idle.append(self._connect())

    def _connect(self) -> _Connection:
        made = socket.create_connection(self._address, timeout=ANSWER_SECONDS)
        made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._poll.register(made.fileno(), select.EPOLLIN)
        one = self._open[made.fileno()] = _Connection(made)
        return one


def _length(head: bytes) -> int:
    for line in head.lower().split(b"\r\n"):
        if line.startswith(b"content-length:"):
            return int(line[15:])
    return 0
