"""The scheduler's look: what is due of three tables, in one statement, by the database's clock or the test's."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import event, update

from tests.contract.builders import a_receipt, ticket_ids
from tests.contract.conftest import NOON
from worker.clock import ManualClock
from worker.domain.effects import Effect, EffectKind, EffectState
from worker.domain.ticket import Timer
from worker.store import effects, timers
from worker.store import schema as tables
from worker.store.database import Database
from worker.store.glance import Seen, glance
from worker.store.inbox import accept

LATE, LEFT = timedelta(seconds=0.5), timedelta(seconds=15)
NOTHING = Seen(deliveries=False, timers=False, effects=False, late_timers=False, late_deliveries=False)


def look(db: Database) -> Seen:
    return glance(db, late_by=LATE, left_for=LEFT)


def wish(db: Database, ticket: int, *, due_at: datetime = NOON) -> None:
    with db.write() as conn:
        timers.sync(conn, [(ticket, (Timer("sla", "first_response:1", due_at),))], now=NOON)


class TestGlance:
    def test_nothing_is_due_of_nothing(self, db: Database) -> None:
        assert look(db) == NOTHING

    def test_a_delivery(self, db: Database, clock: ManualClock) -> None:
        accept(db, [a_receipt()])

        clock.advance(0.9)
        assert look(db) == NOTHING  # who accepted it wakes the workers
        clock.advance(0.2)
        assert look(db) == replace(NOTHING, deliveries=True)
        clock.advance(14)
        assert look(db).late_deliveries

    def test_an_effect(self, db: Database, clock: ManualClock) -> None:
        (ticket,) = ticket_ids(db)
        note = Effect(EffectKind.PRIVATE_NOTE, "routed:1", {"text": "hello"})
        with db.write() as conn:
            effects.add(conn, [(ticket, note)], states=lambda _: EffectState.PENDING, now=NOON)

        assert look(db) == NOTHING
        clock.advance(1)
        assert look(db) == replace(NOTHING, effects=True)

    def test_a_timer_and_whether_it_is_late(self, db: Database, clock: ManualClock) -> None:
        (ticket,) = ticket_ids(db)
        wish(db, ticket)

        assert look(db) == replace(NOTHING, timers=True)
        clock.advance(0.5)
        assert look(db) == replace(NOTHING, timers=True, late_timers=True)

    def test_what_somebody_was_woken_for_is_only_late(self, db: Database, clock: ManualClock) -> None:
        (ticket,) = ticket_ids(db)
        wish(db, ticket)
        timers.due_and_unwoken(db, again_after=timedelta(seconds=5))

        clock.advance(1)

        assert look(db) == replace(NOTHING, late_timers=True)

    def test_a_ticket_that_was_put_off_is_neither_and_hides_no_other(self, db: Database, clock: ManualClock) -> None:
        bad, good = ticket_ids(db, 2)
        wish(db, bad)
        with db.write() as conn:
            timers.put_off(conn, bad, now=NOON)
        clock.advance(1)
        assert look(db) == NOTHING

        wish(db, good)

        assert look(db).late_timers

    def test_it_is_one_statement(self, db: Database) -> None:
        seen: list[str] = []
        event.listen(db._engine, "before_cursor_execute", lambda *given: seen.append(given[2]))

        look(db)

        assert len([each for each in seen if each.startswith("SELECT")]) == 1


class TestByTheServersClock:
    @pytest.fixture
    def clocked(self, url: str) -> Iterator[Database]:
        """Without a clock of the test's."""
        database = Database.open(url)
        database.migrate()
        yield database
        database.dispose()

    def test_it_is_asked_in_the_same_statement(self, clocked: Database) -> None:
        (ticket,) = ticket_ids(clocked)
        wish(clocked, ticket, due_at=datetime.now(UTC) + timedelta(hours=1))
        assert look(clocked) == NOTHING

        with clocked.write() as conn:
            past = datetime.now(UTC) - timedelta(seconds=3)
            conn.execute(update(tables.timers).values(due_at=past, wake_at=past))

        assert look(clocked) == replace(NOTHING, timers=True, late_timers=True)
