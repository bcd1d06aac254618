"""Which rows the scheduler should wake somebody for: due, and not woken for lately.

`wake_at` is never before a row is due, so one index answers both. Whether there are any, `glance` tells for less.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from functools import cache
from typing import Any

from sqlalchemy import Select, Table, bindparam, case, false, literal, select, text, true, update

from worker.store.bulk import among
from worker.store.database import Database
from worker.store.schema import deliveries
from worker.store.types import UtcTime

MOST_DOUBLINGS = 4

# literal, never a parameter: a prepared statement must still match the partial indexes
WAITING = text("deliveries.state IN ('pending','retry')")


def due(db: Database, *, limit: int = 500, again_after: timedelta) -> list[int]:
    """Ids that are due and that nobody has been woken for lately; each waits twice as long for the next wake-up."""
    return wake(db, deliveries, WAITING, limit=limit, again_after=again_after)


def has_due(db: Database) -> bool:
    """True when `claim` would find something, whether or not anybody has been woken for it."""
    with db.read() as conn:
        query = select(deliveries.c.id).where(WAITING, deliveries.c.next_at <= db.now(conn)).limit(1)
        by_kind = [query.where(deliveries.c.suspect == kind) for kind in (false(), true())]
        return any(conn.execute(one).first() is not None for one in by_kind)


def wake(db: Database, table: Table, waiting: Any, *, limit: int, again_after: timedelta) -> list[int]:
    """The same for any table with `wake_at`; the pause doubles where the table counts its `wakes`."""
    with db.write() as conn:
        now = db.now(conn)
        chosen = _wakeable(table, waiting).params(now=now, most=limit).with_for_update(skip_locked=True)
        woken = update(table).where(among(conn, table.c.id, chosen)).values(_woken(table, now, again_after))
        return sorted(conn.execute(woken.returning(table.c.id)).scalars())


@cache
def _wakeable(table: Table, waiting: Any) -> Select[Any]:
    by = bindparam("now", type_=UtcTime())
    return select(table.c.id).where(waiting, table.c.wake_at <= by).order_by(table.c.wake_at).limit(bindparam("most"))


def _woken(table: Table, now: datetime, again_after: timedelta) -> dict[str, Any]:
    if "wakes" not in table.c:
        return {"wake_at": now + again_after}
    pauses = [literal(now + again_after * 2**n, UtcTime()) for n in range(MOST_DOUBLINGS + 1)]
    again = case(dict(enumerate(pauses[:-1])), value=table.c.wakes, else_=pauses[-1])
    return {"wake_at": again, "wakes": table.c.wakes + 1}
