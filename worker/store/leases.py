"""Leases: one holder at a time for periodic work, and when it last succeeded."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import or_, select, update

from worker.store import storable
from worker.store.bulk import insert_rows
from worker.store.database import Database
from worker.store.schema import leases

_LONGEST = 64  # a holder names its host, whose name alone may be as long


def acquire(db: Database, name: str, holder: str, ttl: timedelta) -> bool:
    """True when `holder` has it until `ttl` from now: it was free, had run out, or was this holder's already."""
    holder = storable.key(holder, _LONGEST)
    with db.write() as conn:
        now = db.now(conn)
        mine = {"holder": holder, "until": now + ttl}
        if insert_rows(conn, leases, [{"name": name, **mine}], returning=("name",), ignore=True):
            return True
        free = or_(leases.c.until <= now, leases.c.holder == holder)
        return conn.execute(update(leases).where(leases.c.name == name, free).values(mine)).rowcount == 1


def release(db: Database, name: str, holder: str) -> None:
    """Give it back early, if it is still this holder's."""
    with db.write() as conn:
        mine = (leases.c.name == name, leases.c.holder == storable.key(holder, _LONGEST))
        conn.execute(update(leases).where(*mine).values(until=db.now(conn)))


def succeeded(db: Database, name: str) -> None:
    """The work behind this lease has just succeeded."""
    with db.write() as conn:
        now = db.now(conn)
        insert_rows(conn, leases, [{"name": name, "holder": "", "until": now}], ignore=True)
        conn.execute(update(leases).where(leases.c.name == name).values(last_success_at=now))


def last_success(db: Database, name: str) -> datetime | None:
    """When it last did; None if never."""
    with db.read() as conn:
        at: datetime | None = conn.execute(select(leases.c.last_success_at).where(leases.c.name == name)).scalar()
    return at
