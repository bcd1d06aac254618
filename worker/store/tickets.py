"""Tickets under their locks: every writer locks first, in order of id, reads, decides and stores in one transaction."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime

from sqlalchemy import ColumnElement, Connection, select

from worker.domain.facts import Fact, TicketKey
from worker.domain.ticket import Event, Ticket
from worker.store import codec, storable
from worker.store.bulk import insert_rows, one_of, update_rows
from worker.store.schema import events, facts, tickets
from worker.store.ticket_reads import (
    StoredEvent,
    StoredFact,
    by_key,
    events_of,
    facts_of,
    get,
    hold_customers,
    last_survey_at,
    list_tickets,
)
from worker.store.ticket_rows import (
    COLUMNS,
    IDENTITY,
    StoredTicket,
    columns_of,
    is_one_of,
    requester_key,
    stored,
    stored_key,
)

__all__ = (
    "StoredEvent",
    "StoredFact",
    "StoredTicket",
    "add_events",
    "add_facts",
    "by_key",
    "events_of",
    "facts_of",
    "follow",
    "get",
    "hold_customers",
    "known",
    "last_survey_at",
    "list_tickets",
    "load_facts",
    "lock",
    "lock_free",
    "lock_generations",
    "lock_ids",
    "requester_key",
    "save",
)  # fmt: skip


def lock(
    conn: Connection, keys: Sequence[TicketKey], *, now: datetime, ids: Collection[int] = ()
) -> dict[TicketKey, StoredTicket]:
    """The newest generation of each; else like `lock_generations`."""
    return {key: known[-1] for key, known in lock_generations(conn, keys, now=now, ids=ids).items()}


def known(conn: Connection, keys: Collection[TicketKey]) -> set[TicketKey]:
    """Those of these keys that a ticket has."""
    by_stored = {stored_key(key): key for key in keys}
    if not by_stored:
        return set()
    rows = conn.execute(select(*IDENTITY).where(is_one_of(conn, by_stored)))
    return {by_stored[row.source, row.external_id] for row in rows if (row.source, row.external_id) in by_stored}


def lock_generations(
    conn: Connection,
    keys: Sequence[TicketKey],
    *,
    now: datetime,
    ids: Collection[int] = (),
    there: Collection[TicketKey] | None = None,
) -> dict[TicketKey, list[StoredTicket]]:
    """Every generation of each, the oldest first, made if missing, locked until the transaction ends.

    `ids` are locked with them, in one order: a transaction that locks twice could meet another one head on.
    `there` are those that a ticket has for certain, where the caller has looked already.
    """
    by_stored = {stored_key(key): key for key in keys}
    if not by_stored:
        return {}
    wanted = is_one_of(conn, by_stored)
    have = known(conn, keys) if there is None else there
    _create(conn, sorted(stored for stored, key in by_stored.items() if key not in have), now)
    if ids:
        wanted = one_of(conn, tickets.c.id, {*ids, *conn.execute(select(tickets.c.id).where(wanted)).scalars()})
    found = _generations(conn, by_stored, wanted)
    ended = {stored_key(key): key for key, generations in found.items() if _may_be_followed(generations[-1])}
    if ended and conn.dialect.name != "sqlite":  # whom we waited for may have opened the next one, unseen by the query
        found |= _generations(conn, ended, is_one_of(conn, ended))
    return found


def follow(conn: Connection, closed: StoredTicket, *, now: datetime) -> StoredTicket:
    """The next generation of a closed ticket whose generations are all locked: a row of its own, locked with them."""
    source, external_id = stored_key(closed.key)
    row = {"source": source, "external_id": external_id, "generation": closed.generation + 1,
           "created_at": now, "updated_at": now}  # fmt: skip
    [(ticket_id,)] = insert_rows(conn, tickets, [row], returning=("id",))
    return StoredTicket(ticket_id, closed.key, closed.generation + 1, None)


def lock_ids(conn: Connection, ids: Sequence[int]) -> dict[int, StoredTicket]:
    """The same for known tickets; one that does not exist is missing from the answer."""
    return _locked(conn, ids, most=len(ids), skip_locked=False)


def lock_free(conn: Connection, ids: Sequence[int], *, most: int) -> dict[int, StoredTicket]:
    """Up to `most` of these, without those that somebody else holds just now."""
    return _locked(conn, ids, most=most, skip_locked=True)


def _locked(conn: Connection, ids: Sequence[int], *, most: int, skip_locked: bool) -> dict[int, StoredTicket]:
    query = select(*COLUMNS).where(one_of(conn, tickets.c.id, ids)).order_by(tickets.c.id).limit(most)
    return {row.id: stored(row) for row in conn.execute(query.with_for_update(skip_locked=skip_locked))}


def load_facts(conn: Connection, ticket_ids: Sequence[int]) -> dict[int, list[Fact]]:
    """Everything known about each, in order of time and then of key."""
    found: dict[int, list[Fact]] = defaultdict(list)
    query = select(facts.c.ticket_id, facts.c.kind, facts.c.data).where(one_of(conn, facts.c.ticket_id, ticket_ids))
    for ticket_id, kind, data in conn.execute(query.order_by(facts.c.at, facts.c.key)):
        found[ticket_id].append(codec.load_fact(kind, data))
    return dict(found)


def add_facts(conn: Connection, rows: Iterable[tuple[int, Fact, str]]) -> set[tuple[int, str]]:
    """Add (ticket id, fact, cause); returns the (ticket id, key) that were not known before."""
    wanted: dict[tuple[int, str], tuple[Fact, str]] = {}
    for ticket_id, fact, cause in rows:
        wanted.setdefault((ticket_id, storable.key(fact.key, 400)), (fact, cause))
    values = [
        {"ticket_id": ticket_id, "kind": codec.kind_of(fact), "key": key, "at": fact.at, "data": codec.dump(fact),
         "cause": storable.text(cause, 40)}
        for (ticket_id, key), (fact, cause) in wanted.items()
    ]  # fmt: skip
    new = insert_rows(conn, facts, values, returning=("ticket_id", "key"), ignore=True)
    return {(ticket_id, wanted[ticket_id, key][0].key) for ticket_id, key in new}


def save(conn: Connection, rows: Iterable[tuple[int, Ticket]], *, policy_version: str, now: datetime) -> None:
    """Store what was decided about tickets that are locked."""
    values = [
        {"id": ticket_id, **columns_of(ticket), "policy_version": storable.text(policy_version, 16), "updated_at": now}
        for ticket_id, ticket in rows
    ]
    update_rows(conn, tickets, values)


def add_events(
    conn: Connection, rows: Iterable[tuple[int, Event, str]], *, policy_version: str, now: datetime
) -> set[tuple[int, str, str]]:
    """Append (ticket id, event, cause) to the log; returns the (ticket id, name, key) that were new."""
    wanted: dict[tuple[int, str, str], tuple[Event, str]] = {}
    for ticket_id, event, cause in rows:
        wanted.setdefault((ticket_id, storable.key(event.name, 60), storable.key(event.key, 200)), (event, cause))
    values = [
        {"ticket_id": ticket_id, "name": name, "key": key, "at": event.at, "recorded_at": now,
         "stage": storable.text(event.stage, 10), "reason": storable.text(event.reason, 4000),
         "data": codec.dump_data(event), "cause": storable.text(cause, 40),
         "policy_version": storable.text(policy_version, 16)}
        for (ticket_id, name, key), (event, cause) in wanted.items()
    ]  # fmt: skip
    new = insert_rows(conn, events, values, returning=("ticket_id", "name", "key"), ignore=True)
    return {(i, wanted[i, name, key][0].name, wanted[i, name, key][0].key) for i, name, key in new}


def _generations(
    conn: Connection, keys: Mapping[tuple[str, str], TicketKey], wanted: ColumnElement[bool]
) -> dict[TicketKey, list[StoredTicket]]:
    rows = conn.execute(select(*COLUMNS).where(wanted).order_by(tickets.c.id).with_for_update())
    found: dict[TicketKey, list[StoredTicket]] = defaultdict(list)
    for row in rows:
        key = keys.get((row.source, row.external_id))
        if key is not None:
            found[key].append(stored(row, key))
    return {key: sorted(each, key=lambda one: one.generation) for key, each in found.items()}


def _may_be_followed(newest: StoredTicket) -> bool:
    return newest.ticket is not None and newest.ticket.closed_at is not None


def _create(conn: Connection, missing: Sequence[tuple[str, str]], now: datetime) -> None:
    """In one order for everybody, before any row is locked: so two transactions cannot wait for each other."""
    rows = [{"source": source, "external_id": id_, "created_at": now, "updated_at": now} for source, id_ in missing]
    insert_rows(conn, tickets, rows, ignore=True)
