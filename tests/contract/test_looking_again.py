"""After a refresh of the roster: which tickets get a look, and which are left in peace."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from tests.contract.builders import NOON, a_key, a_ticket, ticket_ids
from worker.clock import ManualClock
from worker.domain.facts import Person, Routed
from worker.domain.policy import Policy, RoutingRule
from worker.domain.routing import RosterAgent
from worker.domain.ticket import Status, Ticket
from worker.looking_again import look_again
from worker.policy_file import load_policy
from worker.store import people, tickets, timers, waiting
from worker.store.database import Database

ADA, BOB = Person("1", "Ada"), Person("2", "Bob")
TEAM = Person("10", "support")
POLICY: Policy = replace(load_policy(None), routing=(RoutingRule("all", team="support"),))
QUEUED = Routed(1, NOON, "all", TEAM, None, "nobody_free")
GIVEN = Routed(1, NOON, "all", TEAM, ADA, "Ada is the only one free")
MINUTE = timedelta(minutes=1)


def in_queue(**changes: object) -> Ticket:
    return a_ticket(routed=QUEUED, team=TEAM, assignment="routed:1", waiting_since=NOON, **changes)


def with_ada(**changes: object) -> Ticket:
    given = {"routed": GIVEN, "team": TEAM, "assignment": "routed:1", "waiting_since": NOON, "assignee": ADA}
    return a_ticket(**{**given, "assignee_by": "routing", **changes})


def store(db: Database, *records: Ticket) -> list[int]:
    ids = ticket_ids(db, len(records))
    with db.write() as conn:
        rows = [(i, replace(record, key=a_key(n))) for n, (i, record) in enumerate(zip(ids, records, strict=True), 1)]
        tickets.save(conn, rows, policy_version="v1", now=NOON)
    return ids


def refresh(db: Database, **availability: str) -> None:
    """Who is there now; nobody else is."""
    who = {"ada": ADA, "bob": BOB}
    people.replace_roster(
        db, [RosterAgent(who[name], availability=word, team_ids=("10",)) for name, word in availability.items()], [TEAM]
    )


def looks(db: Database, policy: Policy = POLICY) -> list[tuple[int, str, timedelta]]:
    """What is to be looked at after another refresh: ticket, why, in how long from noon."""
    look_again(db, policy)
    pending = timers.list_timers(db, state="pending")
    return sorted((one.ticket_id, one.key, one.due_at - NOON) for one in pending if one.kind == "reroute")


class TestAway:
    def test_who_leaves_is_looked_for_ten_minutes_later(self, db: Database, clock: ManualClock) -> None:
        first, *_ = store(
            db,
            with_ada(),
            with_ada(waiting_since=None),
            with_ada(assignee_by="source"),
            with_ada(assignee_by="operator"),
            with_ada(status=Status.RESOLVED),
            with_ada(assignee=BOB),
        )
        refresh(db, ada="busy", bob="online")

        assert looks(db) == [(first, "away", 10 * MINUTE)]

    def test_the_look_is_set_once_per_absence(self, db: Database, clock: ManualClock) -> None:
        [ticket] = store(db, with_ada())
        seen = []
        for availability in ("offline", "offline", "online", "offline"):
            refresh(db, ada=availability)
            with db.write() as conn:
                timers.mark_fired(conn, [one.id for one in timers.due_of(conn, [ticket], now=clock.now())], now=NOON)
            seen.append(looks(db))
            clock.advance(20 * MINUTE)

        assert seen == [[(ticket, "away", 10 * MINUTE)], [], [], [(ticket, "away", 70 * MINUTE)]]

    def test_after_that_only_when_somebody_can_take_it(self, db: Database, clock: ManualClock) -> None:
        [ticket] = store(db, with_ada())
        refresh(db, ada="offline", bob="offline")
        looks(db)
        clock.advance(15 * MINUTE)
        with db.write() as conn:
            timers.mark_fired(conn, [one.id for one in timers.due_of(conn, [ticket], now=clock.now())], now=NOON)

        refresh(db, ada="offline", bob="offline")
        nobody = looks(db)
        refresh(db, ada="offline", bob="online")

        assert nobody == []
        assert looks(db) == [(ticket, "away", 15 * MINUTE)]


class TestQueue:
    def test_as_many_as_there_is_room_for_the_most_urgent_first(self, db: Database) -> None:
        records = [in_queue(priority=word) for word in ("low", "high", "urgent", "medium", "high")]
        ids = store(db, *records)
        refresh(db, bob="online")

        found = looks(db, replace(POLICY, default_capacity=3))

        assert [ticket for ticket, _, _ in found] == [ids[1], ids[2], ids[4]]
        assert {(key, due) for _, key, due in found} == {("queue", timedelta(0))}

    def test_of_equals_the_oldest(self, db: Database) -> None:
        later, older = store(db, in_queue(), in_queue(created_at=NOON - MINUTE))
        refresh(db, bob="online")

        assert [ticket for ticket, _, _ in looks(db, replace(POLICY, default_capacity=1))] == [older]
        assert later < older

    @pytest.mark.parametrize(
        "record",
        [
            in_queue(with_bot=True),
            in_queue(auto_only=True),
            in_queue(assignee_by="source"),
            in_queue(status=Status.CLOSED),
            a_ticket(),
        ],
        ids=["bot", "machine", "taken off by hand", "closed", "never routed"],
    )
    def test_what_is_not_waiting_for_an_agent_is_left(self, db: Database, record: Ticket) -> None:
        store(db, record)
        refresh(db, bob="online")

        assert looks(db) == []

    @pytest.mark.parametrize("bob", ["busy", "offline"])
    def test_with_nobody_there_nothing_is_looked_at(self, db: Database, bob: str) -> None:
        store(db, in_queue())
        refresh(db, bob=bob)

        assert looks(db) == []

    def test_nor_with_a_roster_that_is_too_old(self, db: Database, clock: ManualClock) -> None:
        store(db, in_queue())
        refresh(db, bob="online")
        clock.advance(3 * MINUTE)
        at_three = len(looks(db))
        with db.write() as conn:
            timers.sync(conn, [(one.ticket_id, ()) for one in timers.list_timers(db)], now=clock.now())
        clock.advance(1)

        assert (at_three, looks(db)) == (1, [])

    def test_at_most_five_hundred_are_read(self, db: Database) -> None:
        store(db, *[in_queue() for _ in range(3)])

        with db.read() as conn:
            assert len(waiting.queued(conn, limit=2)) == 2
            assert [one.looked_at for one in waiting.queued(conn, limit=9)] == [None] * 3
