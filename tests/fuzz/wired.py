"""The cases as bytes on a connection: framed in every legal way, several in one packet, or broken on purpose."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from random import Random

from tests.fuzz import cases, making
from tests.fuzz.asgi import Fields, Request
from tests.fuzz.cases import Case
from tests.fuzz.raw_http import CHUNKED, chunked, head, length_of

Expected = tuple[frozenset[int], bytes | None]
_FRAMING = frozenset({b"transfer-encoding", b"content-length", b"connection", b"expect", b"host", b"upgrade", b"te"})
_SHARES = {"genuine": 0.3, "stale": 0.04, "forged": 0.14, "survey answers": 0.06, "nonsense": 0.12, "pipelined": 0.06,
           "broken": 0.2, "no HTTP": 0.08}  # fmt: skip
KINDS = tuple(_SHARES)
_BROKEN = frozenset({200, 400, 401, 404, 405, 408, 410, 411, 413, 414, 417, 422, 426, 431})
_NEAR_HTTP = (
    b"GET ", b"POST /webhooks/chatwoot HTTP/1.1\r\n", b"Host: x\r\n", b"Content-Length: ", b"HTTP/1.1", b"\r\n\r\n",
    b"Transfer-Encoding: chunked\r\n", b"\x16\x03\x01", b"PRI * HTTP/2.0\r\n\r\n", b"\n", b": ", b"0\r\n\r\n",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Wired:
    """`expected` has an entry per request in `sent`: allowed statuses, and the bytes to find in the inbox."""

    kind: str
    sent: bytes
    expected: tuple[Expected, ...]
    is_broken: bool = False
    is_survey_answer: bool = False
    may_be_kept: bool = True


def one(rng: Random) -> Wired:
    """The next case."""
    [kind] = rng.choices(list(_SHARES), list(_SHARES.values()))
    if kind == "pipelined":
        several = [_whole(rng, "genuine" if rng.random() < 0.7 else "forged") for _ in range(rng.randrange(2, 9))]
        return Wired(kind, b"".join(_bytes(rng, each.request) for each in several), tuple(map(_expected, several)))
    if kind == "broken":
        sent = _bytes(rng, _whole(rng, "genuine").request)
        return Wired(kind, _broken(rng, sent), ((_BROKEN, None),), is_broken=True)
    if kind == "no HTTP":
        parts = (rng.choice(_NEAR_HTTP) if rng.random() < 0.6 else rng.randbytes(8) for _ in range(rng.randrange(1, 9)))
        return Wired(kind, b"".join(parts), ((_BROKEN, None),), is_broken=True)
    if kind == "nonsense":
        return Wired(
            kind,
            _bytes(rng, _plausible(cases.one_of(kind, rng))),
            ((_BROKEN, None),),
            is_broken=True,
            may_be_kept=False,
        )
    case = _whole(rng, kind)
    return Wired(
        kind,
        _bytes(rng, case.request),
        (_expected(case),),
        is_survey_answer=case.is_survey_answer,
        may_be_kept=not case.is_survey_answer,
    )


def _whole(rng: Random, kind: str) -> Case:
    return cases.one_of(kind, rng)


def _expected(case: Case) -> Expected:
    return case.allowed, case.kept


def _plausible(case: Case) -> Request:
    """Its path as a request line can carry it."""
    made = case.request
    path = "".join(letter if "!" <= letter <= "~" else f"%{ord(letter) & 255:02x}" for letter in made.path)
    return Request(made.method, path, made.fields, made.chunks)


def _bytes(rng: Random, request: Request) -> bytes:
    """In one of the ways HTTP/1.1 allows."""
    body = b"".join(request.chunks)
    fields: Fields = [(b"Host", b"hookdesk"), *_without_twins(request.fields)]
    target = request.path.encode("latin-1", "replace")
    if rng.random() < 0.05:
        target = b"http://hookdesk" + target
    if rng.random() < 0.03:
        fields.append((b"Expect", b"100-continue"))
    if rng.random() < 0.3:
        sizes = [rng.randrange(1, 9) if rng.random() < 0.1 else rng.randrange(100, 5000) for _ in range(3)]
        framed = chunked(body, sizes, extension=b";a=b" if rng.random() < 0.2 else b"")
        return head(request.method.encode(), target, [*fields, CHUNKED]) + framed
    return head(request.method.encode(), target, [*fields, length_of(body)]) + body


def _without_twins(fields: Fields) -> Iterator[tuple[bytes, bytes]]:
    """Headers that HTTP allows once are there once, as nginx refuses a second; those of the framing come later."""
    seen = set(_FRAMING)
    for name, value in fields:
        if name.startswith(b"x-") or name not in seen:
            seen.add(name)
            yield name, value


def _broken(rng: Random, sent: bytes) -> bytes:
    """A few bytes of the head changed, lost or put in; or cut short; or a line of the head twice."""
    start, _, rest = sent.partition(b"\r\n\r\n")
    fate = rng.randrange(4)
    if fate == 0:
        return sent[: rng.randrange(len(sent))]
    if fate == 1:
        lines = start.split(b"\r\n")
        lines.insert(rng.randrange(1, len(lines) + 1), rng.choice(lines))
        return b"\r\n".join(lines) + b"\r\n\r\n" + rest
    changed = bytearray(sent[: len(start) + 60])
    for _ in range(rng.randrange(1, 5)):
        at, odd = rng.randrange(len(changed)), (rng.randbytes(1), b"\r\n", b"\x00", b" ", b":", making.odd_value(rng))
        changed[at : at + rng.randrange(2)] = rng.choice(odd)
    return bytes(changed) + sent[len(start) + 60 :]
