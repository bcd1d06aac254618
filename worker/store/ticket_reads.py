"""Reading tickets: for operators and reports, and what a decision needs to know of the others."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import Any

from sqlalchemy import Connection, func, select, text, union

from worker.domain.effects import EffectKind, EffectState
from worker.domain.facts import Fact, Person, TicketKey
from worker.domain.heard import message_key
from worker.store import codec, storable
from worker.store.aliases import owners
from worker.store.bulk import one_of
from worker.store.database import Database
from worker.store.locks import lock_each
from worker.store.schema import effects, events, facts, tickets
from worker.store.ticket_rows import COLUMNS, StoredTicket, is_one_of, requester_key, stored, stored_key

OPEN = text("tickets.status NOT IN ('resolved','closed')")  # literal: a prepared statement must match the index
_NOT_ASKED = {EffectState.CANCELLED, EffectState.DEAD, EffectState.DRY_RUN}
_CUSTOMER_LOCK = 7_201_007
_ASKED = sorted(state.value for state in set(EffectState) - _NOT_ASKED)


@dataclass(frozen=True, slots=True)
class StoredEvent:
    """One line of a ticket's log, with what caused it and the policy that decided."""

    id: int
    ticket_id: int
    name: str
    key: str
    at: datetime
    recorded_at: datetime
    stage: str
    reason: str
    data: Mapping[str, Any]
    cause: str
    policy_version: str


@dataclass(frozen=True, slots=True)
class StoredFact:
    """One fact of a ticket and the delivery or decision it came from."""

    fact: Fact
    cause: str


def get(db: Database, ticket_id: int) -> StoredTicket | None:
    """The ticket with this id."""
    with db.read() as conn:
        row = conn.execute(select(*COLUMNS).where(tickets.c.id == ticket_id)).first()
    return None if row is None else stored(row)


def by_key(db: Database, key: TicketKey) -> StoredTicket | None:
    """The newest generation of the ticket with this key, or with this alias."""
    newest = select(*COLUMNS).order_by(tickets.c.generation.desc()).limit(1)
    with db.read() as conn:
        row = conn.execute(newest.where(is_one_of(conn, [stored_key(key)]))).first()
        if row is None and (own := owners(conn, [key]).get(key)) is not None:
            return stored(conn.execute(newest.where(is_one_of(conn, [stored_key(own)]))).one())
    return None if row is None else stored(row, key)


def generations(conn: Connection, key: TicketKey) -> list[StoredTicket]:
    """Every generation of the ticket with this key, the oldest first."""
    query = select(*COLUMNS).where(is_one_of(conn, [stored_key(key)])).order_by(tickets.c.generation)
    return [stored(row, key) for row in conn.execute(query)]


def following(db: Database, one: StoredTicket) -> int | None:
    """The id of the next generation: the ticket that follows this closed one."""
    source, external_id = stored_key(one.key)
    is_next = (tickets.c.source == source) & (tickets.c.external_id == external_id)
    with db.read() as conn:
        query = select(tickets.c.id).where(is_next, tickets.c.generation == one.generation + 1)
        found: int | None = conn.execute(query).scalar()
    return found


def list_tickets(
    db: Database, *, status: str | None = None, priority: str | None = None, limit: int = 50
) -> list[StoredTicket]:
    """The newest first."""
    query = select(*COLUMNS).order_by(tickets.c.id.desc()).limit(limit)
    if status is not None:
        query = query.where(tickets.c.status == str(status))
    if priority is not None:
        query = query.where(tickets.c.priority == priority)
    with db.read() as conn:
        return [stored(row) for row in conn.execute(query)]


def events_of(db: Database, ticket_id: int) -> list[StoredEvent]:
    """The log of a ticket, in order of recording."""
    with db.read() as conn:
        rows = conn.execute(select(events).where(events.c.ticket_id == ticket_id).order_by(events.c.id))
        return [StoredEvent(**row._mapping) for row in rows]


def facts_of(db: Database, ticket_id: int) -> list[StoredFact]:
    """What is known of a ticket, in order of time."""
    query = select(facts.c.kind, facts.c.data, facts.c.cause).where(facts.c.ticket_id == ticket_id)
    with db.read() as conn:
        rows = conn.execute(query.order_by(facts.c.at, facts.c.key))
        return [StoredFact(codec.load_fact(kind, data), cause) for kind, data, cause in rows]


def has_message(db: Database, ticket_id: int, message_id: str) -> bool:
    """Whether the ticket knows the message with this id of its source."""
    key = storable.key(message_key(message_id), 400)
    query = select(facts.c.id).where(facts.c.ticket_id == ticket_id, facts.c.key == key)
    with db.read() as conn:
        return conn.execute(query).first() is not None


def hold_customers(conn: Connection, names: Collection[int | str]) -> None:
    """Let nobody else ask these customers, by number of contact or by requester, until the transaction ends."""
    lock_each(conn, _CUSTOMER_LOCK, {sha256(str(name).encode()).hexdigest(): False for name in names})


def last_survey_at(
    conn: Connection, requester: Person | str | None, *, contact: int | None = None, besides: Collection[int] = ()
) -> datetime | None:
    """When this requester was last asked, or is going to be; None if never. Under whatever name: with a contact, by any
    ticket of theirs, `besides` these. A survey that was cancelled, is dead or was only a dry run asked nobody.
    """
    who = storable.key(requester, 320) if isinstance(requester, str) else requester_key(requester)
    if who is None and contact is None:
        return None
    wanted = [(tickets.c.requester, who), (tickets.c.contact_id, contact)]
    theirs = [select(tickets.c.id).where(column == one) for column, one in wanted if one is not None]
    both = union(*theirs).subquery("both")  # each by its index: what is asked with OR reads all tickets
    asked = select(func.max(effects.c.created_at)).where(
        effects.c.ticket_id == both.c.id, effects.c.kind == EffectKind.SURVEY.value, effects.c.state.in_(_ASKED)
    )
    if besides:
        asked = asked.where(~one_of(conn, effects.c.ticket_id, besides))
    query = select(func.max(asked.scalar_subquery())).select_from(both)  # and each ticket's by its index, too
    at: datetime | None = conn.execute(query).scalar()
    return at
