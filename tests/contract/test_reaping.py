"""What becomes of deliveries whose worker died, and which the scheduler names."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import update

from tests.contract.builders import accepted
from worker.clock import ManualClock
from worker.store import audit, claims, letters
from worker.store.claims import Claimed
from worker.store.database import Database
from worker.store.schema import deliveries

LEASE = timedelta(seconds=30)


class TestReap:
    def test_a_living_lease_is_left_alone(self, db: Database, clock: ManualClock) -> None:
        accepted(db)
        claims.claim(db, lease=LEASE)
        clock.advance(29.9)

        assert claims.reap(db) == []

    def test_company_is_suspect_runs_alone_and_keeps_its_attempts(self, db: Database, clock: ManualClock) -> None:
        accepted(db, 3)
        batch = claims.claim(db)
        clock.advance(LEASE)

        assert claims.reap(db) == [(one.id, "suspect") for one in batch]
        alone = claims.claim(db)
        assert [(one.id, one.alone, one.attempts) for one in alone] == [(batch[0].id, True, 1)]

    def test_the_healthy_go_first_but_not_for_ever(self, db: Database, clock: ManualClock) -> None:
        (suspect,) = accepted(db)
        claims.claim(db)
        clock.advance(LEASE)
        claims.reap(db)
        healthy = [answer.id for answer in accepted(db, 4)]

        assert [one.id for one in claims.claim(db, limit=2)] == healthy[:2]
        clock.advance(5)
        assert [one.id for one in claims.claim(db, limit=2)] == [suspect.id]

    def test_three_deaths_alone_are_poison(self, db: Database, clock: ManualClock) -> None:
        accepted(db, 2)
        for _ in range(4):
            _die(db, clock)  # once in company, then three times one of the two alone
        (first, second) = sorted(letters.list_deliveries(db), key=lambda row: -row.lone_deaths)
        while first.state != "dead":
            _die(db, clock)
            first, second = sorted(letters.list_deliveries(db), key=lambda row: -row.lone_deaths)

        assert (first.cause, first.lone_deaths) == ("poison", 3)
        assert second.lone_deaths <= 2
        assert {line.outcome for line in audit.attempts_of(db, f"d{first.id}")} == {"lease_expired"}

    def test_company_never_counts(self, db: Database, clock: ManualClock) -> None:
        (answer,) = accepted(db)
        for _ in range(10):
            (row,) = letters.list_deliveries(db)
            assert row.lone_deaths == 0
            _heal(db)
            (one,) = claims.claim(db)
            assert not one.alone
            clock.advance(LEASE)
            assert claims.reap(db) == [(answer.id, "suspect")]

    def test_a_suspect_that_answers_is_healthy_again(self, db: Database, clock: ManualClock) -> None:
        accepted(db)
        _die(db, clock)
        (one,) = claims.claim(db)
        claims.fail(db, one, retry_in=timedelta(0), cause="error", detail="")

        (again,) = claims.claim(db)
        assert (one.alone, again.alone) == (True, False)


class TestDue:
    def test_it_names_each_once_and_then_doubles_the_pause(self, db: Database, clock: ManualClock) -> None:
        ids = [answer.id for answer in accepted(db, 3)]
        clock.advance(1)
        five = timedelta(seconds=5)

        named = []
        for _ in range(200):
            named.append(claims.due(db, again_after=five))
            clock.advance(1)

        moments = [second for second, found in enumerate(named) if found]
        assert moments == [0, 5, 15, 35, 75, 155]
        assert all(found in ([], ids) for found in named)

    def test_what_is_claimed_is_not_named(self, db: Database, clock: ManualClock) -> None:
        accepted(db, 2)
        (one,) = claims.claim(db, limit=1)
        clock.advance(1)

        assert one.id not in claims.due(db, again_after=timedelta(seconds=5))

    def test_it_is_bounded(self, db: Database, clock: ManualClock) -> None:
        accepted(db, 5)
        clock.advance(1)

        assert [len(claims.due(db, limit=3, again_after=LEASE)) for _ in range(3)] == [3, 2, 0]


def _die(db: Database, clock: ManualClock) -> list[Claimed]:
    taken = claims.claim(db, lease=LEASE)
    clock.advance(LEASE)
    claims.reap(db)
    return taken


def _heal(db: Database) -> None:
    """Somebody else found it healthy: back in company."""
    with db.write() as conn:
        conn.execute(update(deliveries).values(suspect=False))
