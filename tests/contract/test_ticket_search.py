"""Finding tickets, and the figures of the queue."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import text

from tests.contract.builders import NOON, a_key, a_ticket
from worker.domain.facts import Person
from worker.domain.ticket import Clock, Status
from worker.store import people, tickets
from worker.store.database import Database
from worker.store.ticket_search import Filter, Queue, queue, search

ADA, BOB = Person("1", "Ada"), Person("2", "Bob")
BILLING, SUPPORT = Person("10", "billing"), Person("9", "support")
TICKETS: tuple[dict[str, Any], ...] = (
    {"status": Status.TRIAGED, "priority": "high", "team": BILLING, "category": "Refund"},
    {"status": Status.IN_PROGRESS, "priority": "low", "team": SUPPORT, "assignee": ADA},
    {"status": Status.PENDING_CUSTOMER, "priority": "high", "team": SUPPORT, "assignee": BOB},
    {"status": Status.RESOLVED, "priority": "high", "team": BILLING, "assignee": ADA, "subject": "100% broken"},
    {"status": Status.NEW, "requester": Person("8", "Mo", "mo@other.example"), "subject": "1000 things"},
    {"status": Status.CLOSED},
)


@pytest.fixture
def stored(db: Database) -> list[int]:
    """One ticket of each kind; their ids in the order of TICKETS."""
    with db.write() as conn:
        keys = [a_key(n) for n in range(1, len(TICKETS) + 1)]
        locked = tickets.lock(conn, keys, now=NOON)
        rows = [
            (locked[key].id, a_ticket(key, **{"created_at": NOON - timedelta(minutes=n), **given}))
            for n, (key, given) in enumerate(zip(keys, TICKETS, strict=True))
        ]
        tickets.save(conn, rows, policy_version="v1", now=NOON)
    return [number for number, _ in rows]


class TestSearch:
    @pytest.mark.parametrize(
        ("wanted", "places"),
        [
            (Filter(), [5, 4, 3, 2, 1, 0]),
            (Filter(statuses=(Status.TRIAGED,)), [0]),
            (Filter(statuses=(Status.NEW, Status.TRIAGED, Status.IN_PROGRESS)), [4, 1, 0]),
            (Filter(statuses=(Status.RESOLVED, Status.CLOSED)), [5, 3]),
            (Filter(statuses=(Status.IN_PROGRESS, Status.RESOLVED)), [3, 1]),
            (Filter(priorities=("high",)), [3, 2, 0]),
            (Filter(priorities=("low", "medium")), [5, 4, 1]),
            (Filter(category="refund"), [0]),
            (Filter(team_id="9"), [2, 1]),
            (Filter(assignee_id="1"), [3, 1]),
            (Filter(assignee_id="", statuses=(Status.NEW, Status.TRIAGED)), [4, 0]),
            (Filter(text="MO@other"), [4]),
            (Filter(text="100%"), [3]),
            (Filter(text="1/3"), [2]),
            (Filter(text="_"), []),
            (Filter(priorities=("high",), team_id="10", statuses=(Status.RESOLVED,)), [3]),
        ],
    )
    def test_all_that_is_asked_for_must_hold(
        self, db: Database, stored: list[int], wanted: Filter, places: list[int]
    ) -> None:
        assert [one.id for one in search(db, wanted, limit=50)] == [stored[place] for place in places]

    def test_page_by_page_each_comes_once(self, db: Database, stored: list[int]) -> None:
        first = [one.id for one in search(db, Filter(), limit=4)]
        rest = [one.id for one in search(db, Filter(), limit=4, before=first[-1])]

        assert first + rest == sorted(stored, reverse=True)


class TestQueue:
    def test_it_counts_by_whose_turn_it_is(self, db: Database, stored: list[int]) -> None:
        found = queue(db).total

        assert (found.depth, found.unassigned, found.waiting) == (3, 2, 1)
        assert found.oldest_at == NOON - timedelta(minutes=4)
        assert found.priorities == {"high": 1, "low": 1, "medium": 1}

    def test_each_team_has_its_own_and_what_no_team_has_comes_last(self, db: Database, stored: list[int]) -> None:
        people.replace_roster(db, [], [BILLING, SUPPORT])

        found = queue(db)

        assert found.as_of == NOON
        assert [(i, name, one.depth, one.waiting, one.oldest_at) for i, name, one in found.teams] == [
            ("9", "support", 1, 1, NOON - timedelta(minutes=1)),
            ("10", "billing", 1, 0, NOON),
            (None, "", 1, 0, NOON - timedelta(minutes=4)),
        ]

    def test_it_counts_what_is_late_and_what_soon_will_be(self, db: Database, stored: list[int]) -> None:
        late, soon = a_clock(breached_at=NOON), a_clock(warned=((80, NOON),))
        with db.write() as conn:
            rows = [
                (stored[0], a_ticket(a_key(1), clocks=(late,))),
                (stored[1], a_ticket(a_key(2), clocks=(soon,))),
                (stored[2], a_ticket(a_key(3), clocks=(late,), status=Status.PENDING_CUSTOMER)),
                (stored[3], a_ticket(a_key(4), clocks=(late,), status=Status.RESOLVED)),
            ]
            tickets.save(conn, rows, policy_version="v1", now=NOON)

        assert (queue(db).total.breached, queue(db).total.at_risk) == (2, 1)

    def test_an_empty_desk_is_all_zero(self, db: Database) -> None:
        found = queue(db)

        assert found == Queue(NOON, found.total, ())
        assert (found.total.depth, found.total.oldest_at) == (0, None)

    def test_it_walks_an_index_and_not_the_tickets(self, db: Database) -> None:
        if not db.is_sqlite:
            return  # with a handful of rows PostgreSQL reads the table, and is right
        statement = (
            "EXPLAIN QUERY PLAN SELECT team_id, status, priority, standing, assignee_id IS NULL, count(*),"
            " min(created_at) FROM tickets WHERE tickets.status NOT IN ('resolved','closed')"
            " GROUP BY team_id, status, priority, standing, assignee_id IS NULL"
        )
        with db.read() as conn:
            plan = [row.detail for row in conn.execute(text(statement))]

        assert "USING COVERING INDEX tickets_queue" in plan[0]


def a_clock(**given: Any) -> Clock:
    defaults: dict[str, Any] = {
        "metric": "resolution", "ordinal": 1, "policy": "standard", "target_seconds": 60.0, "started_at": NOON,
        "deadline_at": NOON, "met_at": None, "breached_at": None, "paused": False,
    }  # fmt: skip
    return Clock(**{**defaults, **given})
