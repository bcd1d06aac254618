"""Claims: one holder at a time, fenced, reaped, and what becomes of a delivery that kills its worker."""

from __future__ import annotations

import threading
from datetime import timedelta

import pytest

from tests.contract.builders import NOON, a_receipt, accepted, processed
from worker.clock import ManualClock
from worker.store import audit, claims, inbox, letters
from worker.store.claims import Fenced
from worker.store.database import Database

LEASE = timedelta(seconds=30)


class TestClaim:
    def test_it_takes_the_oldest_with_one_token_and_the_raw_request(self, db: Database) -> None:
        ids = [answer.id for answer in accepted(db, 5)]

        taken = claims.claim(db, limit=3)

        assert [one.id for one in taken] == ids[:3]
        assert len({one.claim for one in taken}) == 1
        assert [(one.attempts, one.alone, one.body) for one in taken] == [
            (1, False, b'{"event":"message_created"}')
        ] * 3
        assert [one.id for one in claims.claim(db)] == ids[3:]
        assert claims.claim(db) == []

    def test_a_retry_waits_for_its_time(self, db: Database, clock: ManualClock) -> None:
        accepted(db)
        (one,) = claims.claim(db)
        claims.fail(db, one, retry_in=timedelta(seconds=10), cause="error", detail="boom")

        assert claims.claim(db) == []
        assert not claims.has_due(db)
        clock.advance(10)
        (again,) = claims.claim(db)
        assert (again.id, again.attempts) == (one.id, 2)

    def test_duplicates_are_never_claimed(self, db: Database) -> None:
        inbox.accept(db, [a_receipt("a"), a_receipt("a")])

        assert len(claims.claim(db)) == 1

    def test_two_at_once_never_overlap(self, db: Database) -> None:
        accepted(db, 300)
        taken: list[int] = []

        def work() -> None:
            while batch := claims.claim(db, limit=7):
                taken.extend(one.id for one in batch)

        threads = [threading.Thread(target=work) for _ in range(3)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

        assert len(taken) == len(set(taken)) == 300


class TestFinish:
    def test_it_is_done(self, db: Database) -> None:
        accepted(db, 2)
        one, other = claims.claim(db)
        with db.write() as conn:
            claims.finish_all(conn, [processed(one), processed(other, outcome="ignored", cause="typing")])

        first, second = letters.get_delivery(db, one.id), letters.get_delivery(db, other.id)
        assert first is not None
        assert second is not None
        assert (first.state, first.outcome, first.done_at) == ("done", "processed", NOON)
        assert (second.outcome, second.cause) == ("ignored", "typing")

    def test_one_alone(self, db: Database) -> None:
        accepted(db)
        (one,) = claims.claim(db)
        with db.write() as conn:
            claims.finish(conn, one, outcome="stale", event="conversation_updated", ticket_id=None)

        row = letters.get_delivery(db, one.id)
        assert row is not None
        assert (row.outcome, row.event) == ("stale", "conversation_updated")

    def test_a_foreign_claim_is_fenced_and_nothing_is_written(self, db: Database, clock: ManualClock) -> None:
        accepted(db, 2)
        mine = claims.claim(db)
        clock.advance(LEASE)
        claims.reap(db)
        (theirs,) = claims.claim(db)

        with pytest.raises(Fenced), db.write() as conn:
            claims.finish_all(conn, [processed(one) for one in mine])

        assert [row.state for row in letters.list_deliveries(db)] == ["retry", "processing"]
        with db.write() as conn:
            claims.finish_all(conn, [processed(theirs)])

    def test_one_that_somebody_else_works_on_is_fenced(self, db: Database, clock: ManualClock) -> None:
        accepted(db)
        (mine,) = claims.claim(db)
        clock.advance(LEASE)
        claims.reap(db)
        (theirs,) = claims.claim(db)

        with pytest.raises(Fenced), db.write() as conn:
            claims.finish_all(conn, [processed(mine)])
        with pytest.raises(Fenced):
            claims.fail(db, mine, retry_in=None, cause="error", detail="")
        claims.release(db, [mine])
        with db.write() as conn:
            claims.finish_all(conn, [processed(theirs)])

    def test_finishing_twice_is_fenced(self, db: Database) -> None:
        accepted(db)
        (one,) = claims.claim(db)
        with db.write() as conn:
            claims.finish_all(conn, [processed(one)])

        with pytest.raises(Fenced), db.write() as conn:
            claims.finish_all(conn, [processed(one)])


class TestFail:
    def test_without_another_try_it_is_dead_with_its_cause(self, db: Database) -> None:
        accepted(db)
        (one,) = claims.claim(db)
        claims.fail(db, one, retry_in=None, cause="unparsable", detail="not JSON\0")

        (row,) = letters.list_deliveries(db, state="dead")
        assert (row.id, row.cause, row.detail, row.done_at) == (one.id, "unparsable", "not JSON\ufffd", NOON)
        (line,) = audit.attempts_of(db, f"d{one.id}")
        assert (line.n, line.outcome, line.cause) == (1, "dead", "unparsable")

    def test_a_refund_gives_the_attempt_back(self, db: Database) -> None:
        accepted(db)
        (one,) = claims.claim(db)
        claims.fail(db, one, retry_in=timedelta(0), cause="store_away", detail="", refund=True)

        (again,) = claims.claim(db)
        assert again.attempts == 1

    def test_a_foreign_claim_is_fenced(self, db: Database, clock: ManualClock) -> None:
        accepted(db)
        (one,) = claims.claim(db)
        clock.advance(LEASE)
        claims.reap(db)

        with pytest.raises(Fenced):
            claims.fail(db, one, retry_in=None, cause="error", detail="")


class TestRelease:
    def test_it_gives_back_with_the_attempt(self, db: Database) -> None:
        accepted(db, 3)
        taken = claims.claim(db)
        with db.write() as conn:
            claims.finish_all(conn, [processed(taken[0])])
        claims.release(db, taken)

        again = claims.claim(db)
        assert [(one.id, one.attempts) for one in again] == [(one.id, 1) for one in taken[1:]]
