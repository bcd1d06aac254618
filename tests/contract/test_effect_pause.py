"""Leaving a lane alone while its circuit is open."""

from __future__ import annotations

from datetime import timedelta

from tests.contract.builders import NOON, a_note, add_effects, effect, ticket_ids
from worker.domain.effects import CHATWOOT, Effect, EffectKind, EffectState
from worker.store import effects
from worker.store.database import Database
from worker.store.effect_pause import put_off

LATER, RAMP = NOON + timedelta(minutes=5), timedelta(seconds=15)


def a_notice() -> Effect:
    return Effect(EffectKind.OPERATOR_NOTICE, "late", {"subject": "s", "text": "t", "to": []})


def left_alone(db: Database) -> int:
    return put_off(db, CHATWOOT, until=LATER, ramp=RAMP, cause="circuit_open", detail="timeout\0")


class TestPutOff:
    def test_what_is_due_in_the_lane_comes_back_in_a_ramp(self, db: Database) -> None:
        ids = add_effects(db, [(ticket, a_note()) for ticket in ticket_ids(db, 30)])

        assert left_alone(db) == 30

        moments = [effect(db, each).next_at for each in ids]
        assert min(moments) == LATER
        assert max(moments) == LATER + timedelta(seconds=14)
        assert len(set(moments)) == 15
        one = effect(db, ids[0])
        assert (one.state, one.cause, one.attempts, one.first_tried_at) == ("retry", "circuit_open", 0, None)

    def test_everything_else_stays(self, db: Database) -> None:
        first, second, third = ticket_ids(db, 3)
        (running,) = add_effects(db, [(first, a_note())])
        effects.claim_one(db)
        (notice,) = add_effects(db, [(second, a_notice())])
        (parked,) = add_effects(db, [(second, a_note())], state=EffectState.APPROVAL)
        with db.write() as conn:  # wished for a moment later than now
            states, later = (lambda _: EffectState.PENDING), NOON + timedelta(seconds=1)
            (ahead,) = effects.add(conn, [(third, a_note())], states=states, now=later)

        assert left_alone(db) == 0
        assert [effect(db, each).state for each in (running, notice, parked, ahead)] == [
            "performing", "pending", "approval", "pending",
        ]  # fmt: skip
