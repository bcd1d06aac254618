"""The pure part: whatever the bytes are, every reader of them ends in its own words and in time."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Mapping
from datetime import timedelta
from functools import cache, partial
from random import Random

from tests.builders import a_policy
from tests.fuzz import corpus, making
from tests.fuzz.counting import Count, every
from tests.unit.webhooks.senders import BEARER, CHATWOOT_SECRET, LINK_SECRET, NOW, STANDARD_SECRET, URL_TOKEN
from webhooks import signature, spool_frames
from webhooks.signature import SignatureError
from webhooks.sources.base import Rejected
from webhooks.sources.registry import SOURCES, match
from worker import survey_token
from worker.api import bodies, problems
from worker.api.routes import ROUTES, ticket_id
from worker.config import Settings
from worker.domain.fold import fold
from worker.errors import HookdeskError, Invalid, NotFound, Unparsable
from worker.intake.registry import PARSERS, parse
from worker.signing import sign_chatwoot, sign_standard
from worker.store.inbox import Receipt
from worker.survey_token import SurveyLink

AT = int(NOW.timestamp())
TOLERANCE = timedelta(seconds=300)
SETTINGS = Settings(
    link_secrets=(LINK_SECRET,),
    chatwoot_webhook_secrets=(CHATWOOT_SECRET, "an-older-secret"),
    chatwoot_url_token=URL_TOKEN,
    email_secrets=(STANDARD_SECRET,),
    email_bearer_tokens=(BEARER,),
)
_POLICY = a_policy()
_DOORS = {source.name: source.endpoint for source in SOURCES} | {"survey": "page"}


def facts_of(source: str, content: bytes) -> str:
    """Facts that every store can keep, or Unparsable; then a ticket can be made of them."""
    try:
        said = parse(source, _DOORS[source], {}, content, received_at=NOW, sent_at=None, account_id=1)
    except Unparsable as exc:
        str(exc).encode("utf-8", "strict")
        return str(exc.cause)
    for fact in said.facts:
        shown = repr(fact)
        shown.encode()  # no lone surrogates
        assert "\\x00" not in shown, "a NUL, which PostgreSQL refuses"
        assert len(fact.key) <= 400, "a key that no column holds"
    if said.ticket is not None:
        said.ticket.external_id.encode()
        assert len(said.ticket.external_id) <= 400, "an id that no column holds"
        fold(said.ticket, said.facts, _POLICY, as_of=NOW)
        return "facts"
    return "an answer" if said.facts else "ignored"


def signed_by_nobody(rng: Random, content: bytes) -> str:
    """A signature header that was not made with the secret never holds, and nothing but SignatureError is raised."""
    open_, headers, secrets = rng.choice((_chatwoot_claim, _standard_claim))(rng, content)
    try:
        verification = open_(headers, secrets)
        verification.update(content + b"!")  # whatever was signed, it was not this
        verification.finish(now=NOW, tolerance=TOLERANCE)
    except SignatureError as exc:
        return f"refused {exc.reason.value}"
    raise AssertionError("a signature of nobody holds")


Claim = tuple[Callable[..., signature.Verification], Mapping[str, str], tuple[str, ...]]


def _chatwoot_claim(rng: Random, content: bytes) -> Claim:
    good = sign_chatwoot(CHATWOOT_SECRET, content, timestamp=AT)
    headers = {
        "x-chatwoot-signature": making.changed_text(rng, good) if rng.random() < 0.8 else good,
        "x-chatwoot-timestamp": making.changed_text(rng, str(AT)) if rng.random() < 0.3 else str(AT),
    }
    return signature.chatwoot, headers, SETTINGS.chatwoot_webhook_secrets


def _standard_claim(rng: Random, content: bytes) -> Claim:
    good = sign_standard(STANDARD_SECRET, content, message_id="m", timestamp=AT)
    several = " ".join(making.changed_text(rng, good) for _ in range(rng.randrange(1, 30)))
    headers = {
        "webhook-id": making.odd_text(rng) if rng.random() < 0.3 else "m",
        "webhook-signature": several if rng.random() < 0.8 else good,
        "webhook-timestamp": making.changed_text(rng, str(AT)) if rng.random() < 0.3 else str(AT),
    }
    return signature.standard, headers, SETTINGS.email_secrets


DOOR_HEADERS = (
    "authorization", "webhook-id", "webhook-signature", "webhook-timestamp", "x-chatwoot-signature",
    "x-chatwoot-timestamp", "x-chatwoot-delivery", "prefer",
)  # fmt: skip


def knocked(rng: Random, content: bytes) -> str:
    """A source asked with any headers and any path."""
    headers = {name: making.odd_text(rng) for name in DOOR_HEADERS if rng.random() < 0.6}
    if rng.random() < 0.3:
        headers["authorization"] = rng.choice(("Bearer ", "bearer", "Bearer " + BEARER)) + making.odd_text(rng, 4)
    return asked(headers, making.odd_text(rng), content)


def asked(headers: Mapping[str, str], path: str, content: bytes) -> str:
    """Every source refuses a stranger with its own code, or takes who knows its token."""
    outcome = ""
    for source in SOURCES:
        found = match(source.path.replace("<token>", path))
        assert found is None or found[0].path.partition("<")[0] in source.path
        try:
            check = source.open(headers, path, SETTINGS)
            check.update(content)
            check.finish(now=NOW, tolerance=TOLERANCE)
        except Rejected as exc:
            assert exc.status in (source.answers.refused, source.answers.stale, source.answers.incomplete)
            outcome = outcome or f"refused {exc.reason}"
            continue
        knows = headers.get("authorization", "").strip().endswith(BEARER) or path == URL_TOKEN
        assert knows, "a stranger came in"
        outcome = "known by its token"
    return outcome


@cache
def a_token() -> str:
    return survey_token.make([LINK_SECRET], SurveyLink(9, 2, NOW + timedelta(days=7), "de"))


def token_read(rng: Random) -> str:
    """A survey token that is not ours says nothing, and a form's seal that is not ours does not hold."""
    token = a_token() if rng.random() < 0.05 else making.changed_text(rng, a_token())
    return token_and_seal(token, making.changed_text(rng, a_seal()))


def token_and_seal(token: str, seal: str) -> str:
    """Neither is taken for one of ours when it says something else."""
    link = survey_token.read([LINK_SECRET], token)
    assert link is None or link == survey_token.read([LINK_SECRET], a_token()), "a forged survey link holds"
    held = survey_token.is_sealed([LINK_SECRET], a_token(), seal, now=NOW)
    assert not held or seal.rpartition(".")[0] == a_seal().rpartition(".")[0], "a forged seal holds"
    return "ours" if link else "nobody's"


@cache
def a_seal() -> str:
    return survey_token.seal([LINK_SECRET], a_token(), at=NOW)


@cache
def frames() -> bytes:
    receipts = [
        Receipt(f"r{n}", "chatwoot", "account", f"d{n}", f"k{n}", {"a": "b"}, b'{"n":%d}' % n, NOW, NOW)
        for n in range(4)
    ]
    return b"".join(spool_frames.encode(receipt) for receipt in receipts)


def spool_read(content: bytes) -> str:
    """A damaged spool gives every frame that is whole, and accounts for every byte."""
    file, at, whole = io.BytesIO(content), 0, 0
    for part in spool_frames.read(file):
        assert part.offset == at, "bytes were passed over"
        at += part.length
        whole += isinstance(part, spool_frames.Frame)
    assert at == len(content), "bytes at the end were passed over"
    return f"{min(whole, 5)} frames"


_BODIES = [route for route in ROUTES if route.body is not None]
API_SAMPLES = (
    b'{"requester":{"name":"Lena","email":"lena@x.example"},"subject":"a","description":"b","tags":["a"],'
    b'"fields":{"vendor":"x","order":1,"vip":true},"priority":"high","internal":false,"actor":"Ada"}',
    b'{"agent":"1","team":"10","reason":"x","automatic":true}',
    b'{"resolution":"done","category":"billing","fields":{}}',
)


def call_read(rng: Random, content: bytes) -> str:
    """A body for the ticket API is typed, or refused in words."""
    route = rng.choice(_BODIES)
    assert route.body is not None
    assert route.verb is not None
    try:
        said = bodies.read(content, route.body)
        asked = bodies.instruction(said, route.verb, caller="fuzz", key=making.odd_text(rng))
        repr(asked)
    except (problems.Problem, Invalid) as exc:
        problem = exc if isinstance(exc, problems.Problem) else problems.of_error(exc)
        json.loads(problem.response().get_data())
        return f"refused {problem.code}"
    except HookdeskError as exc:
        return f"refused {type(exc).__name__}"
    return "taken"


def number_read(rng: Random) -> str:
    """The id of a ticket in a path."""
    word = making.changed_text(rng, rng.choice(("t9", "9", "T99999999999999999999", "٣", "0x9", "1e9")))
    try:
        assert 0 < ticket_id(word) < 2**63
    except NotFound:
        return "nobody's"
    return "an id"


def run(seed: int, cases: int, say: Callable[[str], None]) -> list[Count]:
    """All kinds; `cases` in all, shared out by how much each can still teach."""
    counts: list[Count] = []

    def kind(name: str, share: float, make: Callable[[Random], bytes], judge: Callable[[Random, bytes], str]) -> None:
        rng, count = Random(f"{seed}/{name}"), Count(name)
        every(count, max(1, int(cases * share)), partial(make, rng), partial(judge, rng))
        counts.append(count)
        say(f"{name}: {count.cases:,} cases, {count.faulty} faults, {count.seconds:.0f} s")

    counts.append(_named())
    for source, share in (("chatwoot", 0.16), ("email", 0.12), ("form", 0.10), ("survey", 0.06)):
        assert source in PARSERS
        kind(
            f"bodies: {source}", share, partial(_damaged, corpus.samples(source)), lambda _, b, s=source: facts_of(s, b)
        )
    kind("signatures", 0.20, lambda rng: rng.randbytes(rng.randrange(50)), signed_by_nobody)
    kind("sources: headers and paths", 0.12, lambda rng: rng.randbytes(rng.randrange(50)), knocked)
    kind("survey tokens and seals", 0.06, lambda rng: b"", lambda rng, _: token_read(rng))
    kind("spool frames", 0.06, partial(_damaged, (frames(),)), lambda _, content: spool_read(content))
    kind("API bodies", 0.10, partial(_damaged, API_SAMPLES), call_read)
    kind("API ids", 0.02, lambda rng: b"", lambda rng, _: number_read(rng))
    return counts


def _named() -> Count:
    """The corpus before every parser."""
    count = Count("bodies: the named ones")
    for source in PARSERS:
        left = iter(corpus.bodies().values())
        every(count, len(corpus.bodies()), partial(next, left), partial(facts_of, source))
    return count


def _damaged(samples: tuple[bytes, ...], rng: Random) -> bytes:
    return making.damaged(rng, samples)
