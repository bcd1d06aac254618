"""What is counted once a minute: effects that wait for somebody, those that fail, and tickets by their standing."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from sqlalchemy import select, text, update

from tests.contract.builders import NOON, a_note, a_survey, add_effects, an_assignment, ticket_ids
from worker import metrics_counts
from worker.clock import ManualClock
from worker.domain.effects import Effect, EffectKind, EffectState
from worker.store.database import Database
from worker.store.effect_rows import WAITING
from worker.store.schema import effects, tickets


def change(db: Database, effect_id: int, **values: Any) -> None:
    with db.write() as conn:
        conn.execute(update(effects).where(effects.c.id == effect_id).values(**values))


def an_event(n: int) -> Effect:
    return Effect(EffectKind.EVENT, f"crm:{n}", {"target": "crm", "type": "ticket.created", "data": {}})


class TestEffectsWaiting:
    def test_an_empty_database_has_none_of_each_kind(self, db: Database) -> None:
        with db.read() as conn:
            counts, oldest = metrics_counts.effects_waiting(conn)

        assert counts == {("approval",): 0, ("too_many",): 0, ("no_target",): 0, ("target_disabled",): 0}
        assert oldest == counts

    def test_they_are_told_apart_by_why_they_wait(self, db: Database, clock: ManualClock) -> None:
        [ticket] = ticket_ids(db)
        add_effects(db, [(ticket, a_survey(1))], state=EffectState.APPROVAL)
        clock.advance(60)
        add_effects(db, [(ticket, a_survey(2))], state=EffectState.APPROVAL)
        [parked] = add_effects(db, [(ticket, a_note("loop"))], state=EffectState.APPROVAL)
        change(db, parked, cause="too_many")
        [nowhere, event] = add_effects(db, [(ticket, a_note()), (ticket, an_event(1))], state=EffectState.NO_TARGET)
        change(db, nowhere, cause="no_target")
        change(db, event, cause="target_disabled")
        add_effects(db, [(ticket, an_assignment())])

        with db.read() as conn:
            counts, oldest = metrics_counts.effects_waiting(conn)

        assert counts == {("approval",): 2, ("too_many",): 1, ("no_target",): 1, ("target_disabled",): 1}
        assert oldest[("approval",)] == NOON.timestamp()
        assert oldest[("too_many",)] == NOON.timestamp() + 60

    def test_it_is_read_from_the_index_of_what_waits(self, db: Database) -> None:
        plan = "EXPLAIN QUERY PLAN" if db.is_sqlite else "EXPLAIN"
        query = str(select(effects.c.id).where(WAITING, metrics_counts._FOR_A_PERSON).compile())

        with db.read() as conn:
            if not db.is_sqlite:
                conn.execute(text("SET LOCAL enable_seqscan = off"))
            told = " ".join(str(row) for row in conn.execute(text(f"{plan} {query}")))

        assert "effects_waiting" in told


class TestOldestRetry:
    def test_it_is_the_first_try_of_the_oldest_by_the_kind_of_other_side(self, db: Database) -> None:
        [ticket] = ticket_ids(db)
        first, second = add_effects(db, [(ticket, an_event(1)), (ticket, an_event(2))], state=EffectState.RETRY)
        change(db, first, first_tried_at=NOON - timedelta(hours=1))
        change(db, second, first_tried_at=NOON - timedelta(hours=2))
        add_effects(db, [(ticket, a_note())])

        with db.read() as conn:
            found = metrics_counts.oldest_retry(conn)

        assert found == {("chatwoot",): 0, ("mail",): 0, ("notice",): 0, ("event",): NOON.timestamp() - 7200}

    def test_what_was_put_off_before_its_first_try_counts_from_when_it_was_asked_for(self, db: Database) -> None:
        [ticket] = ticket_ids(db)
        add_effects(db, [(ticket, a_note())], state=EffectState.RETRY)

        with db.read() as conn:
            assert metrics_counts.oldest_retry(conn)[("chatwoot",)] == NOON.timestamp()


class TestOpenTickets:
    def test_those_that_are_done_do_not_count_whatever_their_standing(self, db: Database) -> None:
        ids = ticket_ids(db, 5)
        rows = [("triaged", ""), ("triaged", "at_risk"), ("in_progress", "breached"), ("resolved", "breached"),
                ("in_progress", "breached")]  # fmt: skip
        with db.write() as conn:
            for ticket, (status, standing) in zip(ids, rows, strict=True):
                conn.execute(update(tickets).where(tickets.c.id == ticket).values(status=status, standing=standing))

        with db.read() as conn:
            found = metrics_counts.open_tickets(conn)

        assert found == {("fine",): 1, ("at_risk",): 1, ("breached",): 2}
