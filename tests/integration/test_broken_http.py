"""Broken HTTP, and senders that hang up: refused in time, never believed, and nobody else notices."""

from __future__ import annotations

import json

import pytest

from tests.fuzz.raw_http import CHUNKED, Fields, Gone, chunked, head, wire
from tests.integration.knocking import NEVER, Door, every_door
from tests.integration.system import eventually
from worker.api.app import BODY_BYTES

SAID = b'{"event":"odd"}'
BROKEN_LENGTHS = {
    "below zero": b"-1",
    "a word": b"many",
    "with a sign": b"+%d",
    "in hex": b"0x%x",
    "beyond 2^64": b"99999999999999999999999",
    "two in one": b"%d, 16",
}
BROKEN_CHUNKS = {
    "no number": b"zz\r\n%(body)b\r\n0\r\n\r\n",
    "below zero": b"-1\r\n%(body)b\r\n0\r\n\r\n",
    "beyond 2^64": b"fffffffffffffffff\r\n%(body)b",
    "no line end": b"%(size)x\r\n%(body)bXX0\r\n\r\n",
    "size too small": b"3\r\n%(body)b\r\n0\r\n\r\n",
}
BROKEN_HEADS = {
    "NUL in a header": b"X-A: a\x00b\r\n",
    "a control in a header": b"X-A: a\x01b\r\n",
    "a folded header": b"X-A: a\r\n  b\r\n",
    "a space before the colon": b"X-A : b\r\n",
    "no name": b": b\r\n",
    "two lengths that differ": b"Content-Length: 1\r\n",
    "an unknown transfer coding": b"Transfer-Encoding: xchunked\r\n",
    "three hundred headers": b"".join(b"X-%d: a\r\n" % n for n in range(300)),
    "headers of a quarter MiB": b"X-A: " + b"a" * (256 << 10) + b"\r\n",
}
NO_HTTP = {
    "a TLS greeting": bytes.fromhex("16030100f1010000ed0303") + bytes(200),
    "every byte": bytes(range(256)),
    "the preface of HTTP/2": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "an endless address": b"GET /" + b"a" * (256 << 10) + b" HTTP/1.1\r\nHost: x\r\n\r\n",
    "a raw byte in the address": b"POST /webhooks/chatwoot/\xff HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n",
}


def never(door: Door, body: bytes) -> Fields:
    """Headers of what must not come through, though it is genuine."""
    return door.fields(body, delivery_id=NEVER)


@every_door
class TestBroken:
    @pytest.mark.parametrize("name", BROKEN_LENGTHS)
    def test_a_length_that_is_none(self, name: str, door: Door) -> None:
        body, said = door.body(SAID), BROKEN_LENGTHS[name]
        length = said % len(body) if b"%" in said else said

        door.refuses(head(b"POST", door.path, [*never(door, body), (b"Content-Length", length)]), body)

    @pytest.mark.parametrize("name", BROKEN_CHUNKS)
    def test_a_chunk_that_is_none(self, name: str, door: Door) -> None:
        body = door.body(SAID)
        framed = BROKEN_CHUNKS[name] % {b"body": body, b"size": len(body)}

        door.refuses(head(b"POST", door.path, [*never(door, body), CHUNKED]), framed)

    @pytest.mark.parametrize("name", BROKEN_HEADS)
    def test_a_head_that_is_none(self, name: str, door: Door) -> None:
        start, body = door.plain(door.body(SAID), delivery_id=NEVER)

        door.refuses(start[:-2] + BROKEN_HEADS[name] + b"\r\n", body)

    @pytest.mark.parametrize("name", NO_HTTP)
    def test_what_is_no_http(self, name: str, door: Door) -> None:
        door.refuses(NO_HTTP[name])

    def test_a_request_in_the_body_of_another_is_not_heard(self, door: Door) -> None:
        """Where one believes the length, and another the chunks, a request is heard that nobody sent."""
        hidden = b"".join(door.plain(door.body(b"hidden"), delivery_id=NEVER))
        outer = door.body(b"outer")
        fields = [*door.fields(outer), (b"Content-Length", b"%d" % len(hidden)), CHUNKED]
        with wire(door.port) as opened:
            opened.send(head(b"POST", door.path, fields), chunked(outer), hidden)
            with pytest.raises(Gone):
                replies = [opened.reply() for _ in range(3)]
                raise AssertionError(f"answered as {len(replies)} requests")

        assert not door.has_kept(NEVER)


@pytest.mark.parametrize("door", ["ticket API"], indirect=True)
class TestTooLong:
    """The receiver keeps what it can of any body; the ticket API takes none that is too long."""

    @pytest.mark.parametrize("size", [BODY_BYTES + 1, 1 << 20])
    @pytest.mark.parametrize("frame", ["length", "chunks"])
    def test_it_is_refused_and_the_connection_ends(self, frame: str, size: int, door: Door) -> None:
        body = door.body(SAID).ljust(size)
        in_chunks = head(b"POST", door.path, [*never(door, body), CHUNKED]), chunked(body, (60_000,))
        with wire(door.port) as opened:
            opened.send(*(in_chunks if frame == "chunks" else door.plain(body, delivery_id=NEVER)))
            reply = opened.reply()
            assert opened.is_ended()

        assert (reply.status, json.loads(reply.body)["code"]) == (413, "too_large")
        assert door.ask(*door.plain(door.body(SAID))).status == door.good
        assert not door.has_kept(NEVER)

    def test_the_longest_is_taken(self, door: Door) -> None:
        assert door.ask(*door.plain(door.body(SAID).ljust(BODY_BYTES))).status == door.good


class TestPaths:
    @pytest.mark.parametrize(
        "path", [b"/webhooks/email", b"/survey", b"/webhooks", b"/webhooks/chatwoot/", b"//survey"]
    )
    @pytest.mark.parametrize("method", [b"GET", b"POST"])
    def test_a_path_without_its_end_is_not_found_and_never_redirected(
        self, method: bytes, path: bytes, door: Door
    ) -> None:
        assert door.ask(head(method, path, [(b"Host", b"x"), (b"Content-Length", b"0")])).status == 404


class TestHungUp:
    @every_door
    def test_a_sender_that_stops_in_the_body_is_not_believed(self, door: Door) -> None:
        start, body = door.plain(door.body(b"never whole"), delivery_id=NEVER)
        in_chunks = head(b"POST", door.path, [*never(door, body), CHUNKED]) + b"%x\r\n" % len(body)
        longer = head(b"POST", door.path, [*never(door, body), (b"Content-Length", b"%d" % (len(body) + 1))])
        for framed in (start + body[:-1], longer + body, in_chunks + body[:-1], in_chunks + body + b"\r\n"):
            with wire(door.port) as opened:
                opened.send(framed)
                opened.end_sending()
                assert opened.is_ended()

        assert door.ask(*door.plain(door.body(SAID))).status == door.good
        assert not door.has_kept(NEVER)

    @every_door
    def test_one_that_closes_its_half_after_a_whole_request(self, door: Door) -> None:
        """nginx answers and passes it on. The receiver alone may take it for gone, but never says what is not so."""
        answered = []
        for n in range(20):
            with wire(door.port) as opened:
                opened.send(*door.plain(door.body(b"half %d" % n)))
                opened.end_sending()
                try:
                    answered.append((opened.reply(), door.body(b"half %d" % n)))
                except Gone:
                    continue

        assert len(answered) == 20 or not door.is_behind_nginx
        assert [door.kept(reply) for reply, _ in answered] == [body for _, body in answered]

    def test_behind_nginx_a_whole_request_is_kept_though_its_sender_has_gone(self, door: Door) -> None:
        if not door.is_behind_nginx:
            return  # the receiver's server drops what it has not begun when the connection ends
        for n in range(50):
            with wire(door.port) as opened:
                opened.send(*door.plain(b"gone", delivery_id=f"gone-{n}"))

        eventually(lambda: all(door.has_kept(f"gone-{n}") for n in range(50)), what="all fifty in the inbox")
