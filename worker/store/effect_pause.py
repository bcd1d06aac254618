"""Leaving a whole lane alone for a while: one look at a broken circuit serves everything that is due behind it."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import case, literal, select, update

from worker.store import storable
from worker.store.bulk import among
from worker.store.database import Database
from worker.store.effect_rows import DUE
from worker.store.schema import effects
from worker.store.types import UtcTime

MOST = 2000  # at a time
STEPS = 15  # moments over which they come back


def put_off(db: Database, lane: str, *, until: datetime, ramp: timedelta, cause: str, detail: str | None) -> int:
    """Have what is due in this lane wait until then, and come back spread over `ramp`; returns how many. Uses no try.

    Each of them claimed alone would hold up, by its two transactions, what is due in all other lanes.
    """
    with db.write() as conn:
        now = db.now(conn)
        moments = {step: literal(until + ramp * step / STEPS, UtcTime()) for step in range(STEPS)}
        at = case(moments, value=effects.c.id % STEPS)
        due = (
            select(effects.c.id)
            .where(DUE, effects.c.lane == lane, effects.c.next_at <= now)
            .order_by(effects.c.next_at)
            .limit(MOST)
            .with_for_update(skip_locked=True)
        )
        values = {"state": "retry", "cause": cause, "detail": storable.optional_text(detail, 1000)}
        moved = update(effects).where(among(conn, effects.c.id, due)).values(next_at=at, wake_at=at, **values)
        return conn.execute(moved).rowcount
