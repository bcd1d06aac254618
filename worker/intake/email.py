"""Inbound mail as signed JSON (`email.received`) or as the bare object of a parser that cannot sign."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from email.utils import parseaddr, parsedate_to_datetime
from hashlib import sha256
from html import unescape
from itertools import chain, islice
from typing import Any

from worker.clock import aware
from worker.domain.facts import Author, Message, Parsed, Person, TicketKey
from worker.domain.intake import is_automatic, kind_of_mail
from worker.errors import Unparsable
from worker.intake.reading import (
    LONGEST_LINE,
    LONGEST_TEXT,
    MOST_HEADERS,
    Arrival,
    child,
    clean,
    document,
    identity,
    line,
    moment,
    one_line,
    text,
)
from worker.language import first_of

EVENT = "email.received"
_LONGEST_ID = 150  # an event key is made of it and of a status, in 200 characters
_LONGEST_HTML = 100_000
_HIDDEN = frozenset({"script", "style", "head", "title"})

Data = Mapping[str, Any]


def parse(body: bytes, arrival: Arrival) -> Parsed:
    """One mail is one message of a ticket that its thread names. Raises Unparsable."""
    read = document(body)
    event = line(read, "type", limit=80) if "data" in read else EVENT
    if event != EVENT:
        return Parsed(event=event, ignored="unknown_event")
    data = child(read, "data") if "data" in read else read
    sender = _sender(data)
    if not sender.email and not sender.name and not (data.get("subject") or data.get("text")):
        raise Unparsable("a mail without sender, subject and text")
    answered = next(chain(_ids(data, "references"), _ids(data, "in_reply_to")), None)  # there may be millions
    own = next(iter(_ids(data, "message_id")), None) or _short(identity(data, "id")) or _hash(data, sender)
    root = answered or own
    message = Message(
        id=own,
        at=_sent_at(read, data, arrival),
        author=Author.CUSTOMER,
        text=_body(data),
        content_type="incoming_email",
        by=sender,
        auto_reply=is_automatic(_kind(data, sender, is_answer=answered is not None)),
        subject=line(data, "subject"),
        language=_language(data),
    )
    return Parsed(event=EVENT, ticket=TicketKey("email", root), facts=(message,))


def _sender(data: Data) -> Person:
    value = data.get("from")
    if isinstance(value, list):
        value = value[0] if value else None
    if isinstance(value, dict):
        name, address = line(value, "name", limit=200), line(value, "email", limit=320)
    elif isinstance(value, str):
        name, address = (one_line(part) for part in parseaddr(one_line(value, limit=600)))
    elif value is None:
        name, address = "", ""
    else:
        raise Unparsable(f"from: expected an address, got {type(value).__name__}")
    return Person(id=None, name=name[:200], email=address[:320] or None)


def _ids(data: Data, name: str) -> Iterator[str]:
    """Message ids without `<>`, from a list or from a header's text."""
    value = data.get(name)
    parts = value if isinstance(value, list) else [value]
    for part in parts:
        if part is None:
            continue
        if not isinstance(part, str):
            raise Unparsable(f"{name}: expected a message id, got {type(part).__name__}")
        for token in one_line(part, limit=10_000).replace(",", " ").split():
            if short := _short(token.strip("<>")):
                yield short


def _short(value: str | None) -> str | None:
    """An id that fits a key: a longer one is replaced by its hash."""
    if not value or len(value) <= _LONGEST_ID:
        return value or None
    return f"sha256:{sha256(value.encode(errors='surrogatepass')).hexdigest()}"


def _hash(data: Data, sender: Person) -> str:
    """A mail without any id is told apart by what it says; two different ones must never fall together."""
    said = repr((sender.email, data.get("date"), data.get("subject"), data.get("text"), data.get("html")))
    return f"sha256:{sha256(said.encode(errors='surrogatepass')).hexdigest()}"


def _sent_at(read: Data, data: Data, arrival: Arrival) -> datetime:
    """The service's time before the sender's Date, whose clock nobody vouches for; never later than the arrival."""
    for source, name in ((read, "timestamp"), (data, "received_at"), (data, "date")):
        at = _time(source, name)
        if at is not None:
            return min(at, arrival.received_at)
    return arrival.at


def _time(source: Data, name: str) -> datetime | None:
    value = source.get(name)
    try:
        if name == "date" and isinstance(value, str):
            given = parsedate_to_datetime(value)
            return None if given.tzinfo is None else aware(given)
        return moment(source, name)
    except (Unparsable, ValueError, TypeError, IndexError, OverflowError):
        return None  # a date nobody can read is no reason to lose a mail


def _body(data: Data) -> str:
    plain = text(data, "text", limit=LONGEST_TEXT)
    if plain.strip():
        return plain.strip()
    html = text(data, "html", limit=_LONGEST_HTML)
    return _without_markup(html)[:LONGEST_TEXT] if html else ""


def _without_markup(html: str) -> str:
    """What a reader would see, roughly, and in linear time whatever the sender wrote."""
    shown: list[str] = []
    hidden = ""
    for number, part in enumerate(html.split("<")):
        tag, closed, rest = part.partition(">") if number else ("", "", part)
        name = tag.strip("/ ").split(maxsplit=1)[0].lower() if tag.strip("/ ") else ""
        if name in _HIDDEN and not tag.startswith("/"):
            hidden = name
        elif name == hidden and tag.startswith("/"):
            hidden = ""
        if not hidden and (closed or not number):
            shown.append(rest)
    return clean(" ".join(unescape(" ".join(shown)).split()))


def _kind(data: Data, sender: Person, *, is_answer: bool) -> str:
    envelope = child(data, "envelope").get("from")
    return kind_of_mail(
        _headers(data),
        sender=sender.email or "",
        envelope_from=envelope if isinstance(envelope, str) else None,
        is_answer=is_answer,
    )


def _language(data: Data) -> str:
    """What the mail is written in, else what its sender reads."""
    said = {name.lower(): value for name, value in _headers(data)}
    return first_of(said.get(name) for name in ("content-language", "accept-language"))


def _headers(data: Data) -> Iterator[tuple[str, str]]:
    """Pairs, or an object; anything else in them is not a header."""
    value = data.get("headers")
    pairs = value.items() if isinstance(value, dict) else value if isinstance(value, list) else ()
    for pair in islice(pairs, MOST_HEADERS):
        if isinstance(pair, list | tuple) and len(pair) == 2 and all(isinstance(part, str) for part in pair):
            yield pair[0], pair[1][:LONGEST_LINE]
