"""A promise is judged by the policy that fitted when it was kept; a running clock by the one that fits now."""

from dataclasses import replace
from datetime import timedelta

import pytest

from tests.builders import BILLING, a_message, a_policy, a_reply, a_snapshot, an_sla, at, minutes
from tests.unit.domain.deciding import NEW, decided, events
from worker.domain.facts import Escalated, Matched, Person
from worker.domain.policy import ScoreRule

FIRST = decided(*NEW, now=at(1))
KNOWN = (*NEW, *FIRST.facts)


def later(*facts, now, before=FIRST, **given):
    return decided(*KNOWN, *facts, before=before.ticket, now=at(now), **given)


def clock(decision, key="first_response:1"):
    return next(each for each in decision.ticket.clocks if each.key == key)


class TestWhoGetsWhich:
    policy = a_policy(
        sla=(
            an_sla(name="gold", tiers=("gold",)),
            an_sla(name="money", teams=("billing",)),
            an_sla(name="mail", channels=("email",)),
            an_sla(name="pressing", priorities=("urgent",)),
            an_sla(name="everyone"),
        ),
        score_rules=(),
        routing=(),
    )

    @pytest.mark.parametrize(
        ("shown", "name"),
        [
            ({"tier": "Gold", "team": BILLING, "priority": "urgent"}, "gold"),
            ({"team": BILLING, "channel": "email"}, "money"),
            ({"channel": "email", "priority": "urgent"}, "mail"),
            ({"priority": "urgent"}, "pressing"),
            ({}, "everyone"),
        ],
    )
    def test_it_goes_by_tier_team_channel_and_priority(self, shown, name):
        decision = decided(a_snapshot(0, **shown), a_message(0), now=at(1), policy=self.policy)

        assert {each.policy for each in decision.ticket.clocks} == {name}

    def test_a_tier_that_we_know_counts_like_one_that_is_shown(self):
        contact = Matched(1, at(0), organization="ACME", tier="gold")

        decision = decided(a_snapshot(0), a_message(0), now=at(1), policy=self.policy, contact=contact)

        assert {each.policy for each in decision.ticket.clocks} == {"gold"}


class TestPriority:
    policy = a_policy(
        sla=(an_sla(name="fast", priorities=("high", "urgent"), first_response=minutes(10)), an_sla()),
        score_rules=(),
    )

    def test_a_running_clock_is_counted_anew_when_an_escalation_raises_it(self):
        facts = (*KNOWN, Escalated("refund", 1, at(5), "it is about money", priority="high"))
        decision = decided(*facts, before=FIRST.ticket, now=at(6), policy=self.policy)

        assert (clock(decision).policy, clock(decision).deadline_at) == ("fast", at(10))
        retargeted = next(event for event in decision.events if event.name == "sla.retargeted")
        assert retargeted.reason.endswith("(policy 'fast'); before it was 1 h (policy 'standard')")
        assert clock(decision).policy_hash != clock(FIRST).policy_hash

    def test_a_kept_promise_is_not_broken_by_what_comes_later(self):
        facts = (*KNOWN, a_reply(20), a_snapshot(30, priority="urgent"))
        decision = decided(*facts, before=FIRST.ticket, now=at(31), policy=self.policy)

        assert (clock(decision).policy, clock(decision).breached_at) == ("standard", None)
        assert clock(decision, "resolution:1").policy == "fast"

    def test_waiting_counts_up_to_the_answer_and_not_beyond(self):
        """Twenty minutes of waiting made it urgent; that the answer ended the wait does not take the breach back."""
        waits = ScoreRule("waits", 60, min_waiting=minutes(5))
        decision = later(a_reply(20), now=21, policy=replace(self.policy, score_rules=(waits,)))

        assert decision.ticket.priority == "low"
        assert (clock(decision).policy, clock(decision).breached_at) == ("fast", at(10))

    def test_a_team_of_today_did_not_promise_yesterday(self):
        policy = a_policy(sla=(an_sla(name="money", teams=("billing",), first_response=minutes(10)), an_sla()))
        support = Person("3", "support")
        facts = (a_snapshot(0, team=support), *KNOWN[1:2], a_reply(20), a_snapshot(30, team=Person("2", "billing")))

        decision = decided(*facts, now=at(31), policy=policy)

        assert decision.ticket.team.name == "billing"
        assert (clock(decision).policy, clock(decision).breached_at) == ("standard", None)


class TestChangedFile:
    shorter = a_policy(sla=(an_sla(first_response=minutes(10), resolution=minutes(30)),))

    def test_what_was_met_stays_as_it_was_judged_and_what_runs_is_counted_anew(self):
        met = later(a_reply(20), now=21)

        decision = decided(*KNOWN, a_reply(20), before=met.ticket, now=at(22), policy=self.shorter)

        assert clock(decision) == clock(met)
        assert clock(decision, "resolution:1").target_seconds == timedelta(minutes=30).total_seconds()
        assert "sla.breached" not in events(decision)

    def test_what_is_heard_of_the_met_one_is_judged_by_the_new_file(self):
        met = later(a_reply(20), now=21)

        decision = decided(*KNOWN, a_reply(20), a_reply(15), before=met.ticket, now=at(22), policy=self.shorter)

        assert (clock(decision).met_at, clock(decision).breached_at) == (at(15), at(10))


class TestBroken:
    """An escalation that a breach leads to raises the priority; the breach stays where it was."""

    policy = a_policy(
        sla=(an_sla(name="fast", priorities=("high", "urgent"), first_response=minutes(10)), an_sla()),
        score_rules=(),
    )
    raised = Escalated("promise broken", 1, at(60), "the promise was broken", priority="high")

    @pytest.mark.parametrize("more", [(), (a_reply(70),)])
    def test_it_does_not_move_when_the_priority_is_raised_later(self, more):
        decision = later(self.raised, *more, now=80, policy=self.policy)

        assert (clock(decision).policy, clock(decision).breached_at) == ("standard", at(60))
        assert clock(decision, "resolution:1").policy == "fast"

    def test_nor_is_it_mended_when_the_priority_falls(self):
        shown = (a_snapshot(1, priority="urgent"), a_snapshot(30, priority="low"))

        decision = later(*shown, now=40, policy=self.policy)

        assert (clock(decision).policy, clock(decision).breached_at) == ("fast", at(10))

    def test_what_was_not_yet_due_is_counted_anew(self):
        decision = later(replace(self.raised, at=at(59)), now=60, policy=self.policy)

        assert (clock(decision).policy, clock(decision).breached_at) == ("fast", at(10))

    def test_words_that_come_later_do_not_move_it_either(self):
        policy = replace(self.policy, score_rules=(ScoreRule("urgent words", 75, words=("urgent",)),))

        decision = later(a_message(70, text="this is urgent"), now=71, policy=policy)

        assert decision.ticket.priority == "urgent"
        assert (clock(decision).policy, clock(decision).breached_at) == ("standard", at(60))

    def test_what_was_resolved_in_time_is_not_broken_by_a_priority_set_meanwhile(self):
        policy = replace(
            self.policy, sla=(an_sla(name="fast", priorities=("urgent",), resolution=minutes(5)), an_sla())
        )
        shown = (a_snapshot(20, "resolved"), a_snapshot(30, "resolved", priority="urgent"),
                 a_snapshot(40, "resolved", priority="low"), a_snapshot(50, priority="low"))  # fmt: skip

        decision = later(*shown, now=60, policy=policy)

        assert clock(decision, "resolution:1").breached_at is None
        assert clock(decision, "resolution:1").policy == "standard"
