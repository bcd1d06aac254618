"""Reading contacts and organisations, for operators."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Select, func, or_, select

from worker.store import storable
from worker.store.database import Database
from worker.store.schema import contact_identities, contacts, organizations, tickets
from worker.store.ticket_rows import COLUMNS, StoredTicket, stored


@dataclass(frozen=True, slots=True)
class StoredContact:
    """Somebody we know, by every name, and how often they asked for something."""

    id: int
    name: str
    email: str | None
    language: str
    organization: str | None
    tier: str
    identities: tuple[str, ...]
    tickets: int
    first_seen_at: datetime
    last_seen_at: datetime


@dataclass(frozen=True, slots=True)
class StoredOrganization:
    """A customer; `tier` and `value` are the policy's as of the last ticket."""

    id: int
    name: str
    domains: tuple[str, ...]
    tier: str
    value: int
    contacts: int
    tickets: int


def list_contacts(
    db: Database, *, organization: str | None = None, text: str = "", limit: int = 50
) -> list[StoredContact]:
    """Those seen last first; `text` is looked for in names and addresses, without case."""
    query = _contacts().order_by(contacts.c.last_seen_at.desc(), contacts.c.id.desc()).limit(limit)
    if organization is not None:
        query = query.where(organizations.c.key == storable.key(" ".join(organization.casefold().split()), 200))
    if text:
        wanted = (func.lower(column).contains(text.lower(), autoescape=True) for column in _NAMED)
        query = query.where(or_(*wanted))
    with db.read() as conn:
        return _read(conn, query)


def get_contact(db: Database, contact_id: int) -> StoredContact | None:
    """The one with this id."""
    with db.read() as conn:
        return next(iter(_read(conn, _contacts().where(contacts.c.id == contact_id))), None)


def contact_known_as(db: Database, identity: str) -> int | None:
    """The id of who goes under this name: `email:lena@customer.example`, `chatwoot:41`."""
    query = select(contact_identities.c.contact_id).where(contact_identities.c.identity == storable.key(identity, 400))
    with db.read() as conn:
        found: int | None = conn.execute(query).scalar()
    return found


def tickets_of(db: Database, contact_id: int, *, limit: int = 50) -> list[StoredTicket]:
    """What they asked for, the newest first."""
    query = select(*COLUMNS).where(tickets.c.contact_id == contact_id).order_by(tickets.c.id.desc()).limit(limit)
    with db.read() as conn:
        return [stored(row) for row in conn.execute(query)]


def list_organizations(db: Database, *, limit: int = 50) -> list[StoredOrganization]:
    """By name."""
    members = (
        select(func.count()).where(contacts.c.organization_id == organizations.c.id).correlate(organizations)
    ).scalar_subquery()
    asked = (
        select(func.count())
        .select_from(tickets.join(contacts, contacts.c.id == tickets.c.contact_id))
        .where(contacts.c.organization_id == organizations.c.id)
        .correlate(organizations)
    ).scalar_subquery()
    query = select(organizations, members.label("members"), asked.label("asked")).order_by(organizations.c.key)
    with db.read() as conn:
        return [
            StoredOrganization(row.id, row.name, tuple(row.domains), row.tier, row.value, row.members, row.asked)
            for row in conn.execute(query.limit(limit))
        ]


_NAMED = (contacts.c.name, contacts.c.email)


def _contacts() -> Select[*tuple[Any, ...]]:
    joined = contacts.outerjoin(organizations, organizations.c.id == contacts.c.organization_id)
    return select(contacts, organizations.c.name.label("organization"), organizations.c.tier).select_from(joined)


def _read(conn: Connection, query: Select[*tuple[Any, ...]]) -> list[StoredContact]:
    rows = conn.execute(query).all()
    ids = [row.id for row in rows]
    names, counts = _names(conn, ids), _counts(conn, ids)
    return [
        StoredContact(
            row.id, row.name, row.email, row.language, row.organization, row.tier or "", tuple(names[row.id]),
            counts.get(row.id, 0), row.first_seen_at, row.last_seen_at,
        )
        for row in rows
    ]  # fmt: skip


def _names(conn: Connection, ids: Collection[int]) -> dict[int, list[str]]:
    query = select(contact_identities).where(contact_identities.c.contact_id.in_(ids))
    found: dict[int, list[str]] = defaultdict(list)
    for row in conn.execute(query.order_by(contact_identities.c.identity)):
        found[row.contact_id].append(row.identity)
    return found


def _counts(conn: Connection, ids: Collection[int]) -> dict[int, int]:
    query = select(tickets.c.contact_id, func.count().label("n")).where(tickets.c.contact_id.in_(ids))
    return {row.contact_id: row.n for row in conn.execute(query.group_by(tickets.c.contact_id))}
