"""Reading tickets by how they stand with what was promised."""

from __future__ import annotations

from sqlalchemy import select

from worker.domain.standing import Standing
from worker.store.database import Database
from worker.store.schema import tickets
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
