"""The tables around the tickets: who works here, and who is working right now."""

from __future__ import annotations

from sqlalchemy import Boolean, Column, Integer, String, Table, Text, false

from worker.store.base import Id, metadata
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
    Column("skills", Json),  # from the policy
    Column("senior", Boolean, nullable=False, server_default=false()),
    Column("away_since", UtcTime),  # null: online
    Column("last_assigned_at", UtcTime),
    Column("refreshed_at", UtcTime, nullable=False),
)

agent_load = Table(  # open tickets: counts and what has been added since, rolled up by the scheduler
    "agent_load",
    metadata,
    Column("id", Id, primary_key=True, autoincrement=True),
    Column("agent_id", String(60), nullable=False),  # also of who is in the roster no more
    Column("n", Integer, nullable=False),
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

approvals = Table(  # templates that a person let go once for all
    "approvals",
    metadata,
    Column("template", String(64), primary_key=True),  # digest of kind and text
    Column("kind", String(20), nullable=False),
    Column("text", Text, nullable=False),
    Column("actor", String(200), nullable=False),
    Column("at", UtcTime, nullable=False),
    Column("revoked_at", UtcTime),
    Column("revoked_by", String(200)),
)

targets = Table(  # how the other sides of outgoing webhooks are doing
    "targets",
    metadata,
    Column("name", String(60), primary_key=True),
    Column("disabled_at", UtcTime),
    Column("cause", Text),
    Column("failing_since", UtcTime),  # the first of the failures since the last success
    Column("last_failure_at", UtcTime),
    Column("last_success_at", UtcTime),
    Column("failures", Integer, nullable=False, server_default="0"),
)
