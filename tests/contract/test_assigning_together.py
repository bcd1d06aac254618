"""Several assign at once: nobody waits for another's decisions, and no agent is given more than they can take."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest
from sqlalchemy import text

from tests.builders import a_policy
from tests.contract.life import Life, Read, new_tickets
from worker.clock import ManualClock
from worker.domain.facts import Person
from worker.domain.policy import RoutingRule
from worker.domain.routing import RosterAgent
from worker.knowing import CROWD, Overtaken, again_if_overtaken
from worker.settling import settle
from worker.store import people
from worker.store.database import Database

ADA = Person("1", "Ada")
POLICY = a_policy(routing=(RoutingRule(name="all", team="support"),))


@pytest.fixture
def life(db: Database, clock: ManualClock, tmp_path: Path) -> Life:
    take_on(db, capacity=CROWD + 3)
    return Life.begun(db, clock, POLICY, tmp_path)


def take_on(db: Database, *, capacity: int = 99, availability: str = "online") -> None:
    ada = RosterAgent(ADA, availability=availability, team_ids=("3",), capacity=capacity)
    people.replace_roster(db, [ada], [Person("3", "support")])


def load(db: Database) -> int:
    with db.read() as conn:
        return people.roster(conn, lock=False).agents[0].open_tickets


class Other(threading.Thread):
    """Settles a batch of its own, once without holding the roster; `wait` returns when it wants it for its commit."""

    def __init__(self, life: Life, read: Read, *, holds: bool = False) -> None:
        super().__init__()
        self.life, self.read, self.holds, self.error = life, read, holds, ""

    def run(self) -> None:
        try:
            with self.life.db.write() as conn:
                settle(conn, self.life.desk, self.read, holds=self.holds)
        except Overtaken as exc:
            self.error = str(exc)

    def wait(self) -> None:
        query = text("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted "
                     "AND database = (SELECT oid FROM pg_database WHERE datname = current_database())")  # fmt: skip
        waiting = 0
        while not waiting:
            assert self.is_alive()
            with self.life.db.glance() as conn:
                waiting = conn.execute(query).scalar_one()


def settled_beside(life: Life, first: Read, second: Read) -> Other:
    """The first commits when the second, which looked before, waits for the roster; returns the second at its end."""
    other = Other(life, second)
    with life.db.write() as conn:
        settle(conn, life.desk, first)
        other.start()
        other.wait()
    other.join(30)
    return other


class TestACrowd:
    def test_decides_while_another_has_the_roster_and_is_refused_what_that_one_gave_away(
        self, db: Database, life: Life
    ) -> None:
        if db.is_sqlite:
            return  # one writer at a time
        first, second = new_tickets(life, 1, CROWD), new_tickets(life, 101, CROWD)
        other = settled_beside(life, first, second)

        assert other.error == "agent 1 was given more by others"
        assert load(db) == CROWD

        with db.write() as conn:
            settle(conn, life.desk, second, holds=True)
        assert load(db) == CROWD + 3

    def test_does_not_give_to_who_went_away_meanwhile(self, db: Database, life: Life) -> None:
        if db.is_sqlite:
            return
        other = Other(life, new_tickets(life, 1, CROWD))
        with db.write() as conn:
            people.hold(conn)
            other.start()
            other.wait()
            conn.exec_driver_sql("UPDATE agents SET availability = 'offline'")
        other.join(30)

        assert other.error == "agent 1 has gone"
        assert load(db) == 0

    def test_that_leaves_room_for_the_other_is_stored(self, db: Database, life: Life) -> None:
        if db.is_sqlite:
            return
        take_on(db)
        first, second = new_tickets(life, 1, CROWD), new_tickets(life, 101, CROWD)
        other = settled_beside(life, first, second)

        assert (other.error, load(db)) == ("", 2 * CROWD)


class TestFew:
    def test_wait_for_each_other_so_that_each_sees_what_the_other_gave_away(self, db: Database, life: Life) -> None:
        if db.is_sqlite:
            return
        take_on(db, capacity=CROWD)
        first, second = new_tickets(life, 1, CROWD - 1), new_tickets(life, 101, CROWD - 1)
        other = settled_beside(life, first, second)

        assert (other.error, load(db)) == ("", CROWD)


class TestAgainIfOvertaken:
    def test_the_second_time_holds_the_roster(self) -> None:
        asked: list[bool] = []

        def commit(holds: bool) -> str:
            asked.append(holds)
            if not holds:
                raise Overtaken
            return "done"

        assert again_if_overtaken(commit) == "done"
        assert asked == [False, True]

    def test_what_many_are_given_at_once_is_never_more_than_they_can_take(self, db: Database, life: Life) -> None:
        batches = [new_tickets(life, 100 * n, CROWD) for n in range(6)]

        def work(read: Read) -> None:
            def commit(holds: bool) -> None:
                with db.write() as conn:
                    settle(conn, life.desk, read, holds=holds)

            again_if_overtaken(commit)

        threads = [threading.Thread(target=work, args=(batch,)) for batch in batches]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)

        assert load(db) == CROWD + 3
