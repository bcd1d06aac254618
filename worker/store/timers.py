"""Timers: wishes to look at a ticket again. Rows with a due time, fired once, under their ticket's lock."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, func, literal_column, or_, select, update

from worker.domain.ticket import Timer
from worker.store import storable
from worker.store.bulk import insert_rows, one_of, update_rows
from worker.store.database import Database
from worker.store.schema import timers
from worker.store.waking import wake

HOLD = timedelta(minutes=1)  # how long a ticket that cannot be decided stays out of the others' way
# literal, never a parameter: a prepared statement must still match the partial indexes
PENDING = literal_column("timers.state") == literal_column("'pending'")


@dataclass(frozen=True, slots=True)
class TimerRow:
    """One timer that is due."""

    id: int
    ticket_id: int
    kind: str
    key: str
    due_at: datetime


@dataclass(frozen=True, slots=True)
class StoredTimer:
    """One timer in any state."""

    id: int
    ticket_id: int
    kind: str
    key: str
    due_at: datetime
    state: str
    fired_at: datetime | None


def sync(conn: Connection, rows: Sequence[tuple[int, tuple[Timer, ...]]], *, now: datetime) -> None:
    """Make the stored timers of these locked tickets equal to the wanted ones.

    | stored    | wanted with           | becomes                          |
    |-----------|-----------------------|----------------------------------|
    | none      | any due time          | pending                          |
    | pending   | another due time      | pending at that time             |
    | pending   | not wanted            | cancelled                        |
    | cancelled | any due time          | pending at that time             |
    | fired     | a later due time      | pending again at that time       |
    | fired     | the same or an earlier| stays fired: it has done its work|
    | fired     | one still ahead of now| pending: the clock was set back  |
    """
    wanted = {
        (ticket_id, storable.text(timer.kind, 20), storable.key(timer.key, 100)): timer.due_at
        for ticket_id, those in rows
        for timer in those
    }
    tickets = {ticket_id for ticket_id, _ in rows}
    known = conn.execute(select(*_STORED).where(one_of(conn, timers.c.ticket_id, tickets))).all() if tickets else []
    moves, cancels = [], []
    for row in known:
        due_at = wanted.pop((row.ticket_id, row.kind, row.key), None)
        if due_at is not None and _moves(row, due_at, now):
            moves.append(_pending(due_at) | {"id": row.id, "fired_at": None})
        elif due_at is None and row.state == "pending":
            cancels.append({"id": row.id, "state": "cancelled"})
    new = [
        {"ticket_id": ticket_id, "kind": kind, "key": key} | _pending(due_at)
        for (ticket_id, kind, key), due_at in wanted.items()
    ]
    insert_rows(conn, timers, new)
    update_rows(conn, timers, moves)
    update_rows(conn, timers, cancels)


def wish(conn: Connection, rows: Sequence[tuple[int, Timer]]) -> None:
    """One more look at each of these locked tickets at its time, whatever became of an earlier one of that name.

    It lasts until the ticket is next decided: that decision is a look, and says what is wanted from then on.
    """
    wanted = {
        (ticket_id, storable.text(timer.kind, 20), storable.key(timer.key, 100)): timer.due_at
        for ticket_id, timer in rows
    }
    if not wanted:
        return
    query = select(*_STORED).where(one_of(conn, timers.c.ticket_id, {ticket_id for ticket_id, *_ in wanted}))
    moves = [
        _pending(due_at) | {"id": row.id, "fired_at": None}
        for row in conn.execute(query)
        if (due_at := wanted.pop((row.ticket_id, row.kind, row.key), None)) is not None
    ]
    new = [
        {"ticket_id": ticket_id, "kind": kind, "key": key} | _pending(due_at)
        for (ticket_id, kind, key), due_at in wanted.items()
    ]
    insert_rows(conn, timers, new)
    update_rows(conn, timers, moves)


def _moves(row: Any, due_at: datetime, now: datetime) -> bool:
    if row.state == "fired":
        return bool(due_at > row.due_at or due_at > now)
    return row.state == "cancelled" or bool(due_at != row.due_at)


def _pending(due_at: datetime) -> dict[str, Any]:
    return {"due_at": due_at, "state": "pending", "wake_at": due_at, "hold_until": None}


def due_tickets(db: Database, *, limit: int = 500) -> list[tuple[int, int]]:
    """(timer id, ticket id) of what is due, the longest due first.

    Only a hint: look again under the ticket's lock.
    """
    with db.read() as conn:
        now = db.now(conn)
        query = (
            select(timers.c.id, timers.c.ticket_id)
            .where(
                PENDING,
                timers.c.due_at <= now,
                or_(timers.c.hold_until.is_(None), timers.c.hold_until <= now),
            )
            .order_by(timers.c.due_at, timers.c.id)
            .limit(limit)
        )
        return [(timer_id, ticket_id) for timer_id, ticket_id in conn.execute(query)]


def due_and_unwoken(db: Database, *, limit: int = 500, again_after: timedelta) -> list[int]:
    """Ids of timers that are due and that nobody has been woken for lately; not again before `again_after`."""
    return wake(db, timers, PENDING, limit=limit, again_after=again_after)


def due_of(conn: Connection, ticket_ids: Sequence[int], *, now: datetime) -> list[TimerRow]:
    """What is due of these tickets; to be read under their locks, so that nobody else fires it too.

    `now` is the moment the tickets are decided as of: what is due a moment later must not count as fired by it.
    """
    query = select(*_DUE).where(PENDING, one_of(conn, timers.c.ticket_id, ticket_ids), timers.c.due_at <= now)
    return [TimerRow(*row) for row in conn.execute(query.order_by(timers.c.due_at, timers.c.id))]


def mark_fired(conn: Connection, ids: Sequence[int], *, now: datetime) -> None:
    """They have fired; in the transaction that stores what they led to."""
    update_rows(conn, timers, [{"id": id_, "state": "fired", "fired_at": now} for id_ in ids], where=PENDING)


def put_off(conn: Connection, ticket_id: int, *, now: datetime) -> None:
    """Leave a ticket's due timers alone for a minute; they stay pending and overdue."""
    until = now + HOLD
    mine = update(timers).where(PENDING, timers.c.ticket_id == ticket_id, timers.c.due_at <= now)
    conn.execute(mine.values(hold_until=until, wake_at=until))


def next_due(db: Database) -> datetime | None:
    """When the next pending timer is due, which may be past; None when there is none."""
    with db.read() as conn:
        at: datetime | None = conn.execute(select(func.min(timers.c.due_at)).where(PENDING)).scalar()
    return at


def list_timers(
    db: Database, *, ticket_id: int | None = None, state: str | None = None, limit: int = 50
) -> list[StoredTimer]:
    """By due time."""
    query = select(*_STORED).order_by(timers.c.due_at, timers.c.id).limit(limit)
    if ticket_id is not None:
        query = query.where(timers.c.ticket_id == ticket_id)
    if state is not None:
        query = query.where(timers.c.state == state)
    with db.read() as conn:
        return [StoredTimer(*row) for row in conn.execute(query)]


_DUE = (timers.c.id, timers.c.ticket_id, timers.c.kind, timers.c.key, timers.c.due_at)
_STORED = (*_DUE, timers.c.state, timers.c.fired_at)
