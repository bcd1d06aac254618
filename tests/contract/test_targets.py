"""How targets stand: what counts as enough failure, and what waits while one is switched off."""

from __future__ import annotations

from datetime import timedelta

import pytest

from tests.contract.builders import NOON, add_effects, claimed_effect, effect, ticket_ids
from worker.clock import ManualClock
from worker.domain.effects import Effect, EffectKind, EffectState
from worker.store import effects, targets
from worker.store.audit import attempts_of
from worker.store.database import Database
from worker.store.effect_acts import approve
from worker.store.targets import DISABLED, Standing

DAY = timedelta(days=1)


def an_event(n: int = 1, target: str = "crm") -> Effect:
    payload = {"target": target, "type": "ticket.resolved", "at": NOON.isoformat(), "data": {}}
    return Effect(EffectKind.EVENT, f"{target}:ticket.resolved:{n}", payload)


def fail(db: Database, clock: ManualClock, *hours: float) -> list[bool]:
    """Failures at these hours after noon."""
    answers = []
    for hour in hours:
        clock.advance(NOON + timedelta(hours=hour) - clock.now())
        answers.append(targets.failed(db, "crm", "HTTP 500"))
    return answers


class TestStanding:
    def test_a_target_nobody_has_called_stands_well(self, db: Database) -> None:
        assert targets.get(db, "crm") == Standing("crm")
        assert targets.standings(db) == {}

    def test_failures_are_counted_from_the_first(self, db: Database, clock: ManualClock) -> None:
        targets.failed(db, "noise", "HTTP 500")

        assert fail(db, clock, 0, 1, 2) == [False, False, False]

        assert targets.get(db, "crm") == Standing(
            "crm", failing_since=NOON, last_failure_at=NOON + timedelta(hours=2), failures=3
        )

    def test_a_success_forgets_them(self, db: Database, clock: ManualClock) -> None:
        fail(db, clock, 0, 1)

        targets.succeeded(db, "crm")

        stands = targets.get(db, "crm")
        assert (stands.failing_since, stands.failures, stands.last_success_at) == (None, 0, NOON + timedelta(hours=1))

    def test_all_are_listed_by_name(self, db: Database) -> None:
        targets.succeeded(db, "shop")
        targets.failed(db, "crm", "HTTP 500")

        assert list(targets.standings(db)) == ["crm", "shop"]


class TestEnough:
    def test_five_days_of_only_failures_are(self, db: Database, clock: ManualClock) -> None:
        assert fail(db, clock, 0, 24, 48, 119.9, 120) == [False, False, False, False, True]

        stands = targets.get(db, "crm")
        assert stands.disabled_at == NOON + timedelta(hours=120)
        assert stands.cause == "only failures since 2026-05-04: HTTP 500"

    def test_two_bad_moments_five_days_apart_are_not(self, db: Database, clock: ManualClock) -> None:
        assert fail(db, clock, 0, 11.9, 130) == [False, False, False]

    def test_but_they_are_once_others_lay_twelve_hours_apart(self, db: Database, clock: ManualClock) -> None:
        assert fail(db, clock, 0, 12, 130) == [False, False, True]

    def test_a_success_between_begins_the_days_anew(self, db: Database, clock: ManualClock) -> None:
        fail(db, clock, 0, 24, 72)
        targets.succeeded(db, "crm")

        assert fail(db, clock, 96, 120, 144, 215) == [False] * 4

    def test_what_is_off_stays_off(self, db: Database, clock: ManualClock) -> None:
        targets.disable(db, "crm", "HTTP 410")

        assert fail(db, clock, 1) == [True]
        assert targets.get(db, "crm").cause == "HTTP 410"


class TestDisabling:
    def test_it_is_done_once(self, db: Database, clock: ManualClock) -> None:
        assert targets.disable(db, "crm", "first")
        clock.advance(60)
        assert not targets.disable(db, "crm", "second")

        stands = targets.get(db, "crm")
        assert (stands.disabled_at, stands.cause) == (NOON, "first")

    def test_enabling_lets_go_what_waited_for_it_with_a_clean_slate(self, db: Database, clock: ManualClock) -> None:
        (ticket,) = ticket_ids(db)
        waiting, other = add_effects(db, [(ticket, an_event(1)), (ticket, an_event(1, "shop"))])
        for _ in range(2):
            claimed = claimed_effect(db)
            effects.settle(db, claimed, state=EffectState.NO_TARGET, cause=DISABLED, detail="off")
        targets.disable(db, "crm", "HTTP 410")
        fail(db, clock, 30)

        assert targets.enable(db, "crm", actor="cli:ops") == [waiting]

        released = effect(db, waiting)
        assert (released.state, released.cause, released.attempts, released.next_at) == (
            "pending", None, 0, NOON + timedelta(hours=30),
        )  # fmt: skip
        assert released.expires_at == NOON + timedelta(hours=30) + 7 * DAY
        assert effect(db, other).state == "no_target"
        assert targets.get(db, "crm") == Standing("crm", last_failure_at=NOON + timedelta(hours=30))
        assert attempts_of(db, f"e{waiting}")[-1].detail == "cli:ops"

    def test_what_has_no_target_for_another_reason_goes_on_waiting(self, db: Database) -> None:
        (ticket,) = ticket_ids(db)
        (waiting,) = add_effects(db, [(ticket, an_event())])
        effects.settle(db, claimed_effect(db), state=EffectState.NO_TARGET, cause="no_target")

        assert targets.enable(db, "crm", actor="cli:ops") == []
        assert effect(db, waiting).state == "no_target"


class TestLifetime:
    def test_an_event_waits_as_long_as_its_schedule_may_take(self, db: Database) -> None:
        (ticket,) = ticket_ids(db)

        (added,) = add_effects(db, [(ticket, an_event())])

        assert effect(db, added).expires_at == NOON + 7 * DAY

    @pytest.mark.parametrize("state", [EffectState.APPROVAL, EffectState.NO_TARGET])
    def test_and_again_when_a_person_lets_it_go(self, db: Database, clock: ManualClock, state: EffectState) -> None:
        (ticket,) = ticket_ids(db)
        (added,) = add_effects(db, [(ticket, an_event())], state=state)
        clock.advance(DAY)

        approve(db, [added], actor="cli:ops")

        assert effect(db, added).expires_at == NOON + 8 * DAY
