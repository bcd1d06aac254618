"""Broken HTTP, and senders that hang up: refused in time, never believed, and nobody else notices."""

from __future__ import annotations

import pytest

from tests.fuzz.raw_http import CHUNKED, Fields, Gone, chunked, head, signed, wire
from tests.integration.knocking import NEVER, PATH, Door, plain
from tests.integration.system import SECRET, eventually

BODY = b'{"event":"odd"}'
BROKEN_FRAMES = {
    "length below zero": (b"-1", BODY),
    "length that is a word": (b"many", BODY),
    "length with a sign": (b"+15", BODY),
    "length in hex": (b"0xf", BODY),
    "length beyond 2^64": (b"99999999999999999999999", BODY),
    "two lengths in one": (b"15, 16", BODY),
}
BROKEN_CHUNKS = {
    "no number": b"zz\r\n" + BODY + b"\r\n0\r\n\r\n",
    "below zero": b"-1\r\n" + BODY + b"\r\n0\r\n\r\n",
    "beyond 2^64": b"fffffffffffffffff\r\n" + BODY,
    "no line end": b"f\r\n" + BODY + b"XX0\r\n\r\n",
    "size too small": b"3\r\n" + BODY + b"\r\n0\r\n\r\n",
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


def never(body: bytes) -> Fields:
    """Signed headers of what must not come through."""
    return signed(SECRET, body, delivery_id=NEVER)


class TestBroken:
    @pytest.mark.parametrize("name", BROKEN_FRAMES)
    def test_a_length_that_is_none(self, name: str, door: Door) -> None:
        said, body = BROKEN_FRAMES[name]

        door.refuses(head(b"POST", PATH, [*never(BODY), (b"Content-Length", said)]), body)

    @pytest.mark.parametrize("name", BROKEN_CHUNKS)
    def test_a_chunk_that_is_none(self, name: str, door: Door) -> None:
        door.refuses(head(b"POST", PATH, [*never(BODY), CHUNKED]), BROKEN_CHUNKS[name])

    @pytest.mark.parametrize("name", BROKEN_HEADS)
    def test_a_head_that_is_none(self, name: str, door: Door) -> None:
        start, body = plain(BODY, delivery_id=NEVER)

        door.refuses(start[:-2] + BROKEN_HEADS[name] + b"\r\n", body)

    @pytest.mark.parametrize("name", NO_HTTP)
    def test_what_is_no_http(self, name: str, door: Door) -> None:
        door.refuses(NO_HTTP[name])

    @pytest.mark.parametrize(
        "path", [b"/webhooks/email", b"/survey", b"/webhooks", b"/webhooks/chatwoot/", b"//survey"]
    )
    @pytest.mark.parametrize("method", [b"GET", b"POST"])
    def test_a_path_without_its_end_is_not_found_and_never_redirected(
        self, method: bytes, path: bytes, door: Door
    ) -> None:
        assert door.ask(head(method, path, [(b"Host", b"x"), (b"Content-Length", b"0")])).status == 404

    def test_a_request_in_the_body_of_another_is_not_heard(self, door: Door) -> None:
        """Where one believes the length, and another the chunks, a request is heard that nobody sent."""
        hidden = b"".join(plain(b"hidden", delivery_id=NEVER))
        fields = [*signed(SECRET, b"outer"), (b"Content-Length", b"%d" % len(hidden)), CHUNKED]
        with wire(door.port) as opened:
            opened.send(head(b"POST", PATH, fields), chunked(b"outer"), hidden)
            with pytest.raises(Gone):
                replies = [opened.reply() for _ in range(3)]
                raise AssertionError(f"answered as {len(replies)} requests")

        assert not door.has_kept(NEVER)


class TestHungUp:
    def test_a_sender_that_stops_in_the_body_is_not_believed(self, door: Door) -> None:
        start, body = plain(b"never whole", delivery_id=NEVER)
        in_chunks = head(b"POST", PATH, [*never(body), CHUNKED])
        for framed in (start + body[:-1], in_chunks + b"b\r\nnever", in_chunks + b"b\r\nnever whole\r\n"):
            with wire(door.port) as opened:
                opened.send(framed)
                opened.end_sending()
                assert opened.is_ended()

        assert door.ask(*plain(BODY)).status == 200
        assert not door.has_kept(NEVER)

    def test_one_that_closes_its_half_after_a_whole_request(self, door: Door) -> None:
        """nginx answers and passes it on. The receiver alone may take it for gone, but never says what is not so."""
        answered = []
        for n in range(20):
            with wire(door.port) as opened:
                opened.send(*plain(b"half %d" % n))
                opened.end_sending()
                try:
                    answered.append((opened.reply(), b"half %d" % n))
                except Gone:
                    continue

        assert len(answered) == 20 or not door.is_behind_nginx
        assert [door.kept(reply) for reply, _ in answered] == [body for _, body in answered]

    def test_behind_nginx_a_whole_request_is_kept_though_its_sender_has_gone(self, door: Door) -> None:
        if not door.is_behind_nginx:
            return  # the receiver's server drops what it has not begun when the connection ends
        for n in range(50):
            with wire(door.port) as opened:
                opened.send(*plain(b"gone", delivery_id=f"gone-{n}"))

        eventually(lambda: all(door.has_kept(f"gone-{n}") for n in range(50)), what="all fifty in the inbox")
