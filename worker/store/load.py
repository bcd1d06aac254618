"""How many open tickets each agent has: kept, because routing asks with every batch and counting reads all of them.

Whoever changes tickets adds what that changes, in the same transaction, as rows of its own: nobody waits for anybody.
The scheduler counts anew every half minute, which makes few rows of many and would mend a sum that is wrong.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from sqlalchemy import Connection, delete, func, insert, select

from worker.domain.ticket import Ticket
from worker.store.bulk import insert_rows
from worker.store.database import Database
from worker.store.locks import lock_name
from worker.store.schema import agent_load, tickets
from worker.store.ticket_reads import OPEN
from worker.store.ticket_rows import bearer_of

_COUNT_LOCK = 7_201_006


def note(conn: Connection, changes: Iterable[tuple[Ticket | None, Ticket]]) -> None:
    """Add what these changes of locked tickets, (before, after), take from agents and give them."""
    by_agent: Counter[str] = Counter()
    for before, after in changes:
        for bearer, n in ((bearer_of(before), -1), (bearer_of(after), 1)):
            if bearer is not None:
                by_agent[bearer] += n
    insert_rows(conn, agent_load, [{"agent_id": agent, "n": n} for agent, n in sorted(by_agent.items()) if n])


def open_load(conn: Connection) -> dict[str, int]:
    """How many open tickets each agent has; who has none is not in it."""
    query = select(agent_load.c.agent_id, func.sum(agent_load.c.n).label("n")).group_by(agent_load.c.agent_id)
    return {row.agent_id: int(row.n) for row in conn.execute(query) if row.n}


def recount(db: Database) -> None:
    """Count all open tickets, and put that in the place of what has been added so far."""
    counted = select(tickets.c.assignee_id, func.count()).where(OPEN, tickets.c.assignee_id.is_not(None))
    counted = counted.group_by(tickets.c.assignee_id)
    with db.write() as conn:
        lock_name(conn, _COUNT_LOCK)  # of two at once, each would add its count
        if db.is_sqlite:
            conn.execute(delete(agent_load))
        else:  # one statement, so of one moment: what others commit meanwhile is neither counted nor removed
            counted = counted.add_cte(delete(agent_load).cte("emptied"))
        conn.execute(insert(agent_load).from_select(["agent_id", "n"], counted))
