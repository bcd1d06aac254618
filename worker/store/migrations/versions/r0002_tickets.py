"""Tickets, what is known of them, and the work they ask for."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

from worker.store.types import Json, UtcTime

revision = "0002"
down_revision = "0001"

ID = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def upgrade() -> None:
    """Make the tables of this step."""
    _tickets()
    _facts()
    _events()
    _timers()
    _effects()
    _attempts()


def _only(condition: str) -> dict[str, Any]:
    return {"postgresql_where": sa.text(condition), "sqlite_where": sa.text(condition)}


def _tickets() -> None:
    op.create_table(
        "tickets",
        sa.Column("id", ID, primary_key=True, autoincrement=True),
        sa.Column("source", sa.String(40), nullable=False),
        sa.Column("external_id", sa.String(400), nullable=False),
        sa.Column("generation", sa.Integer, nullable=False, server_default="1"),
        sa.Column("status", sa.String(20), nullable=False, server_default="new"),
        sa.Column("priority", sa.String(10), nullable=False, server_default="medium"),
        sa.Column("category", sa.String(60), nullable=False, server_default=""),
        sa.Column("team_id", sa.String(60)),
        sa.Column("assignee_id", sa.String(60)),
        sa.Column("requester", sa.String(320)),
        sa.Column("subject", sa.Text, nullable=False, server_default=""),
        sa.Column("record", Json),
        sa.Column("policy_version", sa.String(16), nullable=False, server_default=""),
        sa.Column("created_at", UtcTime, nullable=False),
        sa.Column("updated_at", UtcTime, nullable=False),
        sa.Column("closed_at", UtcTime),
        sa.UniqueConstraint("source", "external_id", "generation", name="tickets_identity"),
    )
    op.create_index("tickets_open_by_agent", "tickets", ["assignee_id"], **_only("status NOT IN ('resolved','closed')"))
    op.create_index("tickets_requester", "tickets", ["requester"])


def _facts() -> None:
    op.create_table(
        "facts",
        sa.Column("id", ID, primary_key=True, autoincrement=True),
        sa.Column("ticket_id", sa.BigInteger, sa.ForeignKey("tickets.id"), nullable=False),
        sa.Column("kind", sa.String(12), nullable=False),
        sa.Column("key", sa.String(400), nullable=False),
        sa.Column("at", UtcTime, nullable=False),
        sa.Column("data", Json, nullable=False),
        sa.Column("cause", sa.String(40), nullable=False),
        sa.UniqueConstraint("ticket_id", "key", name="facts_once"),
    )


def _events() -> None:
    op.create_table(
        "events",
        sa.Column("id", ID, primary_key=True, autoincrement=True),
        sa.Column("ticket_id", sa.BigInteger, sa.ForeignKey("tickets.id"), nullable=False),
        sa.Column("name", sa.String(60), nullable=False),
        sa.Column("key", sa.String(200), nullable=False),
        sa.Column("at", UtcTime, nullable=False),
        sa.Column("recorded_at", UtcTime, nullable=False),
        sa.Column("stage", sa.String(10), nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("data", Json, nullable=False),
        sa.Column("cause", sa.String(40), nullable=False),
        sa.Column("policy_version", sa.String(16), nullable=False),
        sa.UniqueConstraint("ticket_id", "name", "key", name="events_once"),
    )


def _timers() -> None:
    op.create_table(
        "timers",
        sa.Column("id", ID, primary_key=True, autoincrement=True),
        sa.Column("ticket_id", sa.BigInteger, sa.ForeignKey("tickets.id"), nullable=False),
        sa.Column("kind", sa.String(20), nullable=False),
        sa.Column("key", sa.String(100), nullable=False),
        sa.Column("due_at", UtcTime, nullable=False),
        sa.Column("state", sa.String(10), nullable=False, server_default="pending"),
        sa.Column("wake_at", UtcTime, nullable=False),
        sa.Column("hold_until", UtcTime),
        sa.Column("fired_at", UtcTime),
        sa.UniqueConstraint("ticket_id", "kind", "key", name="timers_once"),
    )
    op.create_index("timers_due", "timers", ["due_at"], **_only("state = 'pending'"))
    op.create_index("timers_wake", "timers", ["wake_at"], **_only("state = 'pending'"))


def _effects() -> None:
    op.create_table(
        "effects",
        sa.Column("id", ID, primary_key=True, autoincrement=True),
        sa.Column("ticket_id", sa.BigInteger, sa.ForeignKey("tickets.id"), nullable=False),
        sa.Column("kind", sa.String(20), nullable=False),
        sa.Column("decision", sa.String(100), nullable=False),
        sa.Column("payload", Json, nullable=False),
        sa.Column("state", sa.String(12), nullable=False),
        sa.Column("attempts", sa.Integer, nullable=False, server_default="0"),
        sa.Column("next_at", UtcTime, nullable=False),
        sa.Column("wake_at", UtcTime, nullable=False),
        sa.Column("expires_at", UtcTime, nullable=False),
        sa.Column("claim", sa.String(32)),
        sa.Column("lease_until", UtcTime),
        sa.Column("cause", sa.String(40)),
        sa.Column("detail", sa.Text),
        sa.Column("result", Json),
        sa.Column("created_at", UtcTime, nullable=False),
        sa.Column("first_tried_at", UtcTime),
        sa.Column("done_at", UtcTime),
        sa.UniqueConstraint("ticket_id", "kind", "decision", name="effects_once"),
    )
    op.create_index("effects_due", "effects", ["next_at"], **_only("state IN ('pending','retry')"))
    op.create_index("effects_leased", "effects", ["lease_until"], **_only("state = 'performing'"))
    op.create_index(
        "effects_live", "effects", ["ticket_id", "id"], **_only("state IN ('pending','retry','performing')")
    )
    op.create_index(
        "effects_waiting", "effects", ["expires_at"], **_only("state IN ('pending','retry','approval','no_target')")
    )
    op.create_index("effects_wake", "effects", ["wake_at"], **_only("state IN ('pending','retry')"))


def _attempts() -> None:
    op.create_table(
        "attempts",
        sa.Column("id", ID, primary_key=True, autoincrement=True),
        sa.Column("subject", sa.String(24), nullable=False, index=True),
        sa.Column("n", sa.Integer, nullable=False),
        sa.Column("at", UtcTime, nullable=False),
        sa.Column("outcome", sa.String(20), nullable=False),
        sa.Column("cause", sa.String(40)),
        sa.Column("detail", sa.Text),
    )
