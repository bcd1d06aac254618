"""People, activities, lanes of effects, approvals and targets."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

from worker.store.types import Json, UtcTime

revision = "0003"
down_revision = "0002"

ID = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def upgrade() -> None:
    """Make the tables of this step, and the columns that earlier ones lack."""
    _columns()
    _organizations()
    _contacts()
    _contact_identities()
    _ticket_aliases()
    _activities()
    _approvals()
    _targets()


def _only(condition: str) -> dict[str, Any]:
    return {"postgresql_where": sa.text(condition), "sqlite_where": sa.text(condition)}


def _columns() -> None:
    op.add_column("tickets", sa.Column("contact_id", sa.BigInteger))
    op.add_column("tickets", sa.Column("fingerprint", sa.String(64)))
    op.add_column("tickets", sa.Column("standing", sa.String(10), nullable=False, server_default=""))
    op.create_index("tickets_contact", "tickets", ["contact_id", "id"])
    op.create_index("tickets_fingerprint", "tickets", ["fingerprint", "created_at"])
    queued = ["team_id", "status", "priority", "standing", "assignee_id", "created_at"]
    op.create_index("tickets_queue", "tickets", queued, **_only("status NOT IN ('resolved','closed')"))
    op.create_index("events_csat", "events", ["at"], **_only("name IN ('csat.asked','csat.answered')"))
    op.add_column("effects", sa.Column("lane", sa.String(80), nullable=False, server_default="chatwoot"))
    op.add_column("agents", sa.Column("skills", Json))
    op.add_column("agents", sa.Column("senior", sa.Boolean, nullable=False, server_default=sa.false()))
    op.add_column("agents", sa.Column("away_since", UtcTime))


def _organizations() -> None:
    op.create_table(
        "organizations",
        sa.Column("id", ID, primary_key=True, autoincrement=True),
        sa.Column("key", sa.String(200), nullable=False, unique=True),
        sa.Column("name", sa.String(200), nullable=False),
        sa.Column("domains", Json, nullable=False),
        sa.Column("tier", sa.String(60), nullable=False, server_default=""),
        sa.Column("value", sa.Integer, nullable=False, server_default="0"),
    )


def _contacts() -> None:
    op.create_table(
        "contacts",
        sa.Column("id", ID, primary_key=True, autoincrement=True),
        sa.Column("name", sa.String(200), nullable=False, server_default=""),
        sa.Column("email", sa.String(320)),
        sa.Column("organization_id", sa.BigInteger, sa.ForeignKey("organizations.id")),
        sa.Column("language", sa.String(20), nullable=False, server_default=""),
        sa.Column("first_seen_at", UtcTime, nullable=False),
        sa.Column("last_seen_at", UtcTime, nullable=False),
    )


def _contact_identities() -> None:
    op.create_table(
        "contact_identities",
        sa.Column("identity", sa.String(400), primary_key=True),
        sa.Column("contact_id", sa.BigInteger, sa.ForeignKey("contacts.id"), nullable=False, index=True),
    )


def _ticket_aliases() -> None:
    op.create_table(
        "ticket_aliases",
        sa.Column("source", sa.String(40), primary_key=True),
        sa.Column("external_id", sa.String(400), primary_key=True),
        sa.Column("ticket_id", sa.BigInteger, sa.ForeignKey("tickets.id"), nullable=False, index=True),
    )


def _activities() -> None:
    op.create_table(
        "activities",
        sa.Column("id", ID, primary_key=True, autoincrement=True),
        sa.Column("ticket_id", sa.BigInteger, sa.ForeignKey("tickets.id"), nullable=False),
        sa.Column("kind", sa.String(40), nullable=False),
        sa.Column("key", sa.String(100), nullable=False),
        sa.Column("due_at", UtcTime, nullable=False),
        sa.Column("state", sa.String(10), nullable=False, server_default="open"),
        sa.Column("assignee_id", sa.String(60)),
        sa.Column("assignee", sa.String(200), nullable=False, server_default=""),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("created_at", UtcTime, nullable=False),
        sa.Column("done_at", UtcTime),
        sa.Column("done_by", sa.String(200)),
        sa.Column("note", sa.Text),
        sa.UniqueConstraint("ticket_id", "kind", "key", name="activities_once"),
    )
    op.create_index("activities_open", "activities", ["due_at"], **_only("state = 'open'"))


def _approvals() -> None:
    op.create_table(
        "approvals",
        sa.Column("template", sa.String(64), primary_key=True),
        sa.Column("kind", sa.String(20), nullable=False),
        sa.Column("text", sa.Text, nullable=False),
        sa.Column("actor", sa.String(200), nullable=False),
        sa.Column("at", UtcTime, nullable=False),
        sa.Column("revoked_at", UtcTime),
        sa.Column("revoked_by", sa.String(200)),
    )


def _targets() -> None:
    op.create_table(
        "targets",
        sa.Column("name", sa.String(60), primary_key=True),
        sa.Column("disabled_at", UtcTime),
        sa.Column("cause", sa.Text),
        sa.Column("failing_since", UtcTime),
        sa.Column("last_failure_at", UtcTime),
        sa.Column("last_success_at", UtcTime),
        sa.Column("failures", sa.Integer, nullable=False, server_default="0"),
    )
