"""Deliveries as an operator sees them, and what is done with dead letters: replay or discard."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import func, select, text, update

from worker.store import audit, storable
from worker.store.database import Database
from worker.store.schema import deliveries, raw_requests

DEAD = text("deliveries.state = 'dead'")  # literal: a prepared statement must match the partial index


@dataclass(frozen=True, slots=True)
class DeliveryRow:
    """One delivery in any state, without its raw request."""

    id: int
    receipt_id: str
    source: str
    endpoint: str
    delivery_id: str | None
    dedupe_key: str
    duplicate_of: int | None
    size: int
    state: str
    outcome: str | None
    event: str | None
    cause: str | None
    detail: str | None
    attempts: int
    next_at: datetime
    suspect: bool
    lone_deaths: int
    received_at: datetime
    sent_at: datetime | None
    done_at: datetime | None
    ticket_id: int | None


@dataclass(frozen=True, slots=True)
class RawRequest:
    """What was received, byte for byte, unless it was too large."""

    headers: dict[str, str]
    body: bytes
    truncated: bool


@dataclass(frozen=True, slots=True)
class DeadSummary:
    """How many dead letters of one source have one cause, and since when."""

    source: str
    cause: str | None
    count: int
    oldest: datetime


_COLUMNS = tuple(deliveries.c[name] for name in DeliveryRow.__slots__)


def list_deliveries(
    db: Database, *, state: str | None = None, source: str | None = None, ticket: int | None = None, limit: int = 50
) -> list[DeliveryRow]:
    """The newest first."""
    query = select(*_COLUMNS).order_by(deliveries.c.id.desc()).limit(limit)
    if state is not None:
        query = query.where(DEAD if state == "dead" else deliveries.c.state == state)
    if source is not None:
        query = query.where(deliveries.c.source == source)
    if ticket is not None:
        query = query.where(deliveries.c.ticket_id == ticket)
    with db.read() as conn:
        return [DeliveryRow(*row) for row in conn.execute(query)]


def get_delivery(db: Database, delivery_id: int) -> DeliveryRow | None:
    """The delivery with this id."""
    with db.read() as conn:
        row = conn.execute(select(*_COLUMNS).where(deliveries.c.id == delivery_id)).first()
    return None if row is None else DeliveryRow(*row)


def raw(db: Database, delivery_id: int) -> RawRequest | None:
    """The raw request of a delivery; of a duplicate, that of the first, which had the same body."""
    first = (
        select(func.coalesce(deliveries.c.duplicate_of, deliveries.c.id))
        .where(deliveries.c.id == delivery_id)
        .scalar_subquery()
    )
    columns = (raw_requests.c.headers, raw_requests.c.body, raw_requests.c.truncated)
    with db.read() as conn:
        row = conn.execute(select(*columns).where(raw_requests.c.delivery_id == first)).first()
    return None if row is None else RawRequest(row.headers, bytes(row.body), row.truncated)


def dead_summary(db: Database) -> list[DeadSummary]:
    """Dead letters by source and cause, the most numerous first."""
    n = func.count().label("n")
    query = (
        select(deliveries.c.source, deliveries.c.cause, n, func.min(deliveries.c.received_at))
        .where(DEAD)
        .group_by(deliveries.c.source, deliveries.c.cause)
        .order_by(n.desc(), deliveries.c.source, deliveries.c.cause)
    )
    with db.read() as conn:
        return [DeadSummary(*row) for row in conn.execute(query)]


def replay(db: Database, ids: Sequence[int], *, actor: str) -> list[int]:
    """Put dead letters back as if they had just arrived; returns those that were dead. The same key is kept."""
    with db.write() as conn:
        now = db.now(conn)
        again = {
            "state": "pending", "cause": None, "detail": None, "attempts": 0, "suspect": False, "lone_deaths": 0,
            "claim": None, "lease_until": None, "done_at": None, "next_at": now, "wake_at": now, "wakes": 0,
        }  # fmt: skip
        return _act(conn, ids, again, now=now, outcome="replayed", detail=actor)


def discard(db: Database, ids: Sequence[int], *, actor: str, reason: str) -> list[int]:
    """Give dead letters up for a reason, which is kept; returns those that were dead."""
    with db.write() as conn:
        now = db.now(conn)
        given_up = {"state": "discarded", "detail": storable.text(reason, 1000), "done_at": now}
        return _act(conn, ids, given_up, now=now, outcome="discarded", detail=f"{actor}: {reason}")


def _act(
    conn: Any, ids: Sequence[int], values: dict[str, Any], *, now: datetime, outcome: str, detail: str
) -> list[int]:
    wanted = (
        select(deliveries.c.id, deliveries.c.attempts)
        .where(DEAD, deliveries.c.id.in_(sorted(ids)))
        .order_by(deliveries.c.id)
        .with_for_update()
    )
    rows = conn.execute(wanted).all()
    found = [row.id for row in rows]
    conn.execute(update(deliveries).where(deliveries.c.id.in_(found)).values(values))
    audit.note(conn, [(f"d{row.id}", row.attempts) for row in rows], now=now, outcome=outcome, detail=detail)
    return found
