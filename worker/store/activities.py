"""Activities: what somebody should do about a ticket, and whether it was done."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, Connection, select, update

from worker.domain.ticket import Activity, Ended
from worker.store import storable
from worker.store.bulk import insert_rows
from worker.store.database import Database
from worker.store.schema import activities

OURSELVES = "hookdesk"


@dataclass(frozen=True, slots=True)
class StoredActivity:
    """One activity in any state: open, done or cancelled."""

    id: int
    ticket_id: int
    kind: str
    key: str
    due_at: datetime
    state: str
    assignee_id: str | None
    assignee: str
    reason: str
    created_at: datetime
    done_at: datetime | None
    done_by: str | None
    note: str | None


_COLUMNS = tuple(activities.c[name] for name in StoredActivity.__slots__)


def add(conn: Connection, rows: Sequence[tuple[int, Activity]], *, now: datetime) -> list[int]:
    """Open (ticket id, activity); what was opened before stays as it is, but for what we called off ourselves: that is
    open again. Returns the ids of the new ones."""
    values = [
        {"ticket_id": ticket_id, "kind": storable.text(one.kind, 40), "key": storable.key(one.key, 100),
         "due_at": one.due_at, "assignee_id": one.assignee.id if one.assignee is not None else None,
         "assignee": storable.text(one.assignee.name, 200) if one.assignee is not None else "",
         "reason": storable.text(one.reason, 4000), "created_at": now}
        for ticket_id, one in rows
    ]  # fmt: skip
    new = sorted(row.id for row in insert_rows(conn, activities, values, returning=("id",), ignore=True))
    if len(new) < len(values):
        for one in values:
            is_it = [activities.c[name] == one[name] for name in ("ticket_id", "kind", "key")]
            called_off = (activities.c.state == "cancelled") & (activities.c.done_by == OURSELVES)
            again = {"state": "open", "done_at": None, "done_by": None, "note": None}
            conn.execute(update(activities).where(*is_it, called_off).values(**again))
    return new


def cancel(conn: Connection, rows: Sequence[tuple[int, Ended]], *, now: datetime) -> None:
    """End the open ones of these (ticket id, kind and key), each with its state and reason, by our own decision."""
    for ticket_id, one in rows:
        values = {"state": one.state, "done_at": now, "done_by": OURSELVES, "note": storable.text(one.reason, 4000)}
        conn.execute(update(activities).where(_is_open(ticket_id, one.kind, one.key)).values(**values))


def is_open(conn: Connection, ticket_id: int, kind: str, key: str) -> bool:
    """Whether the ticket has this activity and nobody has ended it yet."""
    return conn.execute(select(activities.c.id).where(_is_open(ticket_id, kind, key))).first() is not None


def _is_open(ticket_id: int, kind: str, key: str) -> ColumnElement[bool]:
    is_it = (activities.c.ticket_id == ticket_id) & (activities.c.kind == kind)
    return is_it & (activities.c.key == storable.key(key, 100)) & (activities.c.state == "open")


def end(db: Database, activity_id: int, *, state: str, actor: str, note: str = "") -> bool:
    """Mark an open one `done` or `cancelled`; False when there is no open one of that id."""
    with db.write() as conn:
        ended = update(activities).where(activities.c.id == activity_id, activities.c.state == "open")
        values = {"state": state, "done_at": db.now(conn), "done_by": storable.text(actor, 200),
                  "note": storable.text(note, 4000)}  # fmt: skip
        return conn.execute(ended.values(**values)).rowcount == 1


def get(db: Database, activity_id: int) -> StoredActivity | None:
    """The activity with this id."""
    with db.read() as conn:
        row = conn.execute(select(*_COLUMNS).where(activities.c.id == activity_id)).first()
    return None if row is None else StoredActivity(**row._mapping)


def list_activities(
    db: Database, *, ticket: int | None = None, state: str | None = None, kind: str | None = None, limit: int = 50
) -> list[StoredActivity]:
    """Those due soonest first."""
    query = select(*_COLUMNS).order_by(activities.c.due_at, activities.c.id).limit(limit)
    for column, value in ((activities.c.ticket_id, ticket), (activities.c.state, state), (activities.c.kind, kind)):
        if value is not None:
            query = query.where(column == value)
    with db.read() as conn:
        return [StoredActivity(**row._mapping) for row in conn.execute(query)]
