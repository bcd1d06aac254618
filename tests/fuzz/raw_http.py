"""HTTP/1.1 written by hand, right or wrong, and answers read as they come: what no client library would send."""

from __future__ import annotations

import socket
import time
import uuid
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import cycle

from worker.signing import chatwoot_headers

Fields = Iterable[tuple[bytes, bytes]]


@dataclass(frozen=True, slots=True)
class Reply:
    """One whole answer."""

    status: int
    headers: dict[bytes, bytes]
    body: bytes


class Gone(Exception):
    """The other side ended the connection instead of answering."""


class Silent(Exception):
    """No answer within the time."""


class Wire:
    """One connection: bytes out, answers in, in order."""

    def __init__(self, port: int, *, seconds: float = 5.0) -> None:
        self._socket = socket.create_connection(("127.0.0.1", port), timeout=seconds)
        self.seconds, self._left = seconds, b""

    def send(self, *parts: bytes) -> None:
        """All of it at once; a connection that has ended meanwhile is no error, the answer may be there already."""
        try:
            self._socket.sendall(b"".join(parts))
        except OSError:
            return

    def end_sending(self) -> None:
        """Half-close."""
        try:
            self._socket.shutdown(socket.SHUT_WR)
        except OSError:
            return

    def reply(self) -> Reply:
        """The next answer, after any 100. Raises Gone or Silent."""
        until = time.monotonic() + self.seconds
        while True:
            while b"\r\n\r\n" not in self._left:
                self._more(until)
            head, _, self._left = self._left.partition(b"\r\n\r\n")
            first, *lines = head.split(b"\r\n")
            status = int(first.split()[1])
            headers = {name.lower(): value.strip() for name, _, value in (line.partition(b":") for line in lines)}
            if status >= 200:
                return Reply(status, headers, self._body(headers, until))

    def is_ended(self) -> bool:
        """True when the other side has closed and nothing is left to read."""
        try:
            self._more(time.monotonic() + self.seconds)
        except Gone:
            return True
        except Silent:
            return False
        return self.is_ended()

    def close(self) -> None:
        """Let go."""
        self._socket.close()

    def _body(self, headers: dict[bytes, bytes], until: float) -> bytes:
        if headers.get(b"transfer-encoding") == b"chunked":
            return b"".join(self._chunks(until))
        length = int(headers.get(b"content-length", b"0"))
        while len(self._left) < length:
            self._more(until)
        body, self._left = self._left[:length], self._left[length:]
        return body

    def _chunks(self, until: float) -> Iterator[bytes]:
        while True:
            while b"\r\n" not in self._left:
                self._more(until)
            size, _, self._left = self._left.partition(b"\r\n")
            length = int(size, 16)
            while len(self._left) < length + 2:
                self._more(until)
            chunk, self._left = self._left[:length], self._left[length + 2 :]
            if not length:
                return
            yield chunk

    def _more(self, until: float) -> None:
        self._socket.settimeout(max(0.001, until - time.monotonic()))
        try:
            part = self._socket.recv(65_536)
        except TimeoutError as exc:
            raise Silent from exc
        except OSError as exc:
            raise Gone from exc
        if not part:
            raise Gone
        self._left += part


@contextmanager
def wire(port: int, *, seconds: float = 5.0) -> Iterator[Wire]:
    """A connection for as long as the block."""
    opened = Wire(port, seconds=seconds)
    try:
        yield opened
    finally:
        opened.close()


def head(method: bytes, target: bytes, fields: Fields, *, version: bytes = b"HTTP/1.1") -> bytes:
    """The request line and the headers, as given, to the empty line."""
    lines = (name + b": " + value + b"\r\n" for name, value in fields)
    return b" ".join((method, target, version)) + b"\r\n" + b"".join(lines) + b"\r\n"


def signed(secret: str, body: bytes, *, delivery_id: str | None = None) -> list[tuple[bytes, bytes]]:
    """Chatwoot's headers for this body, and the host."""
    made = chatwoot_headers(secret, body, timestamp=int(time.time()), delivery_id=delivery_id or str(uuid.uuid4()))
    return [(b"Host", b"hookdesk"), *((name.encode(), value.encode()) for name, value in made.items())]


def length_of(body: bytes) -> tuple[bytes, bytes]:
    """The header that frames a body of known length."""
    return b"Content-Length", b"%d" % len(body)


CHUNKED = (b"Transfer-Encoding", b"chunked")


def chunked(body: bytes, sizes: Sequence[int] = (1000,), *, extension: bytes = b"", trailer: bytes = b"") -> bytes:
    """A body in chunks of these sizes, over and over."""
    parts, at = [], 0
    for size in cycle(sizes):
        if at >= len(body):
            break
        piece = body[at : at + size]
        parts.append(b"%x%s\r\n%s\r\n" % (len(piece), extension, piece))
        at += size
    return b"".join(parts) + b"0\r\n" + trailer + b"\r\n"
