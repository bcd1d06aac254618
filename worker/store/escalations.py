"""Tickets that were escalated: those still open before those that are over."""

from __future__ import annotations

from sqlalchemy import exists, select

from worker.store.database import Database
from worker.store.schema import events, tickets
from worker.store.ticket_reads import OPEN
from worker.store.ticket_rows import COLUMNS, StoredTicket, stored

_ESCALATED = exists(select(1).where(events.c.ticket_id == tickets.c.id, events.c.name == "ticket.escalated"))

_OVER = tickets.c.status.in_(("resolved", "closed"))


def list_escalated(db: Database, *, only_open: bool = False, limit: int = 50) -> list[StoredTicket]:
    """Open ones first, each group the newest first; two queries, so that the open ones are found by their index."""
    query = select(*COLUMNS).where(_ESCALATED).order_by(tickets.c.id.desc())
    with db.read() as conn:
        rows = list(conn.execute(query.where(OPEN).limit(limit)))
        if not only_open and len(rows) < limit:
            rows += conn.execute(query.where(_OVER).limit(limit - len(rows)))
    return [stored(row) for row in rows]
