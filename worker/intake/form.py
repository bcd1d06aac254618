"""A web form that its server passed on: one submission is one ticket, opened by one message."""

from __future__ import annotations

from hashlib import sha256

from worker import form_fields
from worker.domain.facts import Author, Message, Parsed, Person, TicketKey
from worker.errors import Unparsable
from worker.intake.reading import Arrival, line, one_line, text
from worker.language import first_of

EVENT = "form.submitted"
_LANGUAGES = ("content-language", "accept-language")
_LONGEST_ID = 150  # an event key is made of it and of a status, in 200 characters


def parse(body: bytes, arrival: Arrival) -> Parsed:
    """A submission without an address is a ticket with a missing requester; without any words it is Unparsable."""
    try:
        fields = form_fields.read(body)
    except ValueError as exc:
        raise Unparsable(f"the form cannot be read: {exc}"[:300]) from exc
    if fields.get(form_fields.HONEYPOT, "").strip():
        return Parsed(event=EVENT, ignored="honeypot")
    subject, said = line(fields, "subject"), text(fields, "message")
    if not subject and not said.strip():
        raise Unparsable("a form without message and subject")
    message = Message(
        id=_hash(repr(sorted(fields.items())).encode(errors="surrogatepass"))[:16],
        at=min(arrival.at, arrival.received_at),
        author=Author.CUSTOMER,
        text=said,
        content_type="form",
        by=Person(id=None, name=line(fields, "name", limit=200), email=line(fields, "email", limit=320) or None),
        subject=subject,
        language=first_of((fields.get("language"), *(arrival.headers.get(name) for name in _LANGUAGES))),
    )
    return Parsed(event=EVENT, ticket=TicketKey("form", _submission(body, arrival)), facts=(message,))


def _submission(body: bytes, arrival: Arrival) -> str:
    """The sender's id, which its retries repeat; without one the bytes tell submissions apart."""
    given = one_line(arrival.headers.get("webhook-id", ""), limit=10_000)
    if given and len(given) <= _LONGEST_ID:
        return given
    return f"sha256:{_hash(given.encode() or body)}"


def _hash(said: bytes) -> str:
    return sha256(said).hexdigest()
