"""Time, size and hints of one exchange, against sockets that misbehave in ways a web framework does not."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest

from tests.sockets import Talk, serving
from worker.clients import exchange
from worker.clients.exchange import Exchange, open_session, retry_after
from worker.clients.rate import Rate
from worker.errors import PermanentError, TransientError


@pytest.fixture
def serve() -> Iterator[Callable[[Talk], str]]:
    """Start a server that lets one function answer each request."""
    with ExitStack() as stack:

        def start(talk: Talk) -> str:
            def answer(connection: socket.socket) -> None:
                connection.recv(65536)
                talk(connection)

            return f"http://127.0.0.1:{stack.enter_context(serving(answer))}"

        yield start


def an_exchange(url: str, *, seconds: float = 5, rate: Rate | None = None) -> Exchange:
    return Exchange(
        url, open_session({}), dependency="chatwoot", total_seconds=seconds, rate=rate, sleep=lambda _: None
    )


def dripping(text: bytes) -> Talk:
    def talk(connection: socket.socket) -> None:
        for n in range(len(text)):
            connection.sendall(text[n : n + 1])
            time.sleep(0.05)

    return talk


class TestTime:
    @pytest.mark.parametrize(
        "text",
        [b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n" + b" " * 100, b"HTTP/1.1 200 OK\r\n\r\n" + b" " * 100],
        ids=["headers", "with no length"],
    )
    def test_a_dripping_answer_ends_in_time(self, serve: Callable[[Talk], str], text: bytes) -> None:
        url = serve(dripping(text))
        started = time.monotonic()

        with pytest.raises(TransientError) as caught:
            an_exchange(url, seconds=0.4).call("POST", "/")

        assert caught.value.cause == "timeout"
        assert time.monotonic() - started < 4  # the whole answer would take six

    def test_a_body_that_drips_after_its_headers_too(self, serve: Callable[[Talk], str]) -> None:
        def talk(connection: socket.socket) -> None:
            connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")
            dripping(b"x" * 100)(connection)

        with pytest.raises(TransientError) as caught:
            an_exchange(serve(talk), seconds=0.4).call("POST", "/")

        assert caught.value.cause == "timeout"

    def test_an_answer_cut_short_is_no_answer(self, serve: Callable[[Talk], str]) -> None:
        def talk(connection: socket.socket) -> None:
            connection.sendall(b'HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n{"a": 1}')

        with pytest.raises(TransientError) as caught:
            an_exchange(serve(talk)).call("POST", "/")

        assert caught.value.cause == "cut"

    def test_what_is_no_http_is_a_cut_connection(self, serve: Callable[[Talk], str]) -> None:
        with pytest.raises(TransientError) as caught:
            an_exchange(serve(lambda connection: connection.sendall(b"hello\r\n\r\n"))).call("POST", "/")

        assert caught.value.cause == "cut"


class TestSize:
    def test_an_endless_answer_is_refused(self, serve: Callable[[Talk], str], monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(exchange, "LARGEST_ANSWER", 100_000)

        def talk(connection: socket.socket) -> None:
            connection.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
            while True:
                connection.sendall(b"x" * 65536)

        with pytest.raises(PermanentError) as caught:
            an_exchange(serve(talk), seconds=5).call("POST", "/")

        assert caught.value.cause == "answer_too_large"


class TestRate:
    def test_a_call_without_a_turn_is_not_sent(self) -> None:
        rate = Rate(per_second=0.001, now=lambda: 1_000_000.0)
        rate.take()

        with pytest.raises(TransientError) as caught:
            an_exchange("http://127.0.0.1:9", seconds=0.2, rate=rate).call("POST", "/")

        assert caught.value.cause == "own_rate"

    def test_a_429_slows_everybody_down(self, serve: Callable[[Talk], str]) -> None:
        rate = Rate(per_second=10, now=lambda: 1_000_000.0)
        answer = b"HTTP/1.1 429 Too Many Requests\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"

        with pytest.raises(TransientError):
            an_exchange(serve(lambda connection: connection.sendall(answer)), rate=rate).call("POST", "/")

        assert sum(rate.take() == 0.0 for _ in range(20)) == 4  # half of ten, one is spent


class TestRetryAfter:
    NOW = 1_750_000_000.0

    @pytest.mark.parametrize(
        ("value", "seconds"),
        [
            (None, None),
            ("120", 120.0),
            (" 0 ", 0.0),
            ("-5", 0.0),
            ("Sun, 15 Jun 2025 15:07:20 GMT", 40.0),
            ("Mon, 01 Jan 2001 00:00:00 GMT", 0.0),
            ("soon", None),
            ("", None),
            ("9" * 400, float("inf")),
        ],
    )
    def test_it_reads_seconds_and_dates(self, value: str | None, seconds: float | None) -> None:
        assert retry_after(value, now=self.NOW) == seconds
