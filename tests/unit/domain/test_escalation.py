"""Each rule once per reason, and levels by waiting."""

from dataclasses import replace

import pytest

from tests.builders import (
    a_message,
    a_reply,
    a_snapshot,
    an_answer,
    at,
    minutes,
)
from tests.unit.domain.deciding import events, wishes
from tests.unit.domain.escalating import ASKED, HUMAN, POLICY, escalated, run, timers, with_rule
from worker.domain.facts import Author, Escalated
from worker.domain.policy import EscalationLevel, EscalationRule
from worker.domain.ticket import Timer


class TestWhatARuleSees:
    @pytest.mark.parametrize(
        ("rule", "facts"),
        [
            ({"words": ("a human",)}, ASKED),
            ({"categories": ("billing",)}, (a_snapshot(0), a_message(0, text="my invoice"))),
            ({"labels": ("VIP",)}, (a_snapshot(0, labels=("vip",)), a_message(0))),
            ({"tiers": ("gold",)}, (a_snapshot(0, tier="gold"), a_message(0))),
            ({"min_messages": 3}, (a_snapshot(0), a_message(0), a_message(1), a_message(2))),
            ({"breached": ("first_response",)}, (a_snapshot(-60, created_at=at(-60)), a_message(-60))),
            ({"words": ("a human",), "tiers": ("gold",)}, (*ASKED, a_snapshot(6, tier="gold"))),
        ],
        ids=lambda value: ",".join(value) if isinstance(value, dict) else "",
    )
    def test_it_fires(self, rule, facts):
        decision = run(*facts, now=at(10), policy=with_rule(EscalationRule("x", "because", **rule)))

        assert escalated(decision) == [("x", 1)]

    @pytest.mark.parametrize(
        ("rule", "facts"),
        [
            ({"words": ("a human",)}, (a_snapshot(0, text="a human"),)),
            ({"words": ("a human",)}, (a_snapshot(0), a_message(0), a_message(1, text="a human", auto_reply=True))),
            ({"words": ("a human",)}, (a_snapshot(0), a_message(0), a_reply(1, text="a human will answer"))),
            ({"words": ("a human",)}, (a_snapshot(0), a_message(0), a_message(1, text="a human", private=True))),
            ({"words": ("a human",)}, (a_snapshot(0), a_message(0, text="inhumane"))),
            ({"min_messages": 3}, (a_snapshot(0), a_message(0), a_message(1), a_reply(2))),
            ({"breached": ("resolution",)}, (a_snapshot(-60, created_at=at(-60)), a_message(-60))),
            ({"words": ("a human",), "tiers": ("gold",)}, ASKED),
            ({"words": ("a human",)}, (*ASKED, a_snapshot(6, "resolved"))),
        ],
        ids=["quoted by a snapshot", "automatic", "of an agent", "private", "part of a word", "a reply is no message",
             "another clock", "one condition of two", "resolved"],
    )  # fmt: skip
    def test_it_does_not(self, rule, facts):
        decision = run(*facts, now=at(10), policy=with_rule(EscalationRule("x", "because", **rule)))

        assert escalated(decision) == []

    def test_messages_are_counted_since_the_ticket_was_opened_again(self):
        rule = EscalationRule("three", "three", min_messages=3)
        told = (a_snapshot(0), a_message(0), a_message(1), a_snapshot(2, "resolved"), a_message(3), a_message(4))

        assert escalated(run(*told, now=at(10), policy=with_rule(rule))) == []
        assert escalated(run(*told, a_message(5), now=at(10), policy=with_rule(rule))) == [("three", 1)]

    def test_words_from_before_the_reopening_are_over(self):
        told = (*ASKED, a_snapshot(6, "resolved"), a_message(8, text="one more thing"))

        assert escalated(run(*told, now=at(10))) == []

    def test_messages_from_before_hookdesk_joined_are_over(self):
        assert escalated(run(*ASKED, now=at(10), policy=replace(POLICY, clocks_from=at(6)))) == []
        assert escalated(run(*ASKED, now=at(10), policy=replace(POLICY, clocks_from=at(5)))) == [("human", 1)]

    def test_the_words_of_a_mails_subject_count(self):
        told = (a_snapshot(0), a_message(0, subject="A human, please"))

        assert escalated(run(*told, now=at(1))) == [("human", 1)]

    def test_a_low_answer_escalates_a_resolved_ticket_without_moving_it(self):
        rule = EscalationRule("unhappy", "a low score", max_rating=2)
        told = (a_snapshot(0), a_message(0), a_reply(1), a_snapshot(2, "resolved"))

        decision = run(*told, an_answer(20, 2), now=at(21), policy=with_rule(rule))

        assert escalated(decision) == [("unhappy", 1)]
        assert [one.agent for one in decision.facts if isinstance(one, Escalated)] == [None]
        assert "assign_agent" not in {kind for kind, key in wishes(decision) if key.startswith("escalated")}
        assert escalated(run(*told, an_answer(20, 3), now=at(21), policy=with_rule(rule))) == []


class TestOnce:
    def test_the_same_facts_again(self):
        first = run(*ASKED, now=at(6))

        again = run(*ASKED, *first.facts, now=at(7), before=first.ticket)

        assert escalated(first) == [("human", 1)]
        assert (escalated(again), again.effects, again.events) == ([], (), ())

    def test_the_reason_given_again(self):
        first = run(*ASKED, now=at(6))

        more = a_message(8, text="I said a human!")
        again = run(*ASKED, more, *first.facts, now=at(9), before=first.ticket)

        assert escalated(again) == []

    def test_after_a_reopening(self):
        first = run(*ASKED, now=at(6))
        told = (*ASKED, *first.facts, a_snapshot(20, "resolved"), a_message(30, text="a human again"))

        assert escalated(run(*told, now=at(31), before=first.ticket)) == []

    def test_two_rules_of_one_reason_count_as_one(self):
        other = EscalationRule("person", HUMAN.reason, words=("hello",))

        assert escalated(run(*ASKED, now=at(6), policy=with_rule(HUMAN, other))) == [("human", 1)]

    def test_two_reasons_are_two(self):
        other = EscalationRule("legal", "legal", words=("hello",))

        decision = run(*ASKED, now=at(6), policy=with_rule(HUMAN, other))

        assert escalated(decision) == [("human", 1), ("legal", 1)]
        assert decision.ticket.escalations[-1].reason == "legal"
        assert [key for kind, key in wishes(decision) if kind == "add_labels"] == ["escalated", "escalated"]


class TestLevels:
    policy = with_rule(replace(HUMAN, levels=(EscalationLevel(), EscalationLevel(minutes(60)))))

    def first(self):
        return run(*ASKED, now=at(6), policy=self.policy)

    def later(self, *facts, now):
        first = self.first()
        return run(*ASKED, *first.facts, *facts, now=now, policy=self.policy, before=first.ticket)

    def test_the_next_one_waits(self):
        assert timers(self.first()) == [Timer("escalation", "human:2", at(66))]
        assert escalated(self.later(now=at(65.9))) == []

    def test_it_comes_when_nobody_has_answered(self):
        decision = self.later(now=at(66))

        assert escalated(decision) == [("human", 2)]
        assert "nobody has answered since level 1" in events(decision)["ticket.escalated"].reason
        assert timers(decision) == []
        assert decision.ticket.escalations[-1].level == 2

    @pytest.mark.parametrize(
        "fact",
        [a_reply(30), a_snapshot(30, "resolved"), a_snapshot(30, first_reply_at=at(20))],
        ids=["a reply", "resolved", "the source tells of a reply"],
    )
    def test_not_after_an_answer(self, fact):
        decision = self.later(fact, now=at(66))

        assert escalated(decision) == []
        assert timers(decision) == []

    @pytest.mark.parametrize(
        "fact",
        [a_message(30), a_reply(30, private=True), a_reply(30, author=Author.BOT), a_reply(30, auto_reply=True)],
        ids=["the customer", "a private note", "a bot", "an automatic reply"],
    )
    def test_what_is_no_answer(self, fact):
        assert escalated(self.later(fact, now=at(66))) == [("human", 2)]

    def test_a_first_level_may_wait_too(self):
        policy = with_rule(replace(HUMAN, levels=(EscalationLevel(minutes(10)),)))
        early = run(*ASKED, now=at(6), policy=policy)

        assert (escalated(early), timers(early)) == ([], [Timer("escalation", "human:1", at(15))])
        assert escalated(run(*ASKED, now=at(15), policy=policy)) == [("human", 1)]

    def test_after_an_outage_one_level_at_a_time(self):
        levels = (EscalationLevel(), EscalationLevel(minutes(60)), EscalationLevel(minutes(60)))
        policy = with_rule(replace(HUMAN, levels=levels))
        first = run(*ASKED, now=at(6), policy=policy)

        late = run(*ASKED, *first.facts, now=at(600), policy=policy, before=first.ticket)

        assert escalated(late) == [("human", 2)]
        assert timers(late) == [Timer("escalation", "human:3", at(660))]

    def test_a_breach_that_was_none_goes_no_further(self):
        late = EscalationRule("late", "late", breached=("first_response",), levels=self.policy.escalation[0].levels)
        told = (a_snapshot(0), a_message(0))
        first = run(*told, now=at(60), policy=with_rule(late))
        assert escalated(first) == [("late", 1)]

        withdrawn = run(*told, *first.facts, a_reply(59), now=at(120), policy=with_rule(late), before=first.ticket)

        assert escalated(withdrawn) == []


class TestLateBreaches:
    """Heard of long after, as after an outage: they come in crowds."""

    rule = EscalationRule("late", "late", breached=("first_response",))

    @pytest.mark.parametrize(("now", "is_late"), [(65, False), (65.1, True)])
    def test_beyond_five_minutes_the_team_is_told_of_all_of_them_at_once(self, now, is_late):
        decision = run(a_snapshot(0), a_message(0), now=at(now), policy=with_rule(self.rule))

        assert escalated(decision) == [("late", 1)]
        mine = {
            effect.kind.value: effect.payload for effect in decision.effects if effect.decision == "escalated:late:1"
        }
        assert ("private_note" not in mine, mine["operator_notice"]["late"]) == (is_late, is_late)

    def test_what_the_customer_wrote_is_never_late(self):
        decision = run(*ASKED, now=at(600), policy=with_rule(HUMAN))

        mine = {one.kind.value: one.payload for one in decision.effects if one.decision == "escalated:human:1"}
        assert mine["operator_notice"]["late"] is False
        assert "private_note" in mine
