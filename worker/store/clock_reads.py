"""Reading tickets by how they stand with what was promised."""

from __future__ import annotations

from itertools import islice

from sqlalchemy import exists, select

from worker.domain.standing import Standing
from worker.store.database import Database
from worker.store.schema import events, tickets
from worker.store.ticket_rows import COLUMNS, StoredTicket, stored


def most_pressing(db: Database, *, limit: int) -> list[StoredTicket]:
    """Those at risk, then the breached that are not done yet, then the newest of the others; each the newest first."""
    found: dict[int, StoredTicket] = {}
    newest = select(*COLUMNS).order_by(tickets.c.id.desc())
    wanted = [newest.where(tickets.c.standing == str(each)) for each in (Standing.AT_RISK, Standing.BREACHED)]
    with db.read() as conn:
        for query in (*wanted, newest):
            if len(found) < limit:
                for row in conn.execute(query.limit(limit)):
                    found.setdefault(row.id, stored(row))
    return list(found.values())[:limit]


def breached(db: Database, *, limit: int) -> list[StoredTicket]:
    """Those with a clock that is breached: where it is not met yet first, then met late; each the newest first."""
    said = exists().where(events.c.ticket_id == tickets.c.id, events.c.name == "sla.breached")
    newest = select(*COLUMNS).order_by(tickets.c.id.desc()).execution_options(yield_per=100)
    owed = tickets.c.standing == str(Standing.BREACHED)
    found: list[StoredTicket] = []
    with db.read() as conn:
        for query in (newest.where(owed), newest.where(~owed, said)):
            with conn.execute(query) as rows:
                found += islice(filter(_is_breached, map(stored, rows)), limit - len(found))
    return found


def _is_breached(one: StoredTicket) -> bool:
    """A breach may have been taken back since it was said."""
    return one.ticket is not None and any(clock.breached_at is not None for clock in one.ticket.clocks)
