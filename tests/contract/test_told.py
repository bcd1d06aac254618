"""Which notes of a ticket somebody may have read, and which tickets stand worst with what was promised."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from tests.contract.builders import NOON, a_key, a_note, a_ticket, add_effects, claimed_effect, ticket_ids
from worker.domain.effects import Effect, EffectKind, EffectState
from worker.domain.ticket import Clock, Event
from worker.store import effects, tickets
from worker.store.clock_reads import breached, most_pressing
from worker.store.database import Database

BREACH = "sla:first_response:1"


def told(db: Database, ticket: int, about: str = BREACH) -> tuple[str, ...]:
    with db.read() as conn:
        return effects.told(conn, ticket, about)


class TestTold:
    def test_nothing_that_waits(self, db: Database) -> None:
        [ticket] = ticket_ids(db)
        add_effects(db, [(ticket, a_note(BREACH))])

        assert told(db, ticket) == ()

    @pytest.mark.parametrize(
        ("state", "refund", "expected"),
        [
            (EffectState.DONE, False, (BREACH,)),
            (EffectState.RETRY, False, (BREACH,)),  # cut off: nobody knows whether it arrived
            (EffectState.RETRY, True, ()),  # nothing was sent
            (EffectState.CANCELLED, True, ()),
            (EffectState.DRY_RUN, False, ()),
        ],
    )
    def test_what_was_tried(self, db: Database, state: EffectState, refund: bool, expected: tuple[str, ...]) -> None:
        [ticket] = ticket_ids(db)
        add_effects(db, [(ticket, a_note(BREACH))])
        effects.settle(db, claimed_effect(db), state=state, refund=refund)

        assert told(db, ticket) == expected

    def test_what_is_being_performed(self, db: Database) -> None:
        [ticket] = ticket_ids(db)
        add_effects(db, [(ticket, a_note(BREACH))])
        claimed_effect(db)

        assert told(db, ticket) == (BREACH,)

    def test_notices_too_but_no_other_kind_ticket_or_beginning(self, db: Database) -> None:
        first, second = ticket_ids(db, 2)
        notice = Effect(EffectKind.OPERATOR_NOTICE, f"{BREACH}:2026", {"subject": "s", "text": "t", "to": []})
        event = Effect(EffectKind.EVENT, f"{BREACH}:2026", {"target": "crm"})
        note = a_note("sla:firstXresponse:1")  # the underscore stands for itself
        wanted = [(first, notice), (first, event), (first, note), (second, a_note(BREACH))]
        for _ in add_effects(db, wanted):
            effects.settle(db, claimed_effect(db), state=EffectState.DONE)

        assert told(db, first) == (f"{BREACH}:2026",)


class TestMostPressing:
    def test_at_risk_then_breached_then_the_newest(self, db: Database) -> None:
        ids = ticket_ids(db, 5)
        clock = Clock("resolution", 1, "p", 60, NOON, NOON, None, None, paused=False, warned=((80, NOON),))
        standings = {0: clock, 1: replace(clock, breached_at=NOON), 2: clock}
        with db.write() as conn:
            rows = [(ids[n], a_ticket(a_key(n + 1), clocks=(each,))) for n, each in standings.items()]
            tickets.save(conn, rows, policy_version="v1", now=NOON + timedelta(minutes=1))

        found = [each.id for each in most_pressing(db, limit=10)]
        few = [each.id for each in most_pressing(db, limit=3)]

        assert found == [ids[2], ids[0], ids[1], ids[4], ids[3]]
        assert few == found[:3]


class TestBreached:
    def test_what_is_not_met_yet_then_met_late_and_nothing_else(self, db: Database) -> None:
        ids = ticket_ids(db, 4)
        clock = Clock("resolution", 1, "p", 60, NOON, NOON, None, NOON, paused=False)
        late = replace(clock, met_at=NOON + timedelta(minutes=1))
        clocks = [clock, late, replace(late, breached_at=None)]  # the last was taken back
        with db.write() as conn:
            rows = [(ids[n], a_ticket(a_key(n + 1), clocks=(each,))) for n, each in enumerate(clocks)]
            tickets.save(conn, rows, policy_version="v1", now=NOON)
            said = [(ids[n], Event("sla.breached", "resolution:1", NOON, "sla", "late", {}), "now") for n in range(3)]
            tickets.add_events(conn, said, policy_version="v1", now=NOON)

        assert [each.id for each in breached(db, limit=10)] == [ids[0], ids[1]]
        assert [each.id for each in breached(db, limit=1)] == [ids[0]]
