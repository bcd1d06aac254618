"""Odd but genuine HTTP to a real receiver, alone and behind the nginx that is shipped: kept as it came, and soon.

Where it does not matter what the body says, the same to a real ticket API.
"""

from __future__ import annotations

import gzip
import json
import time

import pytest

from tests.fuzz import corpus
from tests.fuzz.counting import TEST_SECONDS
from tests.fuzz.raw_http import CHUNKED, chunked, head, length_of, wire
from tests.integration.knocking import Door, every_door

BODY = b'{"event":"odd"}'


class TestGenuine:
    @pytest.mark.parametrize("name", corpus.bodies())
    def test_any_body_is_kept_byte_for_byte(self, name: str, door: Door) -> None:
        body = corpus.bodies()[name]
        in_chunks = head(b"POST", door.path, [*door.fields(body), CHUNKED]), chunked(body, (1, 7, 60_000))

        for request in (door.plain(body), in_chunks):
            reply = door.ask(*request)
            assert (reply.status, door.kept(reply)) == (200, body)

    @pytest.mark.parametrize("name", corpus.HEADERS)
    def test_any_headers_beside_the_signature_do_no_harm(self, name: str, door: Door) -> None:
        odd = corpus.HEADERS[name]
        replaced = {field for field, _ in odd} & {b"content-type"}
        body = name.encode()
        usual = [field for field in door.fields(body) if field[0].lower() not in replaced]

        reply = door.ask(head(b"POST", door.path, [*usual, length_of(body), *odd]), body)

        assert (reply.status, door.kept(reply)) == (200, body)

    def test_gzip_is_kept_as_it_came(self, door: Door) -> None:
        body = gzip.compress(BODY)

        reply = door.ask(*door.plain(body, (b"Content-Encoding", b"gzip")))

        assert (reply.status, door.kept(reply)) == (200, body)

    @every_door
    def test_chunks_with_extensions_and_trailers(self, door: Door) -> None:
        body = door.body(BODY)
        framed = chunked(body, (3,), extension=b';a="b"', trailer=b"X-Trailer: 1\r\n")

        reply = door.ask(head(b"POST", door.path, [*door.fields(body), CHUNKED]), framed)

        assert (reply.status, door.kept(reply)) == (door.good, body)

    @every_door
    @pytest.mark.parametrize("at_once", [True, False])
    def test_expect_100_continue(self, at_once: bool, door: Door) -> None:
        start, body = door.plain(door.body(b"expected %d" % at_once), (b"Expect", b"100-continue"))
        with wire(door.port) as opened:
            opened.send(start, *([body] if at_once else []))
            if not at_once:
                opened._more(time.monotonic() + TEST_SECONDS)
                assert opened._left.startswith(b"HTTP/1.1 100 ")
                opened.send(body)
            reply = opened.reply()

        assert (reply.status, door.kept(reply)) == (door.good, body)

    @pytest.mark.parametrize(
        "target",
        [b"http://hookdesk/webhooks/chatwoot", b"http://elsewhere:99/webhooks/chatwoot?a=%ff", b"/webhooks/%63hatwoot"],
        ids=["absolute", "of another host", "escaped"],
    )
    def test_other_ways_to_write_the_address(self, target: bytes, door: Door) -> None:
        body = b"to " + target

        reply = door.ask(head(b"POST", target, [*door.fields(body), length_of(body)]), body)

        assert (reply.status, door.kept(reply)) == (200, body)

    @every_door
    def test_http_1_0_and_bare_line_feeds(self, door: Door) -> None:
        older, bare = door.body(b"1.0"), door.body(b"lf")
        old = head(b"POST", door.path, [*door.fields(older), length_of(older)], version=b"HTTP/1.0")

        assert door.kept(door.ask(old, older)) == older
        assert door.kept(door.ask(door.plain(bare)[0].replace(b"\r\n", b"\n"), bare)) == bare

    @every_door
    def test_a_pipeline_is_answered_in_order(self, door: Door) -> None:
        bodies = [door.body(b'{"n":%d}' % n) for n in range(32)]
        packet = [
            part
            for n, body in enumerate(bodies)
            for part in (_in_turn(door, n, body), b"GET /livez HTTP/1.1\r\nHost: x\r\n\r\n")
        ]

        with wire(door.port) as opened:
            opened.send(*packet)
            replies = [opened.reply() for _ in range(2 * len(bodies))]

        assert [door.kept(reply) for reply in replies[::2]] == bodies
        assert all(json.loads(reply.body) == {"status": "alive"} for reply in replies[1::2])

    @every_door
    def test_one_that_is_sent_in_single_bytes(self, door: Door) -> None:
        body = door.body(b"slowly")
        with wire(door.port) as opened:
            for byte in b"".join(door.plain(body)):
                opened.send(bytes([byte]))
            reply = opened.reply()

        assert (reply.status, door.kept(reply)) == (door.good, body)


def _in_turn(door: Door, n: int, body: bytes) -> bytes:
    fields = [*door.fields(body), CHUNKED if n % 2 else length_of(body)]
    return head(b"POST", door.path, fields) + (chunked(body, (2,)) if n % 2 else body)
