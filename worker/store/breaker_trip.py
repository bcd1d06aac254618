"""Open a circuit at once, without waiting for ten failures: for when one answer settles it, such as a refused token."""

from __future__ import annotations

from sqlalchemy import select, update

from worker.store import storable
from worker.store.breakers import FIRST_PAUSE, LONGEST_PAUSE
from worker.store.bulk import insert_rows
from worker.store.database import Database
from worker.store.schema import breakers


def trip(db: Database, name: str, cause: str) -> None:
    """Open the breaker, or keep it open: for twice as long as the last time if this is its probe."""
    with db.write() as conn:
        now = db.now(conn)
        insert_rows(conn, breakers, [{"name": name}], ignore=True)
        row = conn.execute(select(breakers).where(breakers.c.name == name).with_for_update()).one()
        if row.open_until is not None and row.open_until > now:
            return  # somebody else found out first
        pause = min(FIRST_PAUSE * 2 ** min(row.opens, 8), LONGEST_PAUSE)
        values = {
            "open_until": now + pause,
            "probe_until": None,
            "opens": row.opens + 1,
            "cause": storable.optional_text(cause, 200),
        }
        conn.execute(update(breakers).where(breakers.c.name == name).values(values))
