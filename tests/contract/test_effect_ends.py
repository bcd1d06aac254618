"""How effects end: settled, expired, reaped, approved or called off."""

from __future__ import annotations

from datetime import timedelta

import pytest

from tests.contract.builders import (
    EFFECT_LEASE,
    NOON,
    a_note,
    a_survey,
    add_effects,
    claimed_effect,
    effect,
    ticket_ids,
)
from worker.clock import ManualClock
from worker.domain.effects import EffectState
from worker.store import audit, effects
from worker.store.claims import Fenced
from worker.store.database import Database


class TestSettle:
    def test_it_keeps_the_result_and_a_line_per_try(self, db: Database, clock: ManualClock) -> None:
        (ticket,) = ticket_ids(db)
        (id_,) = add_effects(db, [(ticket, a_note())])
        effects.settle(db, claimed_effect(db), state=EffectState.RETRY, cause="http_500", detail="oops", next_at=NOON)
        clock.advance(1)
        effects.settle(db, claimed_effect(db), state=EffectState.DONE, result={"message": 5})

        stored = effect(db, id_)
        assert (stored.state, stored.result, stored.done_at) == ("done", {"message": 5}, NOON + timedelta(seconds=1))
        lines = audit.attempts_of(db, f"e{id_}")
        assert [(line.n, line.outcome, line.cause) for line in lines] == [(1, "retry", "http_500"), (2, "done", None)]

    def test_settling_twice_is_fenced(self, db: Database) -> None:
        (ticket,) = ticket_ids(db)
        add_effects(db, [(ticket, a_note())])
        claimed = claimed_effect(db)
        effects.settle(db, claimed, state=EffectState.DEAD, cause="forbidden")

        with pytest.raises(Fenced):
            effects.settle(db, claimed, state=EffectState.DONE)


class TestExpire:
    def test_what_waited_too_long_is_cancelled(self, db: Database, clock: ManualClock) -> None:
        (ticket,) = ticket_ids(db)
        survey, note = add_effects(db, [(ticket, a_survey()), (ticket, a_note())], state=EffectState.APPROVAL)
        clock.advance(timedelta(hours=24))

        assert effects.expire(db) == [survey]
        assert (effect(db, survey).state, effect(db, survey).cause) == ("cancelled", "expired")
        assert effect(db, note).state == "approval"

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
            clock.advance(EFFECT_LEASE)
            effects.reap(db)

        assert tries == 16
        assert (effect(db, id_).state, effect(db, id_).cause) == ("dead", "poison")

    def test_a_living_lease_is_left_alone(self, db: Database, clock: ManualClock) -> None:
        (ticket,) = ticket_ids(db)
        (id_,) = add_effects(db, [(ticket, a_note())])
        claimed_effect(db)
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
        assert effect(db, survey).expires_at == NOON + timedelta(hours=47)
        assert effect(db, note).expires_at == NOON + timedelta(hours=95)
        assert claimed_effect(db).id == survey
        assert [line.outcome for line in audit.attempts_of(db, f"e{survey}")] == ["approved"]

    def test_only_what_waits_can_be_approved_or_called_off(self, db: Database) -> None:
        (ticket,) = ticket_ids(db)
        (id_,) = add_effects(db, [(ticket, a_note())])
        claimed_effect(db)

        assert effects.approve(db, [id_], actor="ada") == []
        assert effects.cancel(db, [id_], actor="ada", reason="no") == []

    def test_calling_off_keeps_who_and_why(self, db: Database) -> None:
        (ticket,) = ticket_ids(db)
        (id_,) = add_effects(db, [(ticket, a_note())])

        assert effects.cancel(db, [id_], actor="ada", reason="wrong ticket") == [id_]
        assert (effect(db, id_).state, effect(db, id_).detail) == ("cancelled", "wrong ticket")
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
