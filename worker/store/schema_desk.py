"""The tables around the tickets: who works here, and who is working right now."""

from __future__ import annotations

from sqlalchemy import Column, Integer, String, Table, Text

from worker.store.base import metadata
from worker.store.types import Json, UtcTime

agents = Table(
    "agents",
    metadata,
    Column("id", String(60), primary_key=True),  # Chatwoot's
    Column("name", String(200), nullable=False),
    Column("email", String(320)),
    Column("role", String(40), nullable=False, server_default="agent"),
    Column("availability", String(10), nullable=False),  # online busy offline
    Column("capacity", Integer),  # null: the policy's default
    Column("team_ids", Json, nullable=False),
    Column("last_assigned_at", UtcTime),
    Column("refreshed_at", UtcTime, nullable=False),
)

teams = Table(
    "teams",
    metadata,
    Column("id", String(60), primary_key=True),
    Column("name", String(200), nullable=False),
    Column("refreshed_at", UtcTime, nullable=False),
)

leases = Table(  # one holder at a time for periodic work
    "leases",
    metadata,
    Column("name", String(60), primary_key=True),
    Column("holder", String(64), nullable=False),
    Column("until", UtcTime, nullable=False),
    Column("last_success_at", UtcTime),
)

breakers = Table(
    "breakers",
    metadata,
    Column("name", String(40), primary_key=True),
    Column("open_until", UtcTime),  # null: closed
    Column("opens", Integer, nullable=False, server_default="0"),  # consecutive, doubles the pause
    Column("probe_until", UtcTime),  # somebody is trying whether it is back; nobody else before this
    Column("window_start", UtcTime),
    Column("calls", Integer, nullable=False, server_default="0"),
    Column("failures", Integer, nullable=False, server_default="0"),
    Column("cause", Text),
)

heartbeats = Table(
    "heartbeats",
    metadata,
    Column("process", String(80), primary_key=True),  # kind@host:pid
    Column("kind", String(12), nullable=False),  # web worker scheduler
    Column("at", UtcTime, nullable=False),
    Column("detail", Json, nullable=False),
)
