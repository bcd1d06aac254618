"""Aliases: the keys under which a ticket is known beside its own, because its request came by several doors."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Select, select

from worker.domain.facts import TicketKey
from worker.store.bulk import by_keys, insert_rows, one_of
from worker.store.database import Database
from worker.store.locks import lock_each
from worker.store.schema import ticket_aliases, tickets
from worker.store.ticket_rows import stored_key

OUR_MAIL = "mail"
"""A key of this source is the Message-ID of a mail that we sent about a ticket: what answers it belongs there."""

_REQUEST_LOCK = 7_201_004

_LATER = tickets.alias("later")


@dataclass(frozen=True, slots=True)
class Twin:
    """A ticket with a certain request, and every source that it is known from."""

    key: TicketKey
    fingerprint: str
    created_at: datetime
    sources: frozenset[str]


def aliases_of(db: Database, ticket_id: int) -> tuple[TicketKey, ...]:
    """The further keys of a ticket, in order; those of a closed ticket are also those of the ones that follow it.

    The mails that we sent are not among them.
    """
    columns = (ticket_aliases.c.source, ticket_aliases.c.external_id)
    query = _of_every_generation(select(*columns)).where(_LATER.c.id == ticket_id).order_by(*columns)
    query = query.where(ticket_aliases.c.source != OUR_MAIL)
    with db.read() as conn:
        return tuple(TicketKey(*row) for row in conn.execute(query))


def known_from(conn: Connection, ticket_ids: Collection[int], source: str) -> set[int]:
    """Those of these tickets that have a further key of this source."""
    if not ticket_ids:
        return set()
    query = _of_every_generation(select(_LATER.c.id)).where(one_of(conn, _LATER.c.id, ticket_ids))
    return set(conn.execute(query.where(ticket_aliases.c.source == source)).scalars())


def owners(conn: Connection, keys: Collection[TicketKey]) -> dict[TicketKey, TicketKey]:
    """Of those of these keys that are aliases: the key of the ticket itself."""
    by_stored = {stored_key(key): key for key in keys}
    if not by_stored:
        return {}
    own = by_keys(conn, ticket_aliases, ("source", "external_id"), by_stored)
    query = select(
        own.c.source, own.c.external_id, tickets.c.source.label("of"), tickets.c.external_id.label("itself")
    ).join(tickets, tickets.c.id == own.c.ticket_id)
    found = conn.execute(query)
    return {
        by_stored[row.source, row.external_id]: TicketKey(row.of, row.itself)
        for row in found
        if (row.source, row.external_id) in by_stored
    }


def add(conn: Connection, rows: Iterable[tuple[TicketKey, int]]) -> None:
    """From now on these keys are these tickets'; what is an alias already stays so."""
    values = [
        {"source": source, "external_id": external_id, "ticket_id": ticket_id}
        for (source, external_id), ticket_id in sorted((stored_key(key), ticket_id) for key, ticket_id in rows)
    ]
    insert_rows(conn, ticket_aliases, values, ignore=True)


def hold_requests(conn: Connection, fingerprints: Mapping[str, bool]) -> None:
    """Let nobody else look for the same requests until this transaction ends; True: others may who say so too.

    Two doors are often used in the same second: without this, neither of two workers would see the other's ticket.
    To be held before any ticket is locked.
    """
    lock_each(conn, _REQUEST_LOCK, fingerprints)


def twins(
    conn: Connection, fingerprints: Collection[str], *, since: datetime, until: datetime, besides: str | None = None
) -> dict[str, list[Twin]]:
    """The tickets that began with these requests in that time, the oldest first; not those of the source `besides`."""
    query = (
        select(
            tickets.c.id, tickets.c.source, tickets.c.external_id, tickets.c.fingerprint, tickets.c.created_at,
            ticket_aliases.c.source.label("also"),
        )
        .outerjoin(ticket_aliases, ticket_aliases.c.ticket_id == tickets.c.id)
        .where(one_of(conn, tickets.c.fingerprint, fingerprints), tickets.c.created_at.between(since, until))
        .order_by(tickets.c.created_at, tickets.c.id)
    )  # fmt: skip
    if besides is not None:
        query = query.where(tickets.c.source != besides)
    rows: dict[int, list[str]] = defaultdict(list)
    first: dict[int, Twin] = {}
    for row in conn.execute(query):
        rows[row.id] += [row.source, *([row.also] if row.also is not None else [])]
        first.setdefault(
            row.id, Twin(TicketKey(row.source, row.external_id), row.fingerprint, row.created_at, frozenset())
        )
    found: dict[str, list[Twin]] = defaultdict(list)
    for number, twin in first.items():
        found[twin.fingerprint].append(Twin(twin.key, twin.fingerprint, twin.created_at, frozenset(rows[number])))
    return dict(found)


def _of_every_generation(query: Select[*tuple[Any, ...]]) -> Select[*tuple[Any, ...]]:
    same = (_LATER.c.source == tickets.c.source) & (_LATER.c.external_id == tickets.c.external_id)
    return (
        query.select_from(ticket_aliases).join(tickets, tickets.c.id == ticket_aliases.c.ticket_id).join(_LATER, same)
    )
