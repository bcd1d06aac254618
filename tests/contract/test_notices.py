"""Late notices are gathered under one claim: which, in what order, and what becomes of them."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from tests.contract.builders import EFFECT_LEASE, NOON, add_effects, claimed_effect, effect, ticket_ids
from worker.clock import ManualClock
from worker.domain.effects import Effect, EffectKind, EffectState
from worker.store import effects, notices
from worker.store.audit import attempts_of
from worker.store.database import Database
from worker.store.effect_rows import COLLECTING
from worker.store.effects import ClaimedEffect, Fenced


def a_notice(decision: str = "sla:1", **given: Any) -> Effect:
    payload = {"subject": "s", "text": "t", "to": [], "team": "billing", "late": True, **given}
    return Effect(EffectKind.OPERATOR_NOTICE, decision, payload)


@pytest.fixture
def first(db: Database, clock: ManualClock) -> ClaimedEffect:
    """A late notice of ticket 1, claimed, when its time for collecting is over."""
    add_effects(db, [(ticket_ids(db, 9)[0], a_notice())])
    clock.advance(COLLECTING)
    return claimed_effect(db)


def gathered(db: Database, first: ClaimedEffect) -> list[int]:
    return [one.id for one in notices.gather(db, first)]


class TestCollecting:
    def test_a_late_notice_waits_ten_seconds_for_its_like(self, db: Database, clock: ManualClock) -> None:
        (late,) = add_effects(db, [(ticket_ids(db)[0], a_notice())])

        assert timedelta(seconds=10) == COLLECTING
        assert effect(db, late).next_at == NOON + timedelta(seconds=10)
        assert effects.claim_one(db) is None
        clock.advance(10)
        assert claimed_effect(db).id == late

    def test_others_are_told_at_once(self, db: Database) -> None:
        (prompt,) = add_effects(db, [(ticket_ids(db)[0], a_notice(late=False))])

        assert claimed_effect(db).id == prompt


class TestGathering:
    def test_all_of_the_team_that_are_late_whenever_they_are_due(self, db: Database, first: ClaimedEffect) -> None:
        ids = add_effects(db, [(2, a_notice()), (3, a_notice()), (1, a_notice("sla:2"))])

        assert gathered(db, first) == ids

        for one in ids:
            assert (effect(db, one).state, effect(db, one).attempts) == ("performing", 1)

    def test_neither_other_teams_nor_what_is_not_late_nor_other_kinds(self, db: Database, first: ClaimedEffect) -> None:
        others = add_effects(
            db,
            [
                (2, a_notice(team="support")),
                (3, a_notice(team=None)),
                (4, a_notice(late=False)),
                (5, Effect(EffectKind.PRIVATE_NOTE, "sla:1", {"text": "t", "late": True, "team": "billing"})),
            ],
        )
        done = add_effects(db, [(6, a_notice())], state=EffectState.NO_TARGET)

        assert gathered(db, first) == []
        assert {effect(db, one).state for one in others} == {"pending"}
        assert effect(db, done[0]).state == "no_target"

    def test_a_tickets_notices_stay_in_order(self, db: Database, first: ClaimedEffect) -> None:
        add_effects(db, [(2, a_notice("escalated:1", late=False)), (2, a_notice("sla:2"))])
        (free,) = add_effects(db, [(3, a_notice())])

        assert gathered(db, first) == [free]

    def test_what_somebody_else_performs_is_left_alone(self, db: Database, first: ClaimedEffect) -> None:
        add_effects(db, [(2, a_notice(late=False)), (2, a_notice("sla:2"))])
        assert claimed_effect(db).ticket_id == 2

        assert gathered(db, first) == []

    def test_what_was_told_in_part_goes_its_own_way(
        self, db: Database, first: ClaimedEffect, clock: ManualClock
    ) -> None:
        add_effects(db, [(2, a_notice())])
        clock.advance(COLLECTING)
        second = claimed_effect(db)
        notices.keep(db, second, (), {"told": {"webhook": "HTTP 200"}})
        effects.settle(db, second, state=EffectState.RETRY, cause="partly_done")

        assert gathered(db, first) == []
        assert effect(db, second.id).result == {"told": {"webhook": "HTTP 200"}}

    def test_what_has_waited_too_long_is_not_told(self, db: Database, first: ClaimedEffect, clock: ManualClock) -> None:
        add_effects(db, [(2, a_notice())])
        clock.advance(timedelta(hours=72))

        assert gathered(db, first) == []

    def test_five_hundred_are_enough_for_one(self, db: Database, first: ClaimedEffect) -> None:
        assert notices.MOST == 500
        add_effects(db, [(2, a_notice(f"sla:{n}")) for n in range(501)])

        assert len(gathered(db, first)) == 500

    def test_nobody_else_can_claim_them(self, db: Database, first: ClaimedEffect, clock: ManualClock) -> None:
        add_effects(db, [(2, a_notice())])
        notices.gather(db, first)
        clock.advance(COLLECTING)

        assert effects.claim_one(db, lease=EFFECT_LEASE) is None


class TestEnding:
    def test_told_together(self, db: Database, first: ClaimedEffect) -> None:
        (one,) = add_effects(db, [(2, a_notice())])
        members = notices.gather(db, first)

        notices.keep(db, first, members, {"told": {"webhook": "HTTP 200"}})

        stored = effect(db, one)
        assert (stored.state, stored.result) == ("done", {"grouped_into": f"e{first.id}"})
        assert stored.done_at is not None
        assert attempts_of(db, f"e{one}")[-1].detail == f"with e{first.id}"
        assert effect(db, first.id).state == "performing"

    def test_not_wanted_any_more(self, db: Database, first: ClaimedEffect) -> None:
        (one,) = add_effects(db, [(2, a_notice())])

        notices.cancel(db, first, notices.gather(db, first), detail="the breach was taken back")

        stored = effect(db, one)
        assert (stored.state, stored.cause, stored.detail) == ("cancelled", "stale", "the breach was taken back")

    def test_told_to_nobody_they_wait_a_minute_and_have_used_no_try(self, db: Database, first: ClaimedEffect) -> None:
        (one,) = add_effects(db, [(2, a_notice())])

        notices.release(db, first, notices.gather(db, first))

        stored = effect(db, one)
        assert (stored.state, stored.attempts, stored.cause) == ("retry", 0, "grouped")
        assert stored.first_tried_at is None  # so nobody takes it for one that somebody may have read
        assert stored.next_at == NOON + COLLECTING + timedelta(minutes=1)

    def test_those_of_a_worker_that_died_are_given_out_again(
        self, db: Database, first: ClaimedEffect, clock: ManualClock
    ) -> None:
        (one,) = add_effects(db, [(2, a_notice())])
        members = notices.gather(db, first)
        clock.advance(timedelta(seconds=60))

        assert effects.reap(db) == [first.id, one]
        notices.keep(db, first, members, {"told": {"webhook": "HTTP 200"}})
        assert (effect(db, one).state, effect(db, first.id).result) == ("retry", None)
        with pytest.raises(Fenced):
            effects.settle(db, first, state=EffectState.DONE)


class TestKeeping:
    def test_what_a_try_has_done_survives_its_failure(self, db: Database, first: ClaimedEffect) -> None:
        notices.keep(db, first, (), {"told": {"webhook": "HTTP 200"}})

        effects.settle(db, first, state=EffectState.RETRY, cause="timeout")

        assert effect(db, first.id).result == {"told": {"webhook": "HTTP 200"}}
