"""The same request by two doors: what makes a request the same, and how it is told that both are one ticket."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from hashlib import sha256

from worker.domain.facts import Author, Fact, Folded, Message, Person, Snapshot, TicketKey
from worker.domain.matching import prose
from worker.domain.ticket import Event, Ticket
from worker.domain.wording import hours, source

WITHIN = timedelta(minutes=10)
"""How far apart the two may have been written."""

_READ_CHARACTERS = 800  # of the text
_COMPARED = 400  # of its words in a row: what a snapshot quotes of a message is cut, too


@dataclass(frozen=True, slots=True)
class Request:
    """How a ticket would begin: what was asked by whom, as a fingerprint, and when."""

    fingerprint: str
    at: datetime


def fingerprint_of(ticket: Ticket) -> str | None:
    """The fingerprint of a ticket's own first request."""
    return _fingerprint(ticket.requester, ticket.description or ticket.subject)


def first_request(facts: Iterable[Fact]) -> Request | None:
    """The request that these facts begin with; None where nobody with an address asks for anything.

    A conversation began when its source says so, however late the first message of it is heard.
    """
    told = tuple(facts)
    shots = [fact for fact in told if isinstance(fact, Snapshot)]
    asked = [fact for fact in told if isinstance(fact, Message) and _is_asked(fact)]
    first = min(asked, key=lambda one: (one.at, one.key), default=None)
    quoted = next((shot.text for shot in shots if shot.text), "")
    text = (first.text or first.subject) if first is not None else quoted
    people = [one.by for one in asked] + [shot.requester for shot in shots]
    person = next((one for one in people if one is not None and one.email), None)
    print_ = _fingerprint(person, text)
    if print_ is None:
        return None
    return Request(print_, min([*(shot.created_at for shot in shots), *(one.at for one in asked)]))


def is_near(one: datetime, other: datetime) -> bool:
    """Whether two equal requests are the same one: at exactly ten minutes they still are."""
    return abs(one - other) <= WITHIN


def event_of(folded: Folded, ticket: Ticket) -> Event:
    """What the log says of a further door; said again at every decision, which its key makes harmless."""
    apart = abs((folded.at - ticket.created_at).total_seconds())
    order = "after" if folded.at >= ticket.created_at else "before"
    reason = (
        f"the same request came by another door, {source(TicketKey(folded.source, ''))} {folded.external_id}, written "
        f"{hours(apart)} {order} the one by {source(ticket.key)}: same requester, same words; both are this ticket"
    )
    data = {"source": folded.source, "external_id": folded.external_id, "at": folded.at.isoformat()}
    return Event("ticket.folded", folded.key, folded.at, "intake", reason, data)


def _is_asked(message: Message) -> bool:
    return message.author is Author.CUSTOMER and not message.private and not message.auto_reply


@lru_cache(maxsize=4096)
def _of(email: str, text: str) -> str | None:
    words = prose(text)[:_COMPARED].strip()
    return sha256(f"{email}\n{words}".encode(errors="surrogatepass")).hexdigest() if words else None


def _fingerprint(person: Person | None, text: str) -> str | None:
    """Of the address and the words; ids say nothing across sources."""
    if person is None or not person.email:
        return None
    return _of(person.email.strip().lower(), text[:_READ_CHARACTERS])
