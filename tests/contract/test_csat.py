"""Surveys read back from the log: what went out, what came back, and to whose credit."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import text

from tests.contract.builders import NOON, a_key, a_survey, a_ticket, add_effects, ticket_ids
from worker.clock import ManualClock
from worker.domain.effects import EffectState
from worker.domain.facts import Person
from worker.domain.routing import RosterAgent
from worker.domain.ticket import Event
from worker.store import csat, people, tickets
from worker.store.csat import Credit
from worker.store.database import Database

MAYA, OLEG = Person("7", "Maya"), Person("8", "Oleg")
CREDIT = {"agent": {"id": "7", "name": "Maya"}, "team": {"id": "2", "name": "billing"}, "category": "refund"}
DAY = timedelta(days=1)


def asked(run: int = 1, at: datetime = NOON, **data: Any) -> Event:
    return Event("csat.asked", f"resolution:{run}", at, "csat", "asked", {"resolution": run, **(data or CREDIT)})


def answered(rating: int, run: int = 1, *, at: datetime = NOON, **data: Any) -> Event:
    said = {"survey": f"resolution:{run}", "rating": rating, "via": "hookdesk", **(data or CREDIT)}
    return Event("csat.answered", f"{run}:{at.isoformat()}:{rating}", at, "csat", "answered", said)


def log(db: Database, ticket: int, *events: Event) -> None:
    with db.write() as conn:
        tickets.add_events(conn, [(ticket, one, "now") for one in events], policy_version="v1", now=NOON)


def went_out(db: Database, ticket: int, run: int = 1, state: EffectState = EffectState.DONE) -> None:
    add_effects(db, [(ticket, a_survey(run))], state=state)


def read(db: Database, since: datetime = NOON - DAY, until: datetime = NOON + DAY) -> list[Any]:
    return [(one.ticket_id, one.survey, one.asked_at is not None, one.rating)
            for one in csat.surveys(db, since=since, until=until)]  # fmt: skip


class TestSurveys:
    def test_one_that_was_answered_and_one_that_was_not(self, db: Database) -> None:
        first, second = ticket_ids(db, 2)
        for ticket in (first, second):
            went_out(db, ticket)
            log(db, ticket, asked())
        log(db, first, answered(4))

        assert read(db) == [(first, "resolution:1", True, 4), (second, "resolution:1", True, None)]

    def test_one_that_never_went_out_was_not_asked(self, db: Database) -> None:
        one, other, third = ticket_ids(db, 3)
        went_out(db, one, state=EffectState.APPROVAL)
        went_out(db, other, state=EffectState.CANCELLED)
        for ticket in (one, other, third):
            log(db, ticket, asked())

        assert read(db) == []

    def test_the_last_answer_counts(self, db: Database) -> None:
        (ticket,) = ticket_ids(db)
        log(db, ticket, answered(1), answered(5, at=NOON + timedelta(minutes=3)), answered(2, 2))

        assert read(db) == [(ticket, "resolution:1", False, 5), (ticket, "resolution:2", False, 2)]

    def test_only_of_the_time_that_was_asked_for(self, db: Database) -> None:
        (ticket,) = ticket_ids(db)
        log(db, ticket, answered(1, 1, at=NOON - DAY), answered(2, 2), answered(3, 3, at=NOON + DAY))

        assert read(db, since=NOON, until=NOON + DAY) == [(ticket, "resolution:2", False, 2)]
        assert read(db, since=NOON - DAY, until=NOON) == [(ticket, "resolution:1", False, 1)]

    def test_other_events_are_none(self, db: Database) -> None:
        (ticket,) = ticket_ids(db)
        log(db, ticket, Event("csat.scheduled", "resolution:1", NOON, "csat", "soon", {"resolution": 1}))

        assert read(db) == []


class TestCredit:
    def test_it_is_whose_work_it_was_then(self, db: Database) -> None:
        (ticket,) = ticket_ids(db)
        log(db, ticket, answered(4))
        with db.write() as conn:
            later = a_ticket(a_key(1), assignee=OLEG, category="bug")
            tickets.save(conn, [(ticket, later)], policy_version="v1", now=NOON)

        (one,) = csat.surveys(db, since=NOON, until=NOON + DAY)

        assert one.credit == Credit("Maya", "billing", "refund")

    def test_nobodys_is_empty(self, db: Database) -> None:
        (ticket,) = ticket_ids(db)
        log(db, ticket, answered(4, agent=None, team=None, category="other"))

        assert csat.surveys(db, since=NOON, until=NOON + DAY)[0].credit == Credit("", "", "other")

    def test_of_an_answer_from_before_it_was_kept_it_is_todays(self, db: Database, clock: ManualClock) -> None:
        people.replace_roster(db, [RosterAgent(person=OLEG, availability="online", team_ids=("2",))],
                              [Person("2", "billing")])  # fmt: skip
        (ticket,) = ticket_ids(db)
        with db.write() as conn:
            held = a_ticket(a_key(1), assignee=OLEG, team=Person("2", "billing"), category="bug")
            tickets.save(conn, [(ticket, held)], policy_version="v1", now=NOON)
        log(db, ticket, Event("csat.answered", "old", NOON, "csat", "answered",
                              {"survey": "9013", "rating": 3, "via": "chatwoot"}))  # fmt: skip

        (one,) = csat.surveys(db, since=NOON, until=NOON + DAY)

        assert (one.credit, one.survey, one.rating) == (Credit("Oleg", "billing", "bug"), "9013", 3)


class TestSpeed:
    def test_the_log_is_not_read_from_end_to_end(self, db: Database) -> None:
        query = (
            "SELECT id FROM events WHERE events.name IN ('csat.asked','csat.answered') AND events.at >= '2026-01-01'"
        )
        with db.read() as conn:
            is_sqlite = conn.dialect.name == "sqlite"
            if not is_sqlite:
                conn.execute(text("SET LOCAL enable_seqscan = off"))  # a table this small would be read as a whole
            plan = conn.execute(text(f"EXPLAIN {'QUERY PLAN ' if is_sqlite else ''}{query}"))

            assert "events_csat" in " ".join(str(row) for row in plan)
