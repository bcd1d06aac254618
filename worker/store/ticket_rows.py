"""What a ticket's row looks like from both sides: the columns beside the record, and how it is found."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, select

from worker.domain.facts import Person, TicketKey
from worker.domain.standing import standing
from worker.domain.ticket import Status, Ticket
from worker.domain.twins import fingerprint_of
from worker.store import codec, storable
from worker.store.bulk import among, by_keys
from worker.store.schema import tickets

IDENTITY = (tickets.c.source, tickets.c.external_id)
COLUMNS = (tickets.c.id, *IDENTITY, tickets.c.generation, tickets.c.record)


@dataclass(frozen=True, slots=True)
class StoredTicket:
    """A ticket's row; `ticket` is None until the first decision about it is stored."""

    id: int
    key: TicketKey
    generation: int
    ticket: Ticket | None


def stored(row: Row[*tuple[Any, ...]], key: TicketKey | None = None) -> StoredTicket:
    """A row of COLUMNS as a value."""
    ticket = codec.load_ticket(row.record)
    if key is None:
        key = ticket.key if ticket is not None else TicketKey(row.source, row.external_id)
    return StoredTicket(row.id, key, row.generation, ticket)


def stored_key(key: TicketKey) -> tuple[str, str]:
    """The key as the row has it."""
    return storable.key(key.source, 40), storable.key(key.external_id, 400)


def is_one_of(conn: Connection, keys: Collection[tuple[str, str]]) -> ColumnElement[bool]:
    """A condition that holds for these stored keys; with several sources perhaps for an id of one under another.

    Ids of different sources look different, and whoever asks picks by the whole key.
    """
    found = by_keys(conn, tickets, ("source", "external_id"), keys)
    return among(conn, tickets.c.id, select(found.c.id))


def requester_key(person: Person | None) -> str | None:
    """What makes two requesters the same: the e-mail in lower case, else the source's id."""
    if person is None:
        return None
    who = person.email.lower() if person.email else person.id
    return None if who is None else storable.key(who, 320)


def columns_of(ticket: Ticket) -> Mapping[str, Any]:
    """The whole record, and beside it what is searched and counted."""
    closed = [edge.at for edge in ticket.edges if edge.after is Status.CLOSED]
    return {
        "status": ticket.status.value,
        "priority": storable.text(ticket.priority, 10),
        "category": storable.text(ticket.category, 60),
        "team_id": _id(ticket.team),
        "assignee_id": _id(ticket.assignee),
        "requester": requester_key(ticket.requester),
        "contact_id": ticket.matched.contact if ticket.matched is not None else None,
        "fingerprint": fingerprint_of(ticket),
        "subject": storable.text(ticket.subject, 1000),
        "record": codec.dump(ticket),
        "standing": standing(ticket).value,
        "created_at": ticket.created_at,
        "closed_at": closed[-1] if closed else None,
    }


def bearer_of(ticket: Ticket | None) -> str | None:
    """Whose open ticket it is, as the row has them; None when nobody has it, or it is done."""
    is_open = ticket is not None and ticket.status not in (Status.RESOLVED, Status.CLOSED)
    return _id(ticket.assignee) if ticket is not None and is_open else None


def _id(person: Person | None) -> str | None:
    return None if person is None or person.id is None else storable.key(person.id, 60)
