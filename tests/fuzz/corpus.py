"""The named ideas: bodies and headers that broke somebody's receiver once. Each has a test; `make fuzz` mixes them."""

from __future__ import annotations

import gzip
import json
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

FIXTURES = Path(__file__).parents[1] / "fixtures"
LONG_TEXT = 150_000  # characters: what Chatwoot allows in a message
DEEP = 100_000
_MARK = '"\ue000"'


@cache
def chatwoot_samples() -> tuple[bytes, ...]:
    """Every body of the fixtures that Chatwoot sends."""
    return tuple(path.read_bytes() for path in sorted((FIXTURES / "chatwoot").glob("[0-9]*.json")))


@cache
def mail_samples() -> tuple[bytes, ...]:
    """Every body of the fixtures that mail services send, and one as a service nests it."""
    return tuple(
        json.loads(path.read_text())["body"].encode() for path in sorted((FIXTURES / "email").glob("gen*.json"))
    )


FORM_SAMPLES = (
    b"name=Zo%C3%AB&email=zoe%40x.example&subject=Demo&message=Hi&page=%2Fcontact&website=",
    b'{"name":"Zo\xc3\xab","email":"zoe@x.example","subject":"Demo","message":"Hi","page":"/contact","website":""}',
    b'{"type":"form.submitted","data":{"email":"zoe@x.example","message":"Hi"}}',
)
SURVEY_SAMPLES = (b'{"ticket_id":9,"resolution":2,"rating":4,"feedback":"","at":"2026-11-18T11:59:00Z"}',)


def samples(source: str) -> tuple[bytes, ...]:
    """Well-formed bodies of one source."""
    made = {"form": FORM_SAMPLES, "survey": SURVEY_SAMPLES}
    return made.get(source) or (mail_samples() if source == "email" else chatwoot_samples())


def _message(**changes: Any) -> dict[str, Any]:
    """An incoming message of Chatwoot."""
    said: dict[str, Any] = json.loads(
        (FIXTURES / "chatwoot" / "02_message_created_incoming_webwidget.json").read_text()
    )
    return said | changes


def _raw(**marked: str) -> bytes:
    """The message with JSON put in as it stands, well-formed or not."""
    text = json.dumps(_message(**dict.fromkeys(marked, "\ue000")), ensure_ascii=False)
    for value in marked.values():
        text = text.replace(_MARK, value, 1)
    return text.encode("utf-8", "surrogatepass")


@cache
def bodies() -> Mapping[str, bytes]:
    """By name. All of them may come with a valid signature, and have to be kept then."""
    return {**_no_json(), **_bombs(), **_values()}


def _no_json() -> Mapping[str, bytes]:
    return {
        "empty": b"",
        "white space": b" \t\r\n" * 100,
        "NUL": b"\x00",
        "every byte": bytes(range(256)),
        "not JSON": b"<xml/>",
        "a string": b'"text"',
        "a number": b"1e400",
        "an array": b"[]",
        "half of it": chatwoot_samples()[1][:700],
        "UTF-16": json.dumps(_message()).encode("utf-16"),
        "latin-1": json.dumps(_message(content="Zo\xeb"), ensure_ascii=False).encode("latin-1"),
        "byte order mark": b"\xef\xbb\xbf" + chatwoot_samples()[1],
        "gzip": gzip.compress(chatwoot_samples()[1], mtime=0),
    }  # fmt: skip


def _bombs() -> Mapping[str, bytes]:
    return {
        "nested 100,000 deep": b"[" * DEEP + b"]" * DEEP,
        "objects 100,000 deep": b'{"a":' * DEEP + b"1" + b"}" * DEEP,
        "nested 100,000 deep inside": _raw(content_attributes="[" * DEEP + "]" * DEEP),
        "unclosed 100,000 deep": b"[" * DEEP,
        "nested just below the limit": _raw(additional_attributes='{"a":' * 900 + "1" + "}" * 900),
        "bomb of 100,000 keys": _raw(content_attributes="{" + ",".join(f'"k{n}":{n}' for n in range(100_000)) + "}"),
        "bomb of 500,000 numbers": _raw(content_attributes='{"a":[' + "0," * 500_000 + "0]}"),
        "bomb of digits": _raw(id="9" * 100_000),
        "bomb of an exponent": _raw(created_at="1e999999999"),
        "bomb of a fraction": _raw(created_at="1e-999999999"),
    }  # fmt: skip


def _values() -> Mapping[str, bytes]:
    return {
        "duplicate keys": _raw(id='1,"id":2'),
        "duplicate keys, another type": _raw(content='"a","content":{"b":[]}'),
        "NaN": _raw(created_at="NaN"),
        "Infinity": _raw(created_at="Infinity"),
        "-Infinity": _raw(id="-Infinity"),
        "lone surrogate escaped": _raw(content='"a\\ud800b"'),
        "lone surrogate as a key": _raw(content_attributes='{"\\udfff":1}'),
        "lone surrogate in bytes": _raw(content='"\ud800"'),
        "NUL in text": _raw(content='"a\\u0000b"'),
        "NUL raw in text": _raw(content='"a\x00b"'),
        "message of 150,000 characters": json.dumps(_message(content="ü" * LONG_TEXT), ensure_ascii=False).encode(),
        "message of 150,000 escapes": _raw(content='"' + "\\u00fc" * LONG_TEXT + '"'),
        "id beyond 2^53": _raw(id=str(2**53 + 1)),
        "id beyond 2^64": _raw(id=str(2**64 + 1)),
        "id beyond 10^40": _raw(id=str(10**40)),
        "negative id": _raw(id="-1"),
        "id as a fraction": _raw(id="1.5"),
        "id as true": _raw(id="true"),
        "time beyond the calendar": _raw(created_at=str(10**15)),
        "time before the calendar": _raw(created_at='"0001-01-01T00:00:00+14:00"'),
        "names of the prototype": _raw(content_attributes='{"__proto__":{"a":1},"constructor":1,"__class__":2}'),
        "bidi and invisible": _raw(content='"\u202e\u2066\u200f\ufeff\u2028"'),
        "combining marks": _raw(content='"' + "e" + "\u0301" * 5000 + '"'),
        "SQL and templates": _raw(content='"\'; DROP TABLE deliveries; -- {{7*7}} ${jndi:ldap://x} %s %(a)s"'),
    }  # fmt: skip


HEADERS: Mapping[str, tuple[tuple[bytes, bytes], ...]] = {
    "bytes beyond latin-1 words": ((b"x-odd", bytes(range(0x80, 0x100))),),
    "UTF-8": ((b"x-odd", "Grüße, 世界".encode()),),
    "huge": ((b"x-huge", b"a" * 30_000),),
    "huge with spaces": ((b"x-huge", b"a " * 15_000),),
    "seventy of them": tuple((b"x-many-%d" % n, b"1") for n in range(70)),
    "repeated": ((b"x-same", b"1"),) * 40,
    "content type that is none": ((b"content-type", b"a/b; charset=\xff; boundary="),),
    "unknown charset": ((b"content-type", b"application/json; charset=utf-7"),),
    "charset UTF-16": ((b"content-type", b"application/json; charset=utf-16"),),
    "multipart without a boundary": ((b"content-type", b"multipart/form-data"),),
    "a form's type": ((b"content-type", b"application/x-www-form-urlencoded"),),
    "gzip that is none": ((b"content-encoding", b"gzip"),),
    "an unknown encoding": ((b"content-encoding", b"br, zstd, \xff"),),
    "ranges": ((b"range", b"bytes=0-,-1,9-1"), (b"if-range", b"W/")),
    "conditions": ((b"if-match", b"*"), (b"if-none-match", b"*"), (b"if-modified-since", b"yesterday")),
    "cookies": ((b"cookie", b"=; ;;a=\x80; " + b"b=c; " * 500),),
    "overrides of the method": ((b"x-http-method-override", b"DELETE"), (b"x-method-override", b"GET")),
    "forwarded": (
        (b"x-forwarded-for", b"::::, %s, 127.0.0.1"),
        (b"x-forwarded-host", b"a\\b"),
        (b"forwarded", b"for="),
    ),
    "rewritten": ((b"x-original-url", b"/livez"), (b"x-rewrite-url", b"/admin")),
    "names with underscores": ((b"content_length", b"0"), (b"x_chatwoot_signature", b"sha256=0")),
    "odd wishes": (
        (b"prefer", b"handling=strict\xff, ;;=,"),
        (b"accept", b"\xff;q=nan"),
        (b"accept-language", b"*;q=1e9"),
    ),
    "a proxy's": ((b"proxy", b"http://x"), (b"proxy-connection", b"keep-alive"), (b"te", b"trailers, gzip;q=x")),
    "empty": ((b"x-empty", b""),),
    "a delivery id of 5,000": ((b"x-chatwoot-delivery-note", b"d" * 5000),),
}
"""Headers that no sender needs; with a valid signature beside them a request is as good as any."""
