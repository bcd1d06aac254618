"""Dead letters: found, replayed from the beginning, or given up with a reason."""

from __future__ import annotations

from datetime import timedelta

from tests.contract.builders import NOON, a_receipt, accepted, processed, ticket_ids
from worker.clock import ManualClock
from worker.store import audit, claims, inbox, letters
from worker.store.database import Database
from worker.store.letters import DeadSummary


class TestListDeliveries:
    def test_it_filters_and_shows_the_newest_first(self, db: Database) -> None:
        (mail,) = accepted(db, source="email")
        first, second = accepted(db, 2)
        (dead,) = accepted(db, dead_cause="too_large")

        assert [row.id for row in letters.list_deliveries(db, source="chatwoot")] == [dead.id, second.id, first.id]
        assert [row.id for row in letters.list_deliveries(db, state="pending", limit=2)] == [second.id, first.id]
        assert [row.id for row in letters.list_deliveries(db, state="dead")] == [dead.id]
        assert [row.id for row in letters.list_deliveries(db, source="email")] == [mail.id]

    def test_by_ticket(self, db: Database) -> None:
        (ticket,) = ticket_ids(db)
        accepted(db, 2)
        one, _ = claims.claim(db)
        with db.write() as conn:
            claims.finish_all(conn, [processed(one, ticket_id=ticket)])

        assert [row.id for row in letters.list_deliveries(db, ticket=ticket)] == [one.id]

    def test_an_unknown_id_is_none(self, db: Database) -> None:
        assert letters.get_delivery(db, 99) is None
        assert letters.raw(db, 99) is None


class TestDeadSummary:
    def test_it_counts_by_source_and_cause(self, db: Database) -> None:
        accepted(db, 1, dead_cause="too_large", received_at=NOON - timedelta(hours=1))
        accepted(db, 2, dead_cause="too_large")
        accepted(db, 1, dead_cause="unparsable", source="email")
        accepted(db, 1)

        assert letters.dead_summary(db) == [
            DeadSummary("chatwoot", "too_large", 3, NOON - timedelta(hours=1)),
            DeadSummary("email", "unparsable", 1, NOON),
        ]


class TestReplay:
    def test_it_starts_from_the_beginning(self, db: Database, clock: ManualClock) -> None:
        accepted(db)
        while not letters.list_deliveries(db, state="dead"):
            claims.claim(db)
            clock.advance(30)
            claims.reap(db)
        (poison,) = letters.list_deliveries(db)

        assert letters.replay(db, [poison.id, 99], actor="ada") == [poison.id]

        (again,) = claims.claim(db)
        assert (again.id, again.attempts, again.alone) == (poison.id, 1, False)
        row = letters.get_delivery(db, poison.id)
        assert row is not None
        assert (row.lone_deaths, row.cause, row.done_at) == (0, None, None)
        assert audit.attempts_of(db, f"d{poison.id}")[-1].outcome == "replayed"

    def test_only_the_dead_are_replayed(self, db: Database) -> None:
        ids = [answer.id for answer in accepted(db, 2)]
        claims.claim(db, limit=1)

        assert letters.replay(db, ids, actor="ada") == []

    def test_a_later_arrival_of_the_same_key_stays_a_duplicate(self, db: Database) -> None:
        (dead,) = inbox.accept(db, [a_receipt("a", dead_cause="stale_timestamp")])
        letters.replay(db, [dead.id], actor="ada")

        (again,) = inbox.accept(db, [a_receipt("a")])
        assert again.duplicate_of == dead.id


class TestDiscard:
    def test_it_keeps_the_reason_and_cannot_be_replayed(self, db: Database) -> None:
        dead, other = accepted(db, 2, dead_cause="unparsable")

        assert letters.discard(db, [dead.id], actor="ada", reason="spam") == [dead.id]

        row = letters.get_delivery(db, dead.id)
        assert row is not None
        assert (row.state, row.detail) == ("discarded", "spam")
        assert letters.replay(db, [dead.id], actor="ada") == []
        assert [row.id for row in letters.list_deliveries(db, state="dead")] == [other.id]
        (line,) = audit.attempts_of(db, f"d{dead.id}")
        assert (line.outcome, line.detail) == ("discarded", "ada: spam")
