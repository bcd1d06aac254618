"""Effects: in order per ticket, one in performance, superseded, expired, fenced."""

from __future__ import annotations

import threading
from datetime import timedelta

import pytest
from sqlalchemy.exc import OperationalError

from tests.contract.builders import (
    EFFECT_LEASE,
    NOON,
    a_note,
    a_survey,
    add_effects,
    an_assignment,
    claimed_effect,
    effect,
    ticket_ids,
)
from worker.clock import ManualClock
from worker.domain.effects import Effect, EffectKind, EffectState
from worker.store import effects
from worker.store.claims import Fenced
from worker.store.database import Database
from worker.store.effects import ClaimedEffect
from worker.store.locks import lock_name


class TestAdd:
    def test_a_decision_is_performed_once_however_often_it_is_taken(self, db: Database) -> None:
        first, second = ticket_ids(db, 2)
        new = add_effects(db, [(first, a_note()), (first, a_note("sla:2"))])
        again = add_effects(db, [(first, a_note(text="changed")), (second, a_note()), (second, a_note())])

        assert (len(new), len(again)) == (2, 1)
        stored = effect(db, new[0])
        assert (stored.payload, stored.state, stored.attempts) == ({"text": "hello\0\ud800"}, "pending", 0)

    def test_what_a_customer_sees_expires_sooner(self, db: Database) -> None:
        (ticket,) = ticket_ids(db)
        note, survey = add_effects(db, [(ticket, a_note()), (ticket, a_survey())], state=EffectState.APPROVAL)

        assert effect(db, note).expires_at == NOON + timedelta(hours=72)
        assert effect(db, survey).expires_at == NOON + timedelta(hours=24)

    @pytest.mark.parametrize("waiting", [EffectState.PENDING, EffectState.APPROVAL, EffectState.NO_TARGET])
    def test_a_newer_value_supersedes_what_waits(self, db: Database, waiting: EffectState) -> None:
        ticket, other = ticket_ids(db, 2)
        old, note, elsewhere = add_effects(
            db, [(ticket, an_assignment(1)), (ticket, a_note()), (other, an_assignment(1))], state=waiting
        )
        (new,) = add_effects(db, [(ticket, an_assignment(2))])

        assert (effect(db, old).state, effect(db, old).cause) == ("cancelled", "superseded")
        assert [effect(db, id_).state for id_ in (note, elsewhere)] == [waiting.value] * 2
        assert effect(db, new).state == "pending"

    def test_inside_one_call_the_last_wins(self, db: Database) -> None:
        (ticket,) = ticket_ids(db)
        ids = add_effects(db, [(ticket, an_assignment(n)) for n in (1, 2, 3)])

        assert [effect(db, id_).state for id_ in ids] == ["cancelled", "cancelled", "pending"]

    def test_what_is_in_performance_is_left_to_end(self, db: Database) -> None:
        (ticket,) = ticket_ids(db)
        add_effects(db, [(ticket, an_assignment(1))])
        claimed = claimed_effect(db)
        add_effects(db, [(ticket, an_assignment(2))])

        effects.settle(db, claimed, state=EffectState.DONE)
        assert claimed_effect(db).decision == "routed:2"


class TestClaimOne:
    def test_one_ticket_is_served_in_order_others_meanwhile(self, db: Database) -> None:
        first, second = ticket_ids(db, 2)
        a, b = add_effects(db, [(first, a_note("a")), (first, a_note("b"))])
        (c,) = add_effects(db, [(second, a_note("c"))])

        one, other = claimed_effect(db), claimed_effect(db)
        assert (one.id, other.id) == (a, c)
        assert effects.claim_one(db) is None
        effects.settle(db, one, state=EffectState.DONE)
        assert claimed_effect(db).id == b

    def test_lanes_of_one_ticket_do_not_wait_for_each_other(self, db: Database, clock: ManualClock) -> None:
        (ticket,) = ticket_ids(db)
        told = [Effect(EffectKind.EVENT, f"{name}:1", {"target": name}) for name in ("crm", "billing")]
        rows = [(ticket, effect) for effect in (a_note("1"), a_note("2"), *told)]
        first, _, crm, billing = add_effects(db, rows)

        claimed = [claimed_effect(db) for _ in range(3)]

        assert [(one.id, one.lane) for one in claimed] == [
            (first, "chatwoot"),
            (crm, "event:crm"),
            (billing, "event:billing"),
        ]
        assert effects.claim_one(db) is None

    def test_a_retry_keeps_the_later_ones_of_its_ticket_waiting(self, db: Database, clock: ManualClock) -> None:
        first, second = ticket_ids(db, 2)
        a, b = add_effects(db, [(first, a_note("a")), (first, a_note("b"))])
        effects.settle(
            db, claimed_effect(db), state=EffectState.RETRY, cause="timeout", next_at=NOON + timedelta(seconds=30)
        )
        (c,) = add_effects(db, [(second, a_note("c"))])

        assert claimed_effect(db).id == c
        assert effects.claim_one(db) is None
        clock.advance(30)
        again = claimed_effect(db)
        assert (again.id, again.attempts, again.maybe_done, again.first_tried_at) == (a, 2, True, NOON)
        effects.settle(db, again, state=EffectState.DONE)
        assert claimed_effect(db).id == b

    def test_what_waits_for_approval_holds_nobody_up(self, db: Database) -> None:
        (ticket,) = ticket_ids(db)
        add_effects(db, [(ticket, a_survey())], state=EffectState.APPROVAL)
        (note,) = add_effects(db, [(ticket, a_note())])

        assert claimed_effect(db).id == note

    def test_an_older_one_approved_meanwhile_waits_for_the_one_in_performance(self, db: Database) -> None:
        (ticket,) = ticket_ids(db)
        (survey,) = add_effects(db, [(ticket, a_survey())], state=EffectState.APPROVAL)
        add_effects(db, [(ticket, a_note())])
        claimed = claimed_effect(db)
        effects.approve(db, [survey], actor="ada")

        assert effects.claim_one(db) is None
        effects.settle(db, claimed, state=EffectState.DONE)
        assert claimed_effect(db).id == survey

    def test_the_first_try_is_certain_to_be_the_first(self, db: Database) -> None:
        (ticket,) = ticket_ids(db)
        add_effects(db, [(ticket, a_note())])
        claimed = claimed_effect(db)

        assert (claimed.attempts, claimed.maybe_done, claimed.first_tried_at) == (1, False, NOON)
        assert claimed.payload == {"text": "hello\0\ud800"}
        effects.settle(db, claimed, state=EffectState.PENDING, next_at=NOON, refund=True)
        assert claimed_effect(db).maybe_done is False

    def test_one_whose_worker_died_comes_back_in_doubt(self, db: Database, clock: ManualClock) -> None:
        (ticket,) = ticket_ids(db)
        add_effects(db, [(ticket, a_note())])
        lost = claimed_effect(db)
        clock.advance(EFFECT_LEASE)
        effects.reap(db)

        again = claimed_effect(db)
        assert (again.id, again.attempts, again.maybe_done) == (lost.id, 2, True)
        with pytest.raises(Fenced):
            effects.settle(db, lost, state=EffectState.DONE)
        assert effect(db, lost.id).state == "performing"

    def test_at_the_same_time_never_two_of_one_ticket(self, db: Database) -> None:
        ids = ticket_ids(db, 4)
        asked = add_effects(db, [(ticket, a_note(f"{n}")) for n in range(3) for ticket in ids])
        performed: list[int] = []
        for _ in range(3):
            claimed = _claim_in_threads(db)
            assert sorted(one.ticket_id for one in claimed) == ids
            for one in claimed:
                effects.settle(db, one, state=EffectState.DONE)
                performed.append(one.id)

        assert [sorted(performed[n : n + 4]) for n in (0, 4, 8)] == [asked[n : n + 4] for n in (0, 4, 8)]

    def test_claims_wait_for_each_other(self, db: Database, url: str) -> None:
        if db.is_sqlite:  # its writers always do
            return
        impatient = Database.open(url, statement_timeout=0.1)
        impatient.migrate()
        with impatient.write() as conn:
            lock_name(conn, effects.CLAIM_LOCK)
            with pytest.raises(OperationalError, match="timeout"):
                effects.claim_one(impatient)
        impatient.dispose()


def _claim_in_threads(db: Database) -> list[ClaimedEffect]:
    """What four performers get who all take as much as they can and finish nothing."""
    claimed: list[ClaimedEffect] = []

    def work() -> None:
        while (one := effects.claim_one(db)) is not None:
            claimed.append(one)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return claimed
