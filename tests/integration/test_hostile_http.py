"""Odd but genuine HTTP to a real receiver, alone and behind the nginx that is shipped: kept as it came, and soon."""

from __future__ import annotations

import gzip
import time

import pytest

from tests.fuzz import corpus
from tests.fuzz.counting import TEST_SECONDS
from tests.fuzz.raw_http import CHUNKED, chunked, head, length_of, signed, wire
from tests.integration.knocking import PATH, Door, plain
from tests.integration.system import SECRET

BODY = b'{"event":"odd"}'


class TestGenuine:
    @pytest.mark.parametrize("name", corpus.bodies())
    def test_any_body_is_kept_byte_for_byte(self, name: str, door: Door) -> None:
        body = corpus.bodies()[name]
        in_chunks = head(b"POST", PATH, [*signed(SECRET, body), CHUNKED]), chunked(body, (1, 7, 60_000))

        for request in (plain(body), in_chunks):
            reply = door.ask(*request)
            assert (reply.status, door.kept(reply)) == (200, body)

    @pytest.mark.parametrize("name", corpus.HEADERS)
    def test_any_headers_beside_the_signature_do_no_harm(self, name: str, door: Door) -> None:
        odd = corpus.HEADERS[name]
        replaced = {field for field, _ in odd} & {b"content-type"}
        body = name.encode()
        usual = [field for field in signed(SECRET, body) if field[0].lower() not in replaced]

        reply = door.ask(head(b"POST", PATH, [*usual, length_of(body), *odd]), body)

        assert (reply.status, door.kept(reply)) == (200, body)

    def test_gzip_is_kept_as_it_came(self, door: Door) -> None:
        body = gzip.compress(BODY)

        reply = door.ask(*plain(body, (b"Content-Encoding", b"gzip")))

        assert (reply.status, door.kept(reply)) == (200, body)

    def test_chunks_with_extensions_and_trailers(self, door: Door) -> None:
        framed = chunked(BODY, (3,), extension=b';a="b"', trailer=b"X-Trailer: 1\r\n")

        reply = door.ask(head(b"POST", PATH, [*signed(SECRET, BODY), CHUNKED]), framed)

        assert (reply.status, door.kept(reply)) == (200, BODY)

    @pytest.mark.parametrize("at_once", [True, False])
    def test_expect_100_continue(self, at_once: bool, door: Door) -> None:
        start, body = plain(b"expected %d" % at_once, (b"Expect", b"100-continue"))
        with wire(door.port) as opened:
            opened.send(start, *([body] if at_once else []))
            if not at_once:
                opened._more(time.monotonic() + TEST_SECONDS)
                assert opened._left.startswith(b"HTTP/1.1 100 ")
                opened.send(body)
            reply = opened.reply()

        assert (reply.status, door.kept(reply)) == (200, body)

    @pytest.mark.parametrize(
        "target",
        [b"http://hookdesk/webhooks/chatwoot", b"http://elsewhere:99/webhooks/chatwoot?a=%ff", b"/webhooks/%63hatwoot"],
        ids=["absolute", "of another host", "escaped"],
    )
    def test_other_ways_to_write_the_address(self, target: bytes, door: Door) -> None:
        body = b"to " + target

        reply = door.ask(head(b"POST", target, [*signed(SECRET, body), length_of(body)]), body)

        assert (reply.status, door.kept(reply)) == (200, body)

    def test_http_1_0_and_bare_line_feeds(self, door: Door) -> None:
        old = head(b"POST", PATH, [*signed(SECRET, b"1.0"), length_of(b"1.0")], version=b"HTTP/1.0")
        bare = head(b"POST", PATH, [*signed(SECRET, b"lf"), length_of(b"lf")]).replace(b"\r\n", b"\n")

        assert door.kept(door.ask(old, b"1.0")) == b"1.0"
        assert door.kept(door.ask(bare, b"lf")) == b"lf"

    def test_a_pipeline_is_answered_in_order(self, door: Door) -> None:
        bodies = [b'{"n":%d}' % n for n in range(32)]
        packet = [
            part
            for n, body in enumerate(bodies)
            for part in (_in_turn(n, body), b"GET /livez HTTP/1.1\r\nHost: x\r\n\r\n")
        ]

        with wire(door.port) as opened:
            opened.send(*packet)
            replies = [opened.reply() for _ in range(2 * len(bodies))]

        assert [door.kept(reply) for reply in replies[::2]] == bodies
        assert {reply.body for reply in replies[1::2]} == {b'{"status":"alive"}\n'}

    def test_one_that_is_sent_in_single_bytes(self, door: Door) -> None:
        with wire(door.port) as opened:
            for byte in b"".join(plain(b"slowly")):
                opened.send(bytes([byte]))
            reply = opened.reply()

        assert (reply.status, door.kept(reply)) == (200, b"slowly")


def _in_turn(n: int, body: bytes) -> bytes:
    fields = [*signed(SECRET, body), CHUNKED if n % 2 else length_of(body)]
    return head(b"POST", PATH, fields) + (chunked(body, (2,)) if n % 2 else body)
