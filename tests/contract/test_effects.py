"""Effects: in order per ticket, one in performance, superseded, expired, fenced."""

from __future__ import annotations

import threading
from datetime import timedelta
from typing import Any

import pytest

from tests.contract.builders import NOON, add_effects, ticket_ids
from worker.clock import ManualClock
from worker.domain.effects import Effect, EffectKind, EffectState
from worker.store import audit, effects
from worker.store.claims import Fenced
from worker.store.database import Database
from worker.store.effects import ClaimedEffect, StoredEffect

LEASE = timedelta(seconds=60)


def a_note(decision: str = "sla:1", **payload: Any) -> Effect:
    return Effect(EffectKind.PRIVATE_NOTE, decision, payload or {"text": "hello\0\ud800"})


def an_assignment(n: int = 1) -> Effect:
    return Effect(EffectKind.ASSIGN_AGENT, f"routed:{n}", {"agent_id": str(n), "agent": "Ada"})


def a_survey(n: int = 1) -> Effect:
    return Effect(EffectKind.SURVEY, f"resolution:{n}", {"text": "How?", "resolution": n})


class TestAdd:
    def test_a_decision_is_performed_once_however_often_it_is_taken(self, db: Database) -> None:
        first, second = ticket_ids(db, 2)
        new = add_effects(db, [(first, a_note()), (first, a_note("sla:2"))])
        again = add_effects(db, [(first, a_note(text="changed")), (second, a_note()), (second, a_note())])

        assert (len(new), len(again)) == (2, 1)
        stored = _get(db, new[0])
        assert (stored.payload, stored.state, stored.attempts) == ({"text": "hello\0\ud800"}, "pending", 0)

    def test_what_a_customer_sees_expires_sooner(self, db: Database) -> None:
        (ticket,) = ticket_ids(db)
        note, survey = add_effects(db, [(ticket, a_note()), (ticket, a_survey())], state=EffectState.APPROVAL)

        assert _get(db, note).expires_at == NOON + timedelta(hours=72)
        assert _get(db, survey).expires_at == NOON + timedelta(hours=24)

    @pytest.mark.parametrize("waiting", [EffectState.PENDING, EffectState.APPROVAL, EffectState.NO_TARGET])
    def test_a_newer_value_supersedes_what_waits(self, db: Database, waiting: EffectState) -> None:
        ticket, other = ticket_ids(db, 2)
        old, note, elsewhere = add_effects(
            db, [(ticket, an_assignment(1)), (ticket, a_note()), (other, an_assignment(1))], state=waiting
        )
        (new,) = add_effects(db, [(ticket, an_assignment(2))])

        assert (_get(db, old).state, _get(db, old).cause) == ("cancelled", "superseded")
        assert [_get(db, id_).state for id_ in (note, elsewhere)] == [waiting.value] * 2
        assert _get(db, new).state == "pending"

    def test_inside_one_call_the_last_wins(self, db: Database) -> None:
        (ticket,) = ticket_ids(db)
        ids = add_effects(db, [(ticket, an_assignment(n)) for n in (1, 2, 3)])

        assert [_get(db, id_).state for id_ in ids] == ["cancelled", "cancelled", "pending"]

    def test_what_is_in_performance_is_left_to_end(self, db: Database) -> None:
        (ticket,) = ticket_ids(db)
        add_effects(db, [(ticket, an_assignment(1))])
        claimed = _claim(db)
        add_effects(db, [(ticket, an_assignment(2))])

        effects.settle(db, claimed, state=EffectState.DONE)
        assert _claim(db).decision == "routed:2"


class TestClaimOne:
    def test_one_ticket_is_served_in_order_others_meanwhile(self, db: Database) -> None:
        first, second = ticket_ids(db, 2)
        a, b = add_effects(db, [(first, a_note("a")), (first, a_note("b"))])
        (c,) = add_effects(db, [(second, a_note("c"))])

        one, other = _claim(db), _claim(db)
        assert (one.id, other.id) == (a, c)
        assert effects.claim_one(db) is None
        effects.settle(db, one, state=EffectState.DONE)
        assert _claim(db).id == b

    def test_a_retry_keeps_the_later_ones_of_its_ticket_waiting(self, db: Database, clock: ManualClock) -> None:
        first, second = ticket_ids(db, 2)
        a, b = add_effects(db, [(first, a_note("a")), (first, a_note("b"))])
        effects.settle(db, _claim(db), state=EffectState.RETRY, cause="timeout", next_at=NOON + timedelta(seconds=30))
        (c,) = add_effects(db, [(second, a_note("c"))])

        assert _claim(db).id == c
        assert effects.claim_one(db) is None
        clock.advance(30)
        again = _claim(db)
        assert (again.id, again.attempts, again.maybe_done, again.first_tried_at) == (a, 2, True, NOON)
        effects.settle(db, again, state=EffectState.DONE)
        assert _claim(db).id == b

    def test_what_waits_for_approval_holds_nobody_up(self, db: Database) -> None:
        (ticket,) = ticket_ids(db)
        add_effects(db, [(ticket, a_survey())], state=EffectState.APPROVAL)
        (note,) = add_effects(db, [(ticket, a_note())])

        assert _claim(db).id == note

    def test_an_older_one_approved_meanwhile_waits_for_the_one_in_performance(self, db: Database) -> None:
        (ticket,) = ticket_ids(db)
        (survey,) = add_effects(db, [(ticket, a_survey())], state=EffectState.APPROVAL)
        add_effects(db, [(ticket, a_note())])
        claimed = _claim(db)
        effects.approve(db, [survey], actor="ada")

        assert effects.claim_one(db) is None
        effects.settle(db, claimed, state=EffectState.DONE)
        assert _claim(db).id == survey

    def test_the_first_try_is_certain_to_be_the_first(self, db: Database) -> None:
        (ticket,) = ticket_ids(db)
        add_effects(db, [(ticket, a_note())])
        claimed = _claim(db)

        assert (claimed.attempts, claimed.maybe_done, claimed.first_tried_at) == (1, False, NOON)
        assert claimed.payload == {"text": "hello\0\ud800"}
        effects.settle(db, claimed, state=EffectState.PENDING, next_at=NOON, refund=True)
        assert _claim(db).maybe_done is False

    def test_one_whose_worker_died_comes_back_in_doubt(self, db: Database, clock: ManualClock) -> None:
        (ticket,) = ticket_ids(db)
        add_effects(db, [(ticket, a_note())])
        lost = _claim(db)
        clock.advance(LEASE)

        again = _claim(db)
        assert (again.id, again.attempts, again.maybe_done) == (lost.id, 2, True)
        with pytest.raises(Fenced):
            effects.settle(db, lost, state=EffectState.DONE)
        assert _get(db, lost.id).state == "performing"

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


class TestSettle:
    def test_it_keeps_the_result_and_a_line_per_try(self, db: Database, clock: ManualClock) -> None:
        (ticket,) = ticket_ids(db)
        (id_,) = add_effects(db, [(ticket, a_note())])
        effects.settle(db, _claim(db), state=EffectState.RETRY, cause="http_500", detail="oops", next_at=NOON)
        clock.advance(1)
        effects.settle(db, _claim(db), state=EffectState.DONE, result={"message": 5})

        stored = _get(db, id_)
        assert (stored.state, stored.result, stored.done_at) == ("done", {"message": 5}, NOON + timedelta(seconds=1))
        lines = audit.attempts_of(db, f"e{id_}")
        assert [(line.n, line.outcome, line.cause) for line in lines] == [(1, "retry", "http_500"), (2, "done", None)]

    def test_settling_twice_is_fenced(self, db: Database) -> None:
        (ticket,) = ticket_ids(db)
        add_effects(db, [(ticket, a_note())])
        claimed = _claim(db)
        effects.settle(db, claimed, state=EffectState.DEAD, cause="forbidden")

        with pytest.raises(Fenced):
            effects.settle(db, claimed, state=EffectState.DONE)


class TestExpire:
    def test_what_waited_too_long_is_cancelled(self, db: Database, clock: ManualClock) -> None:
        (ticket,) = ticket_ids(db)
        survey, note = add_effects(db, [(ticket, a_survey()), (ticket, a_note())], state=EffectState.APPROVAL)
        clock.advance(timedelta(hours=24))

        assert effects.expire(db) == [survey]
        assert (_get(db, survey).state, _get(db, survey).cause) == ("cancelled", "expired")
        assert _get(db, note).state == "approval"

    def test_an_expired_one_is_not_claimed_before_the_sweep(self, db: Database, clock: ManualClock) -> None:
        (ticket,) = ticket_ids(db)
        add_effects(db, [(ticket, a_survey())])
        clock.advance(timedelta(hours=24))

        assert effects.claim_one(db) is None


class TestReap:
    def test_one_that_kills_every_worker_ends(self, db: Database, clock: ManualClock) -> None:
        (ticket,) = ticket_ids(db)
        (id_,) = add_effects(db, [(ticket, a_note())])
        tries = 0
        while effects.claim_one(db) is not None:
            tries += 1
            clock.advance(LEASE)

        assert tries == 16
        assert (_get(db, id_).state, _get(db, id_).cause) == ("dead", "poison")

    def test_a_living_lease_is_left_alone(self, db: Database, clock: ManualClock) -> None:
        (ticket,) = ticket_ids(db)
        (id_,) = add_effects(db, [(ticket, a_note())])
        _claim(db)
        clock.advance(59.9)
        assert effects.reap(db) == []
        clock.advance(0.1)
        assert effects.reap(db) == [id_]


class TestDueAndUnwoken:
    def test_each_is_named_once_per_pause(self, db: Database, clock: ManualClock) -> None:
        (ticket,) = ticket_ids(db)
        due, called_off = add_effects(db, [(ticket, a_note()), (ticket, a_note("b"))])
        effects.cancel(db, [called_off], actor="ada", reason="test")

        named = []
        for _ in range(7):
            named.append(effects.due_and_unwoken(db, again_after=timedelta(seconds=5)))
            clock.advance(1)

        assert named == [[], [due], [], [], [], [], [due]]


class TestOperators:
    def test_approving_lets_go_and_gives_the_whole_time_again(self, db: Database, clock: ManualClock) -> None:
        (ticket,) = ticket_ids(db)
        survey, note = add_effects(db, [(ticket, a_survey()), (ticket, a_note())], state=EffectState.APPROVAL)
        clock.advance(timedelta(hours=23))

        assert effects.approve(db, [survey, note, 99], actor="ada") == [survey, note]
        assert _get(db, survey).expires_at == NOON + timedelta(hours=47)
        assert _get(db, note).expires_at == NOON + timedelta(hours=95)
        assert _claim(db).id == survey
        assert [line.outcome for line in audit.attempts_of(db, f"e{survey}")] == ["approved"]

    def test_only_what_waits_can_be_approved_or_called_off(self, db: Database) -> None:
        (ticket,) = ticket_ids(db)
        (id_,) = add_effects(db, [(ticket, a_note())])
        _claim(db)

        assert effects.approve(db, [id_], actor="ada") == []
        assert effects.cancel(db, [id_], actor="ada", reason="no") == []

    def test_calling_off_keeps_who_and_why(self, db: Database) -> None:
        (ticket,) = ticket_ids(db)
        (id_,) = add_effects(db, [(ticket, a_note())])

        assert effects.cancel(db, [id_], actor="ada", reason="wrong ticket") == [id_]
        assert (_get(db, id_).state, _get(db, id_).detail) == ("cancelled", "wrong ticket")
        assert effects.claim_one(db) is None
        assert audit.attempts_of(db, f"e{id_}")[0].detail == "ada: wrong ticket"

    def test_lists_filter(self, db: Database) -> None:
        first, second = ticket_ids(db, 2)
        a, b = add_effects(db, [(first, a_note()), (second, a_survey())])

        assert [one.id for one in effects.list_effects(db)] == [b, a]
        assert [one.id for one in effects.list_effects(db, kind="survey")] == [b]
        assert [one.id for one in effects.list_effects(db, ticket=first)] == [a]
        assert effects.list_effects(db, state="dead") == []
        assert effects.get(db, 99) is None


def _claim(db: Database) -> ClaimedEffect:
    claimed = effects.claim_one(db, lease=LEASE)
    assert claimed is not None
    return claimed


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


def _get(db: Database, effect_id: int) -> StoredEffect:
    stored = effects.get(db, effect_id)
    assert stored is not None
    return stored
