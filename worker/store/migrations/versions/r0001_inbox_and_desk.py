"""The inbox, and the desk around it."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

from worker.store.types import Json, UtcTime

revision = "0001"
down_revision = None

ID = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def upgrade() -> None:
    """Make the tables of this step."""
    _deliveries()
    _raw_requests()
    _receipt_counts()
    _rejects()
    _agents()
    _teams()
    _leases()
    _breakers()
    _heartbeats()


def _only(condition: str) -> dict[str, Any]:
    return {"postgresql_where": sa.text(condition), "sqlite_where": sa.text(condition)}


def _deliveries() -> None:
    op.create_table(
        "deliveries",
        sa.Column("id", ID, primary_key=True, autoincrement=True),
        sa.Column("receipt_id", sa.String(36), nullable=False, unique=True),
        sa.Column("source", sa.String(40), nullable=False),
        sa.Column("endpoint", sa.String(40), nullable=False),
        sa.Column("delivery_id", sa.String(200)),
        sa.Column("dedupe_key", sa.String(400), nullable=False),
        sa.Column("duplicate_of", sa.BigInteger, sa.ForeignKey("deliveries.id")),
        sa.Column("size", sa.Integer, nullable=False),
        sa.Column("state", sa.String(12), nullable=False),
        sa.Column("outcome", sa.String(12)),
        sa.Column("event", sa.String(80)),
        sa.Column("cause", sa.String(40)),
        sa.Column("detail", sa.Text),
        sa.Column("attempts", sa.Integer, nullable=False, server_default="0"),
        sa.Column("next_at", UtcTime, nullable=False),
        sa.Column("wake_at", UtcTime, nullable=False),
        sa.Column("wakes", sa.Integer, nullable=False, server_default="0"),
        sa.Column("claim", sa.String(32)),
        sa.Column("lease_until", UtcTime),
        sa.Column("claimed_alone", sa.Boolean, nullable=False, server_default=sa.false()),
        sa.Column("suspect", sa.Boolean, nullable=False, server_default=sa.false()),
        sa.Column("lone_deaths", sa.Integer, nullable=False, server_default="0"),
        sa.Column("received_at", UtcTime, nullable=False),
        sa.Column("sent_at", UtcTime),
        sa.Column("done_at", UtcTime),
        sa.Column("ticket_id", sa.BigInteger),
    )
    op.create_index("deliveries_dead", "deliveries", ["id"], **_only("state = 'dead'"))
    op.create_index(
        "deliveries_due", "deliveries", ["suspect", "next_at", "id"], **_only("state IN ('pending','retry')")
    )
    op.create_index("deliveries_first", "deliveries", ["dedupe_key"], unique=True, **_only("duplicate_of IS NULL"))
    op.create_index("deliveries_leased", "deliveries", ["lease_until"], **_only("state = 'processing'"))
    op.create_index("deliveries_ticket", "deliveries", ["ticket_id"])
    op.create_index("deliveries_wake", "deliveries", ["wake_at"], **_only("state IN ('pending','retry')"))


def _raw_requests() -> None:
    op.create_table(
        "raw_requests",
        sa.Column("delivery_id", ID, sa.ForeignKey("deliveries.id"), primary_key=True, autoincrement=False),
        sa.Column("headers", Json, nullable=False),
        sa.Column("body", sa.LargeBinary, nullable=False),
        sa.Column("truncated", sa.Boolean, nullable=False, server_default=sa.false()),
    )


def _receipt_counts() -> None:
    op.create_table(
        "receipt_counts",
        sa.Column("id", ID, primary_key=True, autoincrement=True),
        sa.Column("kind", sa.String(12), nullable=False),
        sa.Column("source", sa.String(40), nullable=False),
        sa.Column("n", sa.BigInteger, nullable=False),
    )


def _rejects() -> None:
    op.create_table(
        "rejects",
        sa.Column("id", ID, primary_key=True, autoincrement=True),
        sa.Column("at", UtcTime, nullable=False),
        sa.Column("source", sa.String(40), nullable=False),
        sa.Column("endpoint", sa.String(40), nullable=False),
        sa.Column("reason", sa.String(40), nullable=False),
        sa.Column("headers", Json, nullable=False),
        sa.Column("body", sa.LargeBinary, nullable=False),
    )


def _agents() -> None:
    op.create_table(
        "agents",
        sa.Column("id", sa.String(60), primary_key=True),
        sa.Column("name", sa.String(200), nullable=False),
        sa.Column("email", sa.String(320)),
        sa.Column("role", sa.String(40), nullable=False, server_default="agent"),
        sa.Column("availability", sa.String(10), nullable=False),
        sa.Column("capacity", sa.Integer),
        sa.Column("team_ids", Json, nullable=False),
        sa.Column("last_assigned_at", UtcTime),
        sa.Column("refreshed_at", UtcTime, nullable=False),
    )


def _teams() -> None:
    op.create_table(
        "teams",
        sa.Column("id", sa.String(60), primary_key=True),
        sa.Column("name", sa.String(200), nullable=False),
        sa.Column("refreshed_at", UtcTime, nullable=False),
    )


def _leases() -> None:
    op.create_table(
        "leases",
        sa.Column("name", sa.String(60), primary_key=True),
        sa.Column("holder", sa.String(64), nullable=False),
        sa.Column("until", UtcTime, nullable=False),
        sa.Column("last_success_at", UtcTime),
    )


def _breakers() -> None:
    op.create_table(
        "breakers",
        sa.Column("name", sa.String(40), primary_key=True),
        sa.Column("open_until", UtcTime),
        sa.Column("opens", sa.Integer, nullable=False, server_default="0"),
        sa.Column("probe_until", UtcTime),
        sa.Column("window_start", UtcTime),
        sa.Column("calls", sa.Integer, nullable=False, server_default="0"),
        sa.Column("failures", sa.Integer, nullable=False, server_default="0"),
        sa.Column("cause", sa.Text),
    )


def _heartbeats() -> None:
    op.create_table(
        "heartbeats",
        sa.Column("process", sa.String(80), primary_key=True),
        sa.Column("kind", sa.String(12), nullable=False),
        sa.Column("at", UtcTime, nullable=False),
        sa.Column("detail", Json, nullable=False),
    )
