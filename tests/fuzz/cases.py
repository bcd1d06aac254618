"""Requests by kind, made from a seed: genuine ones in odd clothes, forged ones, survey forms, and plain nonsense."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from itertools import pairwise
from random import Random
from urllib.parse import quote_plus

from tests.fuzz import corpus, making
from tests.fuzz.asgi import Fields, Request
from tests.unit.webhooks.senders import LINK_SECRET, Sent, send_from, sender_of
from webhooks.sources.registry import SOURCES
from worker import survey_token
from worker.survey_token import SurveyLink

NONSENSE = frozenset({200, 400, 401, 404, 405, 410, 413, 422})
_NAMES = (b"content-type", b"content-encoding", b"accept", b"accept-language", b"cookie", b"host", b"user-agent",
          b"x-forwarded-for", b"expect", b"transfer-encoding", b"content-length", b"connection", b"upgrade", b"range",
          b"origin", b"referer", b"te", b"via", b"x-odd", b"date", b"if-none-match")  # fmt: skip
_METHODS = ("GET", "POST", "HEAD", "OPTIONS", "PUT", "DELETE", "PATCH", "TRACE", "CONNECT", "BREW", "post", "A" * 300)
_PATHS = ("/", "/livez", "/readyz", "/openapi.json", "/survey/", "/survey/x", "/webhooks/chatwoot/", "/webhooks/form/",
          "/webhooks/email/postmark", "/static/x", "/metrics", "/api/tickets", "//", "/%2e%2e/", "*")  # fmt: skip


@dataclass(frozen=True, slots=True)
class Case:
    """`allowed` are the statuses it may be answered with; `kept`: the bytes that are in the inbox after a 200."""

    kind: str
    request: Request
    allowed: frozenset[int]
    kept: bytes | None = None
    is_survey_answer: bool = False


def one(rng: Random) -> Case:
    """The next case."""
    [kind] = rng.choices(list(KINDS), _WEIGHTS)
    return one_of(kind, rng)


def one_of(kind: str, rng: Random) -> Case:
    """The next case of one kind."""
    make, _ = KINDS[kind]
    return make(kind, rng)


def _genuine(kind: str, rng: Random) -> Case:
    source = rng.choice(SOURCES)
    body = _body(rng, source.name)
    sent = send_from(source, body, at=datetime.now(UTC), delivery_id=_delivery_id(rng))
    return Case(kind, _request(rng, sent), frozenset({200}), body[: source.limit_bytes])


def _stale(kind: str, rng: Random) -> Case:
    source = rng.choice([one for one in SOURCES if sender_of(one).is_timed])
    body = _body(rng, source.name)
    at = datetime.now(UTC) + timedelta(seconds=rng.choice((-1, 1)) * rng.uniform(400, 10**9))
    sent = send_from(source, body, at=at, delivery_id=_delivery_id(rng))
    return Case(kind, _request(rng, sent), frozenset({source.answers.stale}), body[: source.limit_bytes])


def _forged(kind: str, rng: Random) -> Case:
    """By another secret, or with the body changed after signing, or without a proof."""
    source = rng.choice(SOURCES)
    sender, body = sender_of(source), _body(rng, source.name)
    fate = rng.randrange(3)
    secret = sender.other_secret if fate == 0 or not sender.is_timed else sender.secret
    sent = send_from(source, body, secret=secret, at=datetime.now(UTC), delivery_id=_delivery_id(rng))
    if fate == 1:
        sent = Sent(sent.path, body + b"!", sent.headers)
    elif fate == 2 and sender.proof is not None:
        sent = sent.but(**{sender.proof.replace("-", "_"): making.odd_value(rng).decode("latin-1")})
    return Case(kind, _request(rng, sent), frozenset({source.answers.refused}))


def _abandoned(kind: str, rng: Random) -> Case:
    """Genuine, but the sender goes away before the end."""
    source = rng.choice(SOURCES)
    sent = send_from(source, _body(rng, source.name), at=datetime.now(UTC), delivery_id=_delivery_id(rng))
    made = _request(rng, sent)
    return Case(kind, Request(made.method, made.path, made.fields, made.chunks, is_whole=False), frozenset({400}))


def _survey(kind: str, rng: Random) -> Case:
    """A form that was shown and is sent, with odd words in it: an answer, unless the form says what is wrong."""
    token, rating = _token(), rng.choice(("1", "5", "0", "", making.odd_text(rng)))
    seal = survey_token.seal([LINK_SECRET], token, at=datetime.now(UTC))
    is_ours = rng.random() < 0.8
    feedback = making.odd_text(rng, rng.choice((10, 6000)))
    said = {"rating": rating, "seal": seal if is_ours else making.changed_text(rng, seal), "feedback": feedback}
    body = "&".join(f"{name}={quote_plus(value, errors='surrogatepass')}" for name, value in said.items()).encode()
    fields = [(b"content-type", b"application/x-www-form-urlencoded"), *_odd_fields(rng, but=(b"content-type",))]
    request = Request("POST", f"/survey/{token}", fields, _in_chunks(rng, body))
    return Case(kind, request, frozenset({200, 422, 413}), is_survey_answer=True)


def _nonsense(kind: str, rng: Random) -> Case:
    path = rng.choice((*_PATHS, *(source.path for source in SOURCES)))
    path = path if rng.random() < 0.5 else "/" + making.changed_text(rng, path).lstrip("/")
    if rng.random() < 0.2:
        path = f"/survey/{making.changed_text(rng, _token())}"
    body = making.damaged(rng, corpus.samples("form"))
    method = rng.choice(_METHODS)
    request = Request(method, path, _odd_fields(rng), _in_chunks(rng, body), query=making.odd_value(rng))
    return Case(kind, request, NONSENSE)


KINDS: Mapping[str, tuple[Callable[[str, Random], Case], float]] = {
    "genuine": (_genuine, 0.45),
    "stale": (_stale, 0.05),
    "forged": (_forged, 0.18),
    "abandoned": (_abandoned, 0.05),
    "survey answers": (_survey, 0.07),
    "nonsense": (_nonsense, 0.20),
}
_WEIGHTS = [weight for _, weight in KINDS.values()]


def _body(rng: Random, source: str) -> bytes:
    """Mostly a damaged sample, sometimes one of the named ideas; always another one, as equal ones are duplicates."""
    fate = rng.random()
    if fate < 0.002:
        return rng.choice(tuple(corpus.bodies().values()))
    if fate < 0.01:
        return b""
    return making.damaged(rng, corpus.samples(source))


def _delivery_id(rng: Random) -> str:
    """A header's value in latin-1; often a plain one, now and then one that came before."""
    fate = rng.random()
    if fate < 0.5:
        return str(uuid.UUID(int=rng.getrandbits(128)))
    if fate < 0.6:
        return "the-same-again"
    return making.odd_value(rng).decode("latin-1").strip(" ") or "x"


def _request(rng: Random, sent: Sent) -> Request:
    taken = {name.lower().encode() for name in sent.headers}
    fields = [(name.lower().encode(), value.encode()) for name, value in sent.headers.items()]  # signed as UTF-8, too
    fields += _odd_fields(rng, but=taken)
    rng.shuffle(fields)
    return Request("POST", sent.path, fields, _in_chunks(rng, sent.body))


def _odd_fields(rng: Random, but: Collection[bytes] = ()) -> Fields:
    """Headers that say nothing about who sent it."""
    fields: Fields = []
    if rng.random() < 0.2:
        fields += rng.choice(tuple(corpus.HEADERS.values()))
    for _ in range(rng.randrange(4)):
        fields.append((rng.choice(_NAMES), making.odd_value(rng)))
    return [field for field in fields if field[0] not in but]


def _in_chunks(rng: Random, body: bytes) -> tuple[bytes, ...]:
    if not body or rng.random() < 0.7:
        return (body,) if body else ()
    cuts = sorted(rng.randrange(len(body) + 1) for _ in range(rng.randrange(1, 6)))
    edges = [0, *cuts, len(body)]
    return tuple(body[start:end] for start, end in pairwise(edges))


@cache
def _token() -> str:
    return survey_token.make([LINK_SECRET], SurveyLink(9, 2, datetime.now(UTC) + timedelta(days=7), "de"))
