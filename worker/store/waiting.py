"""Open tickets that may want somebody else: those in a queue, and those whose agent is away."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Select, Text, and_, case, select, type_coerce

from worker.domain.priority import PRIORITIES
from worker.domain.ticket import Ticket
from worker.store.schema import tickets, timers
from worker.store.ticket_reads import OPEN
from worker.store.ticket_rows import COLUMNS, stored

_WAITS = '%"waiting_since":"%'  # in the record's JSON; a customer's quotation marks are escaped there
_ROUTED = '%"assignee_by":"routing"%'


@dataclass(frozen=True, slots=True)
class Waiting:
    """A ticket as it was last decided, and when it was last to be looked at for this reason."""

    id: int
    ticket: Ticket
    looked_at: datetime | None = None


def queued(conn: Connection, *, limit: int) -> list[Waiting]:
    """Tickets without an agent, the most urgent first and of these the oldest; some may not be in a queue at all."""
    query = select(*COLUMNS).where(OPEN, tickets.c.assignee_id.is_(None), tickets.c.record.is_not(None))
    return _read(conn, query, limit=limit)


def with_customers_waiting(
    conn: Connection, agents: Collection[str], *, timer: tuple[str, str], limit: int
) -> list[Waiting]:
    """What routing gave to these agents and a customer waits for, in the same order; `timer` is the kind and key of
    the look that is meant."""
    if not agents:
        return []
    kind, key = timer
    record = type_coerce(tickets.c.record, Text)
    mine = and_(timers.c.ticket_id == tickets.c.id, timers.c.kind == kind, timers.c.key == key)
    query = (
        select(*COLUMNS, timers.c.due_at)
        .outerjoin(timers, mine)
        .where(OPEN, tickets.c.assignee_id.in_(sorted(agents)))
        .where(record.like(_WAITS), record.like(_ROUTED))
    )
    return _read(conn, query, limit=limit)


def lock(conn: Connection, ids: Collection[int]) -> None:
    """Hold these tickets until the transaction ends, in the order in which everybody does."""
    conn.execute(select(tickets.c.id).where(tickets.c.id.in_(sorted(ids))).order_by(tickets.c.id).with_for_update())


def _read(conn: Connection, query: Select[*tuple[Any, ...]], *, limit: int) -> list[Waiting]:
    urgency = case({name: rank for rank, name in enumerate(reversed(PRIORITIES))}, value=tickets.c.priority)
    rows = conn.execute(query.order_by(urgency, tickets.c.created_at, tickets.c.id).limit(limit)).all()
    found = ((stored(row), getattr(row, "due_at", None)) for row in rows)
    return [Waiting(one.id, one.ticket, due_at) for one, due_at in found if one.ticket is not None]
