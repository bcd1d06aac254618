"""A hard limit for one HTTP exchange: also against an answer that arrives one byte at a time.

The timeouts of requests count from one read to the next, so a server that drips could hold a worker for hours. Here
every read of the answer, headers included, gets only what is left of the time.
"""

from __future__ import annotations

import http.client
import io
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from requests.adapters import HTTPAdapter
from urllib3 import PoolManager
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool

_ends_at: ContextVar[float | None] = ContextVar("hookdesk_call_ends_at", default=None)


@contextmanager
def ending_at(moment: float) -> Iterator[None]:
    """Exchanges inside must be over at `moment` of the monotonic clock; a nested, earlier end wins."""
    outer = _ends_at.get()
    token = _ends_at.set(moment if outer is None else min(outer, moment))
    try:
        yield
    finally:
        _ends_at.reset(token)


def left() -> float:
    """Seconds until the end of the surrounding `ending_at`; raises TimeoutError when there are none."""
    end = _ends_at.get()
    if end is None:
        return 60.0
    seconds = end - time.monotonic()
    if seconds <= 0:
        raise TimeoutError("the time for this call is over")
    return seconds


class _Reader(io.RawIOBase):
    """Reads a socket, giving each read only the time that is left."""

    def __init__(self, sock: socket.socket) -> None:
        super().__init__()
        self._sock = sock
        self._file = sock.makefile("rb", buffering=0)  # keeps the descriptor open until the answer is closed

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        self._sock.settimeout(left())
        return self._sock.recv_into(buffer)

    def close(self) -> None:
        self._file.close()
        super().close()


def reader(sock: socket.socket) -> io.BufferedReader:
    """A file to read from this socket, each read with only the time that is left."""
    return io.BufferedReader(_Reader(sock))


class _Source:
    """Stands in for the socket where http.client asks it for a file to read from."""

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock

    def makefile(self, *_: object, **__: object) -> io.BufferedReader:
        return reader(self._sock)


class _Answer(http.client.HTTPResponse):
    def __init__(self, sock: Any, *args: Any, **kwargs: Any) -> None:
        super().__init__(_Source(sock), *args, **kwargs)  # type: ignore[arg-type]  # only makefile is used


class Connection(HTTPConnection):
    """A connection whose answers obey `ending_at`."""

    response_class = _Answer


class SecureConnection(HTTPSConnection):
    """The same, encrypted."""

    response_class = _Answer


class Pool(HTTPConnectionPool):
    """A pool of such connections."""

    ConnectionCls = Connection


class SecurePool(HTTPSConnectionPool):
    """The same, encrypted."""

    ConnectionCls = SecureConnection


class DeadlineAdapter(HTTPAdapter):
    """An HTTPAdapter whose answers obey `ending_at`."""

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, **kwargs)
        _use_our_pools(self.poolmanager)

    def proxy_manager_for(self, *args: Any, **kwargs: Any) -> Any:
        manager = super().proxy_manager_for(*args, **kwargs)
        _use_our_pools(manager)
        return manager


def _use_our_pools(manager: PoolManager) -> None:
    manager.pool_classes_by_scheme = {"http": Pool, "https": SecurePool}
