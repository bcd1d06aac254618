"""The tables of those who ask: contacts, by all the names they go under, and the organisations they belong to."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, ForeignKey, Integer, String, Table

from worker.store.base import Id, metadata
from worker.store.types import Json, UtcTime

organizations = Table(
    "organizations",
    metadata,
    Column("id", Id, primary_key=True, autoincrement=True),
    Column("key", String(200), nullable=False, unique=True),  # the name in lower case
    Column("name", String(200), nullable=False),
    Column("domains", Json, nullable=False),
    Column("tier", String(60), nullable=False, server_default=""),
    Column("value", Integer, nullable=False, server_default="0"),
)

contacts = Table(
    "contacts",
    metadata,
    Column("id", Id, primary_key=True, autoincrement=True),
    Column("name", String(200), nullable=False, server_default=""),
    Column("email", String(320)),
    Column("organization_id", BigInteger, ForeignKey("organizations.id")),
    Column("language", String(20), nullable=False, server_default=""),
    Column("first_seen_at", UtcTime, nullable=False),
    Column("last_seen_at", UtcTime, nullable=False),
)

contact_identities = Table(
    "contact_identities",
    metadata,
    Column("identity", String(400), primary_key=True),  # email:lena@customer.example, chatwoot:41
    Column("contact_id", BigInteger, ForeignKey("contacts.id"), nullable=False, index=True),
)
