"""Open tickets by agent: kept with every change, and counted anew."""

from __future__ import annotations

import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from sqlalchemy import delete, func, select

from tests.contract.builders import NOON, a_key, a_ticket, ticket_ids
from tests.contract.life import Life, a_request, a_state, an_answer
from worker.clock import ManualClock
from worker.domain.facts import Person
from worker.domain.ticket import Status
from worker.policy_file import load_policy
from worker.store import load, tickets
from worker.store.database import Database
from worker.store.schema import agent_load
from worker.store.schema import tickets as ticket_rows

ADA, BEN = Person("7", "Ada"), Person("8", "Ben")


def loads(db: Database) -> dict[str, int]:
    with db.read() as conn:
        return load.open_load(conn)


def both(db: Database) -> tuple[dict[str, int], dict[str, int]]:
    """The load as it is kept and as it is counted, in one snapshot."""
    query = select(ticket_rows.c.assignee_id, func.count().label("n")).where(ticket_rows.c.assignee_id.is_not(None))
    with db.read() as conn:
        counted = {row.assignee_id: row.n for row in conn.execute(query.group_by(ticket_rows.c.assignee_id))}
        return load.open_load(conn), counted


def rows(db: Database) -> int:
    with db.read() as conn:
        return conn.execute(select(func.count()).select_from(agent_load)).scalar_one()


def forget(db: Database) -> None:
    with db.write() as conn:
        conn.execute(delete(agent_load))


class TestNote:
    def test_only_open_tickets_of_somebody_count(self, db: Database) -> None:
        new = [a_ticket(assignee=ADA, status=each) for each in Status]
        with db.write() as conn:
            load.note(conn, [(None, ticket) for ticket in (*new, a_ticket(assignee=None))])

        assert loads(db) == {"7": len(set(Status) - {Status.RESOLVED, Status.CLOSED})}

    def test_a_change_counts_once(self, db: Database) -> None:
        hers, his, done = (a_ticket(assignee=each) for each in (ADA, BEN, None))
        with db.write() as conn:
            load.note(conn, [(None, hers), (None, hers), (None, his)])
            load.note(conn, [(hers, his), (his, his), (his, done)])

        assert loads(db) == {"7": 1, "8": 1}

    def test_what_changes_nothing_leaves_no_row(self, db: Database) -> None:
        with db.write() as conn:
            load.note(conn, [(a_ticket(assignee=ADA), a_ticket(assignee=ADA)), (None, a_ticket(assignee=None))])

        assert rows(db) == 0


class TestRecount:
    def test_it_counts_what_is_stored(self, db: Database) -> None:
        ids = ticket_ids(db, 4)
        states = (Status.TRIAGED, Status.PENDING_CUSTOMER, Status.RESOLVED, Status.CLOSED)
        records = [a_ticket(a_key(n), status=each, assignee=ADA) for n, each in enumerate(states, 1)]
        with db.write() as conn:
            tickets.save(conn, zip(ids, records, strict=True), policy_version="v1", now=NOON)
            load.note(conn, [(None, a_ticket(assignee=BEN))])  # a sum gone wrong

        load.recount(db)
        load.recount(db)

        assert loads(db) == {"7": 2}
        assert rows(db) == 1

    @pytest.mark.parametrize("counters", [1, 2])
    def test_at_every_moment_the_sum_is_what_is_stored(self, db: Database, counters: int) -> None:
        ids, assigned, seen = ticket_ids(db, 200), threading.Event(), list[tuple[dict[str, int], dict[str, int]]]()

        def count() -> None:
            while not assigned.is_set():
                load.recount(db)

        with ThreadPoolExecutor(counters) as pool:
            counting = [pool.submit(count) for _ in range(counters)]
            for n, number in enumerate(ids):
                record = a_ticket(a_key(n + 1), assignee=(ADA, BEN)[n % 2])
                with db.write() as conn:
                    tickets.save(conn, [(number, record)], policy_version="v1", now=NOON)
                    load.note(conn, [(None, record)])
                seen.append(both(db))
            assigned.set()
        for each in counting:
            each.result()

        assert [(kept, counted) for kept, counted in seen if kept != counted] == []
        assert loads(db) == {"7": 100, "8": 100}


def test_it_follows_a_ticket_through_its_life(db: Database, clock: ManualClock, tmp_path: Path) -> None:
    life, seen = Life.begun(db, clock, load_policy(None), tmp_path), list[dict[str, int]]()

    def hear(*facts: object, now: float) -> None:
        life.hear(*facts, now=now)  # type: ignore[arg-type]
        counted = Counter[str]()
        for one in tickets.list_tickets(db):
            if one.ticket is not None and one.ticket.assignee is not None and one.ticket.status is not Status.RESOLVED:
                counted[str(one.ticket.assignee.id)] += 1
        assert loads(db) == counted
        seen.append(loads(db))

    hear(a_state(0), a_request(0), now=0)
    hear(a_state(1, assignee=ADA), now=1)
    hear(a_state(2, assignee=BEN), an_answer(2), now=2)
    hear(a_state(3, "resolved", assignee=BEN), now=3)
    hear(a_state(4, assignee=BEN), a_request(4, "Still broken"), now=4)
    kept = loads(db)
    forget(db)
    load.recount(db)

    assert seen == [{}, {"7": 1}, {"8": 1}, {}, {"8": 1}]
    assert loads(db) == kept
