"""Several fire at once: each takes tickets that nobody else holds, and none is left due because somebody held it."""

from __future__ import annotations

import threading
from datetime import timedelta
from pathlib import Path

from sqlalchemy import select

from tests.builders import a_policy, an_sla
from tests.contract.builders import NOON
from tests.contract.test_late_promises import a_desk
from worker.clock import ManualClock
from worker.firing import fire_due
from worker.store import tickets, timers
from worker.store.database import Database
from worker.store.schema import tickets as ticket_table

POLICY = a_policy(sla=(an_sla(resolution=None),))


def fired_of(db: Database) -> set[int]:
    return {row.ticket_id for row in timers.list_timers(db, state="fired", limit=1000)}


class TestFiringTogether:
    def test_who_fires_takes_the_tickets_that_are_free_and_then_waits_for_the_others(
        self, db: Database, clock: ManualClock, tmp_path: Path
    ) -> None:
        if db.is_sqlite:
            return  # one writer at a time: nobody else can hold a ticket
        life = a_desk(db, clock, tmp_path, POLICY, 12)
        held, *free = sorted(one.id for one in tickets.list_tickets(db))
        life.move_to(NOON + timedelta(hours=2))
        firing = threading.Thread(target=fire_due, args=(life.desk,), kwargs={"seconds": 30, "batch": 4})

        with db.write() as conn:
            conn.execute(select(ticket_table.c.id).where(ticket_table.c.id == held).with_for_update())
            firing.start()
            while fired_of(db) != set(free):
                assert firing.is_alive()
        firing.join(30)

        assert fired_of(db) == {held, *free}
        assert timers.next_due(db) is None

    def test_each_timer_fires_once(self, db: Database, clock: ManualClock, tmp_path: Path) -> None:
        life = a_desk(db, clock, tmp_path, POLICY, 40)
        life.move_to(NOON + timedelta(hours=2))
        counts: list[int] = []

        def fire() -> None:
            counts.append(fire_due(life.desk, seconds=30, batch=3))

        threads = [threading.Thread(target=fire) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)

        assert sum(counts) == len(timers.list_timers(db, state="fired", limit=1000))
        assert len(fired_of(db)) == 40
        for stored in tickets.list_tickets(db):
            assert [one.name for one in tickets.events_of(db, stored.id)].count("sla.breached") == 1
