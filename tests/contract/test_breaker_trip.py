"""Opening a circuit at once, on every store."""

from __future__ import annotations

from worker.clock import ManualClock
from worker.store import breakers
from worker.store.breaker_trip import trip
from worker.store.database import Database


class TestTrip:
    def test_it_opens_at_once(self, db: Database) -> None:
        trip(db, "chatwoot", "unauthorized")

        state = breakers.state(db, "chatwoot")
        assert (state.is_open, state.opens, state.cause) == (True, 1, "unauthorized")
        assert not breakers.state(db, "mail").is_open

    def test_while_it_is_open_it_changes_nothing(self, db: Database, clock: ManualClock) -> None:
        trip(db, "chatwoot", "unauthorized")
        before = breakers.state(db, "chatwoot")
        clock.advance(10)

        trip(db, "chatwoot", "something else")

        assert breakers.state(db, "chatwoot") == before

    def test_the_probe_that_finds_it_again_doubles_the_pause(self, db: Database, clock: ManualClock) -> None:
        pauses = []
        for _ in range(6):
            trip(db, "chatwoot", "unauthorized")
            until = breakers.state(db, "chatwoot").open_until
            assert until is not None
            pauses.append((until - clock.now()).total_seconds())
            clock.advance(until - clock.now())
            assert breakers.state(db, "chatwoot").is_probe

        assert pauses == [30, 60, 120, 240, 300, 300]

    def test_a_probe_that_succeeds_closes_it(self, db: Database, clock: ManualClock) -> None:
        trip(db, "chatwoot", "unauthorized")
        clock.advance(30)
        breakers.state(db, "chatwoot")

        breakers.record(db, "chatwoot", True)

        assert not breakers.state(db, "chatwoot").is_open
