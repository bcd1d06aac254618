from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from worker.domain import sla
from worker.domain.policy import Calendar, SlaPolicy

POLICIES = (
    SlaPolicy("gold-urgent", Calendar(), timedelta(minutes=5), tiers=("Gold", "platinum"), priorities=("urgent",)),
    SlaPolicy("gold", Calendar(), timedelta(minutes=10), tiers=("gold",)),
    SlaPolicy("mail", Calendar(), timedelta(hours=4), channels=("email",)),
    SlaPolicy("returns", Calendar(), timedelta(hours=2), teams=("Returns",)),
    SlaPolicy("everyone", Calendar(), timedelta(hours=8)),
)


class TestPick:
    @pytest.mark.parametrize(
        ("priority", "tier", "channel", "team", "expected"),
        [
            ("urgent", "gold", "chat", None, "gold-urgent"),
            ("urgent", "platinum", "chat", None, "gold-urgent"),
            ("low", "GOLD", "email", "returns", "gold"),  # the first that matches wins
            ("low", "platinum", "email", None, "mail"),  # every matcher must match
            ("low", None, "chat", "returns", "returns"),
            ("low", None, "chat", None, "everyone"),
        ],
    )
    def test_the_first_policy_that_matches_wins(
        self, priority: str, tier: str | None, channel: str, team: str | None, expected: str
    ) -> None:
        picked = sla.pick(POLICIES, priority=priority, tier=tier, channel=channel, team=team)

        assert picked is not None
        assert picked.name == expected

    def test_nothing_is_promised_when_none_matches(self) -> None:
        assert sla.pick(POLICIES[:4], priority="low", tier=None, channel="chat", team=None) is None


class TestPast:
    def test_nothing_is_judged_before_the_shortest_promise_is_over(self) -> None:
        """What the customer wrote so soon cannot have come after a broken promise, whatever policy fitted then."""
        begun, asked = datetime(2026, 5, 4, 9, tzinfo=UTC), []

        def fitted(at: datetime) -> SlaPolicy:
            asked.append(at)
            return POLICIES[3]

        hints = (begun + timedelta(minutes=4), begun + timedelta(minutes=5))
        past = sla.Past(fitted, hints=hints, policies=POLICIES)
        (clock,) = sla.clocks(sla.Timeline(begun, (begun,)), POLICIES[1], as_of=begun + timedelta(hours=9), past=past)

        assert asked == [begun + timedelta(minutes=5) - timedelta(microseconds=1)]
        assert (clock.policy, clock.breached_at) == ("gold", begun + timedelta(minutes=10))
