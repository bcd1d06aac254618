"""The numbers of the effects that stand in no table of their own."""

from __future__ import annotations

from datetime import timedelta

import pytest

from worker import performing
from worker.clients import exchange, rate
from worker.config import Settings
from worker.domain.effects import EffectKind
from worker.store import breakers, effect_flood
from worker.store.effect_rows import lifetime
from worker.tasks import perform_effects


class TestNumbers:
    def test_a_call_ends_long_before_its_lease(self) -> None:
        assert exchange.TOTAL_SECONDS == 20.0
        assert timedelta(seconds=60) == performing.LEASE
        assert performing.EFFECT_SECONDS + perform_effects.DRAIN_SECONDS < perform_effects.HARD_LIMIT_SECONDS < 60

    def test_the_rate_is_twenty_five_a_second_and_half_of_it_for_a_minute(self) -> None:
        assert Settings().chatwoot_rate == 25.0
        assert rate.SLOW_FOR == 60

    def test_the_breaker(self) -> None:
        assert (breakers.FEWEST_CALLS, breakers.FAILING_SHARE) == (10, 0.5)
        assert timedelta(seconds=60) == breakers.WINDOW
        assert (timedelta(seconds=30), timedelta(minutes=5)) == (breakers.FIRST_PAUSE, breakers.LONGEST_PAUSE)

    def test_the_brake_on_a_ticket(self) -> None:
        assert (20, timedelta(hours=1)) == (effect_flood.MOST, effect_flood.WITHIN)

    @pytest.mark.parametrize("kind", [kind for kind in EffectKind if kind is not EffectKind.EVENT])
    def test_what_a_customer_sees_waits_a_day_and_the_rest_three(self, kind: EffectKind) -> None:
        is_seen = kind in (EffectKind.SURVEY, EffectKind.CLOSING_NOTICE)

        assert lifetime(kind) == timedelta(hours=24 if is_seen else 72)
