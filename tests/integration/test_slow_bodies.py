"""A real receiver and a real ticket API against senders that are slow, unfinished or gone, and at their own end."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager

import pytest
import requests

from tests.fuzz.raw_http import CHUNKED, head
from tests.integration.knocking import ApiDoor, Door, bare_door, every_door
from tests.integration.system import BEARER, System, eventually, free_port
from webhooks import spool

HALF_A_MAIL = (
    b"POST /webhooks/email/generic HTTP/1.1\r\nHost: hookdesk\r\nAuthorization: Bearer " + BEARER.encode() + b"\r\n"
)


@contextmanager
def connection(port: int, first: bytes) -> Iterator[socket.socket]:
    with socket.create_connection(("127.0.0.1", port), timeout=10) as opened:
        opened.sendall(first)
        yield opened


def read_to_end(opened: socket.socket) -> bytes:
    answer = b""
    while part := opened.recv(65_536):
        answer += part
    return answer


def unfinished(door: Door) -> Mapping[str, bytes]:
    """The beginnings of genuine requests, by what is missing of them."""
    body = head(b"POST", door.path, [*door.fields(b""), (b"Content-Length", b"100000")]) + b"{"
    chunks = head(b"POST", door.path, [*door.fields(b""), CHUNKED]) + b"5\r\n{"
    return {"body": body, "chunks": chunks, "headers": body.partition(b"Content-Length")[0] + b"X-Slow: ", "all": b""}


class TestSlowSenders:
    @every_door
    @pytest.mark.parametrize("missing", [["body"], ["headers"], ["body", "headers", "chunks", "all"]], ids="/".join)
    def test_two_hundred_of_them_hold_nobody_up(self, missing: list[str], door: Door) -> None:
        """With as many threads as there are by default, which is what the benchmark measures: far fewer than 200."""
        firsts = [unfinished(door)[what] for what in missing]
        with ExitStack() as stack:
            slow = [stack.enter_context(connection(door.port, firsts[n % len(firsts)])) for n in range(200)]
            for turn in range(20):
                slow[turn].sendall(b" ")  # still there
                assert door.ask(b"GET /livez HTTP/1.1\r\nHost: hookdesk\r\n\r\n").status == 200
                assert door.ask(*door.plain(door.body(b"turn %d" % turn))).status == door.good

        assert door.system.env.get("HOOKDESK_WEB_THREADS") is None

    @bare_door
    @pytest.mark.parametrize("missing", ["body", "chunks"])
    def test_a_slow_body_is_told_so_and_cut_off(self, missing: str, door: Door) -> None:
        started = time.monotonic()

        with connection(door.port, unfinished(door)[missing]) as slow:
            answer = read_to_end(slow)

        assert answer.startswith(b"HTTP/1.1 408 ")
        assert b"connection: close" in answer
        assert 2.5 < time.monotonic() - started < 6

    @pytest.mark.parametrize(
        "unfinished",
        [b'Content-Length: 100\r\n\r\n{"id":', b'Transfer-Encoding: chunked\r\n\r\n6\r\n{"id":\r\n'],
        ids=["length", "chunked"],
    )
    def test_a_body_cut_on_the_way_is_not_taken_for_a_whole_one(
        self, unfinished: bytes, start: Callable[..., System]
    ) -> None:
        system = start("web")

        with connection(system.port, HALF_A_MAIL + unfinished) as cut:
            cut.shutdown(socket.SHUT_WR)
            answer = read_to_end(cut)

        assert not answer.startswith(b"HTTP/1.1 200")
        assert system.ledger().received == 0

    def test_a_chunked_body_is_as_good_as_any(self, start: Callable[..., System]) -> None:
        system = start("web")
        headers = {"Authorization": f"Bearer {BEARER}"}

        answer = requests.post(
            f"{system.url}/webhooks/email/generic", data=iter([b'{"id":', b'"1"}']), headers=headers, timeout=5
        )

        assert (answer.status_code, system.ledger().received) == (200, 1)

    @bare_door
    def test_the_server_says_little_about_itself(self, door: Door) -> None:
        assert requests.get(f"{door.url}/livez", timeout=5).headers["Server"] == "hookdesk"


class TestEnd:
    def test_on_sigterm_it_finishes_what_it_has_and_exits_0(self, start: Callable[..., System]) -> None:
        system = start("web")
        answered: list[str] = []

        def keep_posting() -> None:
            for n in range(100_000):
                try:
                    if system.post({"n": n}, delivery_id=f"s-{n}").status_code == 200:
                        answered.append(f"s-{n}")
                except requests.ConnectionError:
                    return

        poster = threading.Thread(target=keep_posting)
        poster.start()
        eventually(lambda: len(answered) > 20)

        assert system.stop("web") == 0
        poster.join(10)
        kept = system.ledger().received + spool.count(spool.directory_of(system.root / "data"))
        assert kept >= len(answered)

    @pytest.mark.parametrize("part", ["web", "api"])
    def test_a_request_on_its_way_is_still_answered(self, part: str, start: Callable[..., System]) -> None:
        system = start(part)
        door = Door(system, system.port) if part == "web" else ApiDoor(system, system.api_port)
        first, body = door.plain(door.body(b"on its way"), (b"Connection", b"close"), delivery_id="on-its-way")

        with connection(door.port, first + body[:5]) as half:
            time.sleep(0.2)
            stopper = threading.Thread(target=system.stop, args=(part,))
            stopper.start()
            time.sleep(0.2)
            half.sendall(body[5:])
            answer = read_to_end(half)
            stopper.join(20)

        assert answer.startswith(b"HTTP/1.1 %d " % door.good)
        assert door.has_kept("on-its-way")


class TestStart:
    def test_it_starts_and_is_ready_without_a_database(self, start: Callable[..., System]) -> None:
        nobody = f"postgresql://nobody@127.0.0.1:{free_port()}/nothing"
        system = start()
        system.start("web", HOOKDESK_DATABASE_URL=nobody)

        eventually(lambda: system.post({"n": 1}).status_code == 200)
        ready = requests.get(f"{system.url}/readyz", timeout=5)
        system.stop("web")
        waiting = spool.count(spool.directory_of(system.root / "data"))

        assert (ready.status_code, ready.json()["status"]) == (200, "degraded: spooling")
        assert waiting >= 1
        system.start("web")
        eventually(lambda: system.ledger().received == waiting)
        eventually(lambda: spool.count(spool.directory_of(system.root / "data")) == 0)  # the file goes after the commit

    def test_a_taken_port_is_told_in_words(self, start: Callable[..., System]) -> None:
        system = start()
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", system.port))
            taken.listen()
            with pytest.raises(AssertionError, match="HOOKDESK_PORT"):
                system.start("web")
                eventually(lambda: not system.is_alive("web"))
                system._await_ready("web")
