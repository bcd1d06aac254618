"""Reading tickets: lists, the load of agents, and when a requester was last asked."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import update

from tests.contract.builders import NOON, a_key, a_ticket, add_effects, ticket_ids
from worker.clock import ManualClock
from worker.domain.effects import Effect, EffectKind, EffectState
from worker.domain.facts import Person
from worker.domain.ticket import Status
from worker.store import schema, tickets
from worker.store.database import Database

ADA = Person(id="7", name="Ada", email="Ada@Example.com")


class TestReads:
    def test_lists_by_status_and_priority_the_newest_first(self, db: Database) -> None:
        first, second, third = ticket_ids(db, 3)
        with db.write() as conn:
            rows = [(first, a_ticket(a_key(1), priority="high")), (third, a_ticket(a_key(3), status=Status.RESOLVED))]
            tickets.save(conn, rows, policy_version="v1", now=NOON)

        assert [one.id for one in tickets.list_tickets(db)] == [third, second, first]
        assert [one.id for one in tickets.list_tickets(db, status="triaged")] == [second, first]
        assert [one.id for one in tickets.list_tickets(db, priority="high")] == [first]
        assert [one.id for one in tickets.list_tickets(db, limit=1)] == [third]

    def test_an_unknown_ticket_is_none(self, db: Database) -> None:
        assert tickets.get(db, 99) is None
        assert tickets.by_key(db, a_key(99)) is None


class TestLastSurveyAt:
    def test_it_is_the_newest_of_all_tickets_of_the_requester(self, db: Database, clock: ManualClock) -> None:
        first, second = ticket_ids(db, 2)
        survey = Effect(EffectKind.SURVEY, "resolution:1", {})
        add_effects(db, [(first, survey)], state=EffectState.APPROVAL)
        clock.advance(60)
        add_effects(db, [(second, survey), (second, Effect(EffectKind.PRIVATE_NOTE, "x", {}))])

        with db.read() as conn:
            assert tickets.last_survey_at(conn, ADA) == NOON + timedelta(seconds=60)
            assert tickets.last_survey_at(conn, "ada@example.com") == NOON + timedelta(seconds=60)
            assert tickets.last_survey_at(conn, "someone@else.com") is None
            assert tickets.last_survey_at(conn, None) is None

    def test_a_contact_is_asked_once_under_all_their_names(self, db: Database) -> None:
        (ticket,) = ticket_ids(db)
        add_effects(db, [(ticket, Effect(EffectKind.SURVEY, "resolution:1", {}))])
        with db.write() as conn:
            conn.execute(update(schema.tickets).where(schema.tickets.c.id == ticket).values(contact_id=5))

        with db.read() as conn:
            other_name = Person(id="99", name="Ada", email="ada@private.example")
            assert tickets.last_survey_at(conn, other_name, contact=5) == NOON
            assert tickets.last_survey_at(conn, other_name, contact=6) is None
            assert tickets.last_survey_at(conn, None, contact=5) == NOON
            assert tickets.last_survey_at(conn, ADA, contact=6) == NOON

    @pytest.mark.parametrize("state", [EffectState.CANCELLED, EffectState.DEAD, EffectState.DRY_RUN])
    def test_one_that_does_not_go_out_asks_nobody(self, db: Database, state: EffectState) -> None:
        (ticket,) = ticket_ids(db)
        add_effects(db, [(ticket, Effect(EffectKind.SURVEY, "resolution:1", {}))], state=state)

        with db.read() as conn:
            assert tickets.last_survey_at(conn, ADA) is None
