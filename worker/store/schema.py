"""The tables. Migrations make them; a test compares the two."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    String,
    Table,
    Text,
    UniqueConstraint,
    false,
)

from worker.store.base import Id, metadata, only
from worker.store.schema_desk import agent_load, agents, approvals, breakers, heartbeats, leases, targets, teams
from worker.store.schema_people import contact_identities, contacts, organizations
from worker.store.types import Json, UtcTime

__all__ = (
    "activities", "agent_load", "agents", "approvals", "attempts", "breakers", "contact_identities", "contacts",
    "deliveries", "effects", "events", "facts", "heartbeats", "leases", "metadata", "organizations", "raw_requests",
    "receipt_counts", "rejects", "targets", "teams", "ticket_aliases", "tickets", "timers",
)  # fmt: skip

deliveries = Table(
    "deliveries",
    metadata,
    Column("id", Id, primary_key=True, autoincrement=True),
    Column("receipt_id", String(36), nullable=False, unique=True),
    Column("source", String(40), nullable=False),
    Column("endpoint", String(40), nullable=False),
    Column("delivery_id", String(200)),
    Column("dedupe_key", String(400), nullable=False),
    Column("duplicate_of", BigInteger, ForeignKey("deliveries.id")),
    Column("size", Integer, nullable=False),
    Column("state", String(12), nullable=False),  # pending processing retry done dead discarded
    Column("outcome", String(12)),  # processed ignored stale duplicate
    Column("event", String(80)),
    Column("cause", String(40)),  # a closed word: why it is dead, ignored or in retry
    Column("detail", Text),  # a sentence for the operator
    Column("attempts", Integer, nullable=False, server_default="0"),
    Column("next_at", UtcTime, nullable=False),
    Column("wake_at", UtcTime, nullable=False),  # when the scheduler may wake it (again); never before next_at
    Column("wakes", Integer, nullable=False, server_default="0"),
    Column("claim", String(32)),  # the fence: only who holds this token may finish it
    Column("lease_until", UtcTime),
    Column("claimed_alone", Boolean, nullable=False, server_default=false()),
    Column("suspect", Boolean, nullable=False, server_default=false()),
    Column("lone_deaths", Integer, nullable=False, server_default="0"),
    Column("received_at", UtcTime, nullable=False),
    Column("sent_at", UtcTime),  # the signed time of sending
    Column("done_at", UtcTime),
    Column("ticket_id", BigInteger),
    Index("deliveries_first", "dedupe_key", unique=True, **only("duplicate_of IS NULL")),
    Index("deliveries_due", "suspect", "next_at", "id", **only("state IN ('pending','retry')")),
    Index("deliveries_wake", "wake_at", **only("state IN ('pending','retry')")),
    Index("deliveries_leased", "lease_until", **only("state = 'processing'")),
    Index("deliveries_dead", "id", **only("state = 'dead'")),
    Index("deliveries_ticket", "ticket_id"),
)  # fmt: skip

raw_requests = Table(
    "raw_requests",
    metadata,
    Column("delivery_id", Id, ForeignKey("deliveries.id"), primary_key=True, autoincrement=False),
    Column("headers", Json, nullable=False),
    Column("body", LargeBinary, nullable=False),
    Column("truncated", Boolean, nullable=False, server_default=false()),
)

receipt_counts = Table(  # one row per accept transaction, rolled up by the scheduler: the `received` of the ledger
    "receipt_counts",
    metadata,
    Column("id", Id, primary_key=True, autoincrement=True),
    Column("kind", String(12), nullable=False),  # received reconciled
    Column("source", String(40), nullable=False),
    Column("n", BigInteger, nullable=False),
)

rejects = Table(  # the last refused requests, redacted, for `hookdesk verify`
    "rejects",
    metadata,
    Column("id", Id, primary_key=True, autoincrement=True),
    Column("at", UtcTime, nullable=False),
    Column("source", String(40), nullable=False),
    Column("endpoint", String(40), nullable=False),
    Column("reason", String(40), nullable=False),
    Column("headers", Json, nullable=False),
    Column("body", LargeBinary, nullable=False),
)

tickets = Table(
    "tickets",
    metadata,
    Column("id", Id, primary_key=True, autoincrement=True),
    Column("source", String(40), nullable=False),
    Column("external_id", String(400), nullable=False),
    Column("generation", Integer, nullable=False, server_default="1"),
    Column("status", String(20), nullable=False, server_default="new"),
    Column("priority", String(10), nullable=False, server_default="medium"),
    Column("category", String(60), nullable=False, server_default=""),
    Column("team_id", String(60)),
    Column("assignee_id", String(60)),
    Column("requester", String(320)),  # e-mail in lower case, else the source's id: for cool-downs and search
    Column("contact_id", BigInteger),
    Column("fingerprint", String(64)),  # of requester and text: the same request by another door
    Column("standing", String(10), nullable=False, server_default=""),  # at_risk breached, or empty: fine
    Column("subject", Text, nullable=False, server_default=""),
    Column("record", Text),  # the folded ticket; null until the first decision is stored
    Column("policy_version", String(16), nullable=False, server_default=""),
    Column("created_at", UtcTime, nullable=False),
    Column("updated_at", UtcTime, nullable=False),
    Column("closed_at", UtcTime),
    UniqueConstraint("source", "external_id", "generation", name="tickets_identity"),
    Index("tickets_open_by_agent", "assignee_id",
          **only("status NOT IN ('resolved','closed')")),
    Index("tickets_queue", "team_id", "status", "priority", "standing", "assignee_id", "created_at",
          **only("status NOT IN ('resolved','closed')")),
    Index("tickets_requester", "requester"),
    Index("tickets_contact", "contact_id", "id"),
    Index("tickets_fingerprint", "fingerprint", "created_at"),
)  # fmt: skip

facts = Table(
    "facts",
    metadata,
    Column("id", Id, primary_key=True, autoincrement=True),
    Column("ticket_id", BigInteger, ForeignKey("tickets.id"), nullable=False),
    Column("kind", String(12), nullable=False),  # message snapshot answer routed
    Column("key", String(400), nullable=False),
    Column("at", UtcTime, nullable=False),
    Column("data", Text, nullable=False),  # JSON by `codec`
    Column("cause", String(40), nullable=False),  # d17, timer:…, routing
    UniqueConstraint("ticket_id", "key", name="facts_once"),
)

events = Table(
    "events",
    metadata,
    Column("id", Id, primary_key=True, autoincrement=True),
    Column("ticket_id", BigInteger, ForeignKey("tickets.id"), nullable=False),
    Column("name", String(60), nullable=False),
    Column("key", String(200), nullable=False),
    Column("at", UtcTime, nullable=False),  # when it happened
    Column("recorded_at", UtcTime, nullable=False),
    Column("stage", String(10), nullable=False),
    Column("reason", Text, nullable=False),
    Column("data", Json, nullable=False),
    Column("cause", String(40), nullable=False),
    Column("policy_version", String(16), nullable=False),
    UniqueConstraint("ticket_id", "name", "key", name="events_once"),
    Index("events_csat", "at", **only("name IN ('csat.asked','csat.answered')")),
)

timers = Table(
    "timers",
    metadata,
    Column("id", Id, primary_key=True, autoincrement=True),
    Column("ticket_id", BigInteger, ForeignKey("tickets.id"), nullable=False),
    Column("kind", String(20), nullable=False),
    Column("key", String(100), nullable=False),
    Column("due_at", UtcTime, nullable=False),
    Column("state", String(10), nullable=False, server_default="pending"),  # pending fired cancelled
    Column("wake_at", UtcTime, nullable=False),
    Column("hold_until", UtcTime),  # its ticket could not be decided: leave it alone until then
    Column("fired_at", UtcTime),
    UniqueConstraint("ticket_id", "kind", "key", name="timers_once"),
    Index("timers_due", "due_at", **only("state = 'pending'")),
    Index("timers_wake", "wake_at", **only("state = 'pending'")),
)  # fmt: skip

effects = Table(
    "effects",
    metadata,
    Column("id", Id, primary_key=True, autoincrement=True),
    Column("ticket_id", BigInteger, ForeignKey("tickets.id"), nullable=False),
    Column("kind", String(20), nullable=False),
    Column("decision", String(100), nullable=False),
    Column("lane", String(80), nullable=False, server_default="chatwoot"),  # who performs it; lanes do not wait
    Column("payload", Json, nullable=False),
    Column("state", String(12), nullable=False),
    Column("attempts", Integer, nullable=False, server_default="0"),
    Column("next_at", UtcTime, nullable=False),
    Column("wake_at", UtcTime, nullable=False),
    Column("expires_at", UtcTime, nullable=False),
    Column("claim", String(32)),
    Column("lease_until", UtcTime),
    Column("cause", String(40)),
    Column("detail", Text),
    Column("result", Json),
    Column("created_at", UtcTime, nullable=False),
    Column("first_tried_at", UtcTime),
    Column("done_at", UtcTime),
    UniqueConstraint("ticket_id", "kind", "decision", name="effects_once"),
    Index("effects_live", "ticket_id", "id",
          **only("state IN ('pending','retry','performing')")),
    Index("effects_due", "next_at", **only("state IN ('pending','retry')")),
    Index("effects_wake", "wake_at", **only("state IN ('pending','retry')")),
    Index("effects_leased", "lease_until", **only("state = 'performing'")),
    Index("effects_waiting", "expires_at",
          **only("state IN ('pending','retry','approval','no_target')")),
)  # fmt: skip

ticket_aliases = Table(  # the same request by another door: what arrives under this key is that ticket's
    "ticket_aliases",
    metadata,
    Column("source", String(40), primary_key=True),
    Column("external_id", String(400), primary_key=True),
    Column("ticket_id", BigInteger, ForeignKey("tickets.id"), nullable=False, index=True),
)

activities = Table(
    "activities",
    metadata,
    Column("id", Id, primary_key=True, autoincrement=True),
    Column("ticket_id", BigInteger, ForeignKey("tickets.id"), nullable=False),
    Column("kind", String(40), nullable=False),
    Column("key", String(100), nullable=False),
    Column("due_at", UtcTime, nullable=False),
    Column("state", String(10), nullable=False, server_default="open"),  # open done cancelled
    Column("assignee_id", String(60)),
    Column("assignee", String(200), nullable=False, server_default=""),
    Column("reason", Text, nullable=False),
    Column("created_at", UtcTime, nullable=False),
    Column("done_at", UtcTime),
    Column("done_by", String(200)),
    Column("note", Text),
    UniqueConstraint("ticket_id", "kind", "key", name="activities_once"),
    Index("activities_open", "due_at", **only("state = 'open'")),
)

attempts = Table(  # the audit trail of every try, of deliveries (d17) and effects (e4)
    "attempts",
    metadata,
    Column("id", Id, primary_key=True, autoincrement=True),
    Column("subject", String(24), nullable=False, index=True),
    Column("n", Integer, nullable=False),
    Column("at", UtcTime, nullable=False),
    Column("outcome", String(20), nullable=False),
    Column("cause", String(40)),
    Column("detail", Text),
)
