"""Timers: the table of sync, firing once, and the hints that lead there."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from tests.contract.builders import NOON, ticket_ids
from worker.clock import ManualClock
from worker.domain.ticket import Timer
from worker.store import timers
from worker.store.database import Database

HOUR = timedelta(hours=1)
AGAIN = timedelta(seconds=5)


def a_timer(due_at: datetime = NOON, key: str = "first_response:1", kind: str = "sla") -> Timer:
    return Timer(kind, key, due_at)


class TestSync:
    @pytest.mark.parametrize(
        ("before", "wanted_in", "state", "due_in"),
        [
            ("none", 2, "pending", 2),
            ("pending", 1, "pending", 1),
            ("pending", 2, "pending", 2),
            ("pending", 0, "pending", 0),
            ("pending", None, "cancelled", 1),
            ("cancelled", 1, "pending", 1),
            ("cancelled", 2, "pending", 2),
            ("cancelled", None, "cancelled", 1),
            ("fired", 1, "fired", 1),
            ("fired", 0, "fired", 1),
            ("fired", 2, "pending", 2),
            ("fired", None, "fired", 1),
        ],
    )
    def test_the_table(self, db: Database, before: str, wanted_in: int | None, state: str, due_in: int) -> None:
        (ticket,) = ticket_ids(db)
        _bring_to(db, ticket, before)

        _sync(db, ticket, () if wanted_in is None else (a_timer(NOON + wanted_in * HOUR),), now=NOON + HOUR)

        (found,) = timers.list_timers(db, ticket_id=ticket)
        assert (found.state, found.due_at) == (state, NOON + due_in * HOUR)
        assert (found.fired_at is not None) == (state == "fired")

    def test_one_that_fired_is_pending_again_when_the_clock_was_set_back(self, db: Database) -> None:
        (ticket,) = ticket_ids(db)
        _bring_to(db, ticket, "fired")

        _sync(db, ticket, (a_timer(NOON + HOUR),), now=NOON)

        (found,) = timers.list_timers(db, ticket_id=ticket)
        assert (found.state, found.fired_at) == ("pending", None)

    def test_other_tickets_stay_untouched(self, db: Database) -> None:
        first, second = ticket_ids(db, 2)
        _sync(db, first, (a_timer(),))
        _sync(db, second, (a_timer(),))
        _sync(db, first, ())

        assert [found.state for found in timers.list_timers(db, ticket_id=second)] == ["pending"]

    def test_many_tickets_at_once(self, db: Database) -> None:
        ids = ticket_ids(db, 60)
        with db.write() as conn:
            rows = [(id_, (a_timer(), a_timer(NOON + HOUR, "resolution:1"))) for id_ in ids]
            timers.sync(conn, rows, now=NOON)
            timers.sync(conn, [(id_, (a_timer(NOON + HOUR),)) for id_ in ids], now=NOON)

        assert len(timers.list_timers(db, state="pending", limit=999)) == 60
        assert len(timers.list_timers(db, state="cancelled", limit=999)) == 60


class TestFiring:
    def test_never_early_the_longest_due_first(self, db: Database, clock: ManualClock) -> None:
        first, second = ticket_ids(db, 2)
        _sync(db, first, (a_timer(NOON + 2 * HOUR),))
        _sync(db, second, (a_timer(NOON + HOUR),))
        assert timers.next_due(db) == NOON + HOUR

        clock.advance(HOUR - timedelta(microseconds=1))
        assert timers.due_tickets(db) == []
        clock.advance(HOUR + timedelta(microseconds=1))
        assert [ticket for _, ticket in timers.due_tickets(db)] == [second, first]
        assert len(timers.due_tickets(db, limit=1)) == 1

    def test_once(self, db: Database) -> None:
        (ticket,) = ticket_ids(db)
        _sync(db, ticket, (a_timer(), a_timer(NOON + HOUR, "resolution:1")))
        with db.write() as conn:
            (due,) = timers.due_of(conn, [ticket], now=NOON)
            timers.mark_fired(conn, [due.id], now=NOON)
            assert timers.due_of(conn, [ticket], now=NOON) == []

        assert (due.ticket_id, due.kind, due.key, due.due_at) == (ticket, "sla", "first_response:1", NOON)
        assert timers.due_tickets(db) == []
        assert timers.next_due(db) == NOON + HOUR

    def test_what_was_cancelled_meanwhile_does_not_fire(self, db: Database) -> None:
        (ticket,) = ticket_ids(db)
        _sync(db, ticket, (a_timer(),))
        (hint,) = timers.due_tickets(db)
        _sync(db, ticket, ())

        with db.write() as conn:
            assert timers.due_of(conn, [ticket], now=NOON) == []
            timers.mark_fired(conn, [hint[0]], now=NOON)
        assert [found.state for found in timers.list_timers(db)] == ["cancelled"]

    def test_putting_off_lets_the_others_pass_and_comes_back(self, db: Database, clock: ManualClock) -> None:
        bad, good = ticket_ids(db, 2)
        _sync(db, bad, (a_timer(),))
        _sync(db, good, (a_timer(),))
        with db.write() as conn:
            timers.put_off(conn, bad, now=NOON)

        assert [ticket for _, ticket in timers.due_tickets(db)] == [good]
        assert len(timers.due_and_unwoken(db, again_after=AGAIN)) == 1
        clock.advance(60)
        assert [ticket for _, ticket in timers.due_tickets(db)] == [bad, good]
        assert timers.next_due(db) == NOON


class TestDueAndUnwoken:
    def test_each_is_named_once_per_pause(self, db: Database, clock: ManualClock) -> None:
        (ticket,) = ticket_ids(db)
        _sync(db, ticket, (a_timer(), a_timer(NOON + HOUR, "resolution:1")))
        (due, _) = timers.list_timers(db)

        named = []
        for _ in range(6):
            named.append(timers.due_and_unwoken(db, again_after=AGAIN))
            clock.advance(1)

        assert named == [[due.id], [], [], [], [], [due.id]]

    def test_it_is_bounded(self, db: Database) -> None:
        for ticket in ticket_ids(db, 5):
            _sync(db, ticket, (a_timer(),))

        assert [len(timers.due_and_unwoken(db, limit=3, again_after=AGAIN)) for _ in range(3)] == [3, 2, 0]


class TestWish:
    def test_it_is_a_look_beside_what_is_wanted_already(self, db: Database) -> None:
        first, second = ticket_ids(db, 2)
        with db.write() as conn:
            timers.sync(conn, [(first, (a_timer(NOON + HOUR, "x"),))], now=NOON)
            timers.wish(
                conn,
                [
                    (first, a_timer(NOON + 0 * AGAIN, "queue", "reroute")),
                    (second, a_timer(NOON + 5 * AGAIN, "away", "reroute")),
                ],
            )

        found = {(one.ticket_id, one.kind, one.key, one.state) for one in timers.list_timers(db)}
        assert found == {
            (first, "sla", "x", "pending"),
            (first, "reroute", "queue", "pending"),
            (second, "reroute", "away", "pending"),
        }

    @pytest.mark.parametrize("state", ["pending", "fired", "cancelled"])
    def test_whatever_became_of_an_earlier_one_it_is_due_at_the_new_time(self, db: Database, state: str) -> None:
        (ticket,) = ticket_ids(db)
        with db.write() as conn:
            timers.wish(conn, [(ticket, a_timer(NOON + 0 * AGAIN, "queue", "reroute"))])
            (row,) = timers.due_of(conn, [ticket], now=NOON)
            if state == "fired":
                timers.mark_fired(conn, [row.id], now=NOON)
            elif state == "cancelled":
                timers.sync(conn, [(ticket, ())], now=NOON)
            timers.wish(conn, [(ticket, a_timer(NOON + 30 * AGAIN, "queue", "reroute"))])

        (found,) = timers.list_timers(db)
        assert (found.state, found.due_at, found.fired_at) == ("pending", NOON + 30 * AGAIN, None)

    def test_nothing_is_nothing(self, db: Database) -> None:
        with db.write() as conn:
            timers.wish(conn, [])

        assert timers.list_timers(db) == []


def _sync(db: Database, ticket: int, wanted: tuple[Timer, ...], *, now: datetime = NOON) -> None:
    with db.write() as conn:
        timers.sync(conn, [(ticket, wanted)], now=now)


def _bring_to(db: Database, ticket: int, state: str) -> None:
    """A timer due in an hour, in this state."""
    if state == "none":
        return
    _sync(db, ticket, (a_timer(NOON + HOUR),))
    if state == "cancelled":
        _sync(db, ticket, ())
    if state == "fired":
        with db.write() as conn:
            timers.mark_fired(conn, [found.id for found in timers.list_timers(db)], now=NOON + HOUR)
