from dataclasses import replace
from datetime import timedelta

import pytest

from tests.builders import (
    BILLING,
    LENA,
    MAYA,
    OLEG,
    SUPPORT,
    a_message,
    a_policy,
    a_reply,
    a_snapshot,
    an_agent,
    at,
    minutes,
)
from tests.unit.domain.deciding import decided, events, wishes
from tests.unit.domain.moving import AWAY, FREE, LATE, NEW, first, fresh, then, timers
from worker.domain.facts import Act, Escalated, Person, Verb
from worker.domain.policy import ReroutePolicy, RoutingRule


class TestAway:
    def test_who_is_away_too_long_while_the_customer_waits_loses_the_ticket(self):
        before = first()

        after = then(before, LATE, AWAY, FREE)

        [routed] = after.facts
        assert (before.ticket.assignee, after.ticket.assignee) == (MAYA, OLEG)
        assert (routed.ordinal, routed.agent, routed.instead_of, routed.team) == (2, OLEG, MAYA, BILLING)
        assert routed.reason.startswith(
            "Maya Ortiz went offline at 09:02 UTC and the customer waits since 09:00 UTC; rule 'money to billing'"
        )
        assert wishes(after) == [(kind, "routed:2") for kind in ("assign_team", "assign_agent", "private_note")]
        assert [effect.payload.get("agent_id") for effect in after.effects] == [None, "8", None]
        assert after.effects[2].payload["text"].startswith("Rerouted to team billing, Oleg Brandt: Maya Ortiz went")

    def test_it_is_told_with_the_numbers_of_every_candidate(self):
        found = events(then(first(), LATE, AWAY, FREE))

        assert "ticket.routed" not in found
        assert found["ticket.rerouted"].key == "routed:2"
        assert found["ticket.rerouted"].data["instead_of"] == {"id": "7", "name": "Maya Ortiz"}
        assert [one["rejected"] for one in found["ticket.rerouted"].data["candidates"]] == ["offline", ""]
        assert found["ticket.rerouted"].data["candidates"][0]["away_since"] == "2026-06-18T09:02:00+00:00"
        assert found["ticket.assigned"].data == {"agent": "8", "was": "7", "by": "routing"}

    def test_ten_minutes_are_long_enough_and_less_is_not(self):
        policy = a_policy(reroute=ReroutePolicy(away=minutes(11)))

        assert ReroutePolicy().away == minutes(10)
        assert then(first(), LATE - 0.01, AWAY, FREE).ticket.assignee == MAYA
        assert then(first(), LATE, AWAY, FREE).ticket.assignee == OLEG
        assert then(first(), LATE, AWAY, FREE, policy=policy).ticket.assignee == MAYA

    def test_until_then_a_timer_waits(self):
        assert timers(then(first(), 5, AWAY, FREE)) == [("reroute", "away", at(LATE))]
        assert timers(then(first(), LATE, AWAY, FREE)) == []
        assert timers(then(first(), 5, an_agent(MAYA), FREE)) == []

    def test_who_is_busy_is_away_too(self):
        busy = replace(AWAY, availability="busy")

        [routed] = then(first(), LATE, busy, FREE).facts

        assert routed.reason.startswith("Maya Ortiz is busy since 09:02 UTC and")

    def test_another_day_is_named(self):
        after = then(first(), 24 * 60, replace(AWAY, away_since=at(23 * 60)), FREE)

        assert "went offline at 08:00 UTC and the customer waits since 2026-06-18 09:00 UTC" in after.facts[0].reason

    def test_an_answered_customer_waits_for_nobody(self):
        answered = (*NEW, a_reply(3))

        after = then(first(), LATE, AWAY, FREE, facts=answered)

        assert after.ticket.assignee == MAYA
        assert timers(then(first(), 5, AWAY, FREE, facts=answered)) == []

    @pytest.mark.parametrize(
        "chosen",
        [
            a_snapshot(1.5, assignee=MAYA, digest="by hand"),
            Escalated("refund", 1, at(1.5), "refund", None, MAYA),
            Act("a1", at(1.5), Verb.ASSIGN, "cli:ann", agent=MAYA),
        ],
        ids=["by hand", "escalation", "operator"],
    )
    def test_only_what_routing_gave_is_taken_away(self, chosen):
        other = decided(*NEW, now=at(1), roster=fresh(1, FREE))  # routing gave it to Oleg

        after = then(other, LATE, AWAY, FREE, more=(chosen,))

        assert after.ticket.assignee == MAYA
        assert "ticket.rerouted" not in events(after)
        assert timers(then(other, 5, AWAY, FREE, more=(chosen,))) == []

    @pytest.mark.parametrize("facts", [(a_snapshot(4, "resolved", digest="r"),), (a_snapshot(4, "pending"),)])
    def test_what_is_resolved_or_with_the_bot_stays(self, facts):
        assert then(first(), LATE, AWAY, FREE, more=facts).facts == ()

    def test_nobody_free_is_told_once_per_absence_and_nothing_moves(self):
        before = first()
        full = an_agent(OLEG, open_tickets=20)

        once, again = then(before, LATE, AWAY, full), then(before, LATE + 1, AWAY, full)
        later = then(before, 60, replace(AWAY, away_since=at(40)), full)

        assert once.facts == again.facts == ()
        assert once.ticket.assignee == MAYA
        [kept] = events(once, "ticket.not_rerouted").values()
        assert kept.key == events(again)["ticket.not_rerouted"].key == "7@2026-06-18T09:02:00+00:00"
        assert events(later)["ticket.not_rerouted"].key == "7@2026-06-18T09:40:00+00:00"
        assert kept.reason == (
            "Maya Ortiz went offline at 09:02 UTC and the customer waits since 09:00 UTC; nobody else can take it "
            "(1 at capacity, 1 offline), so it stays with Maya Ortiz"
        )
        assert wishes(once) == []

    def test_an_old_roster_decides_nothing(self):
        after = then(first(), 20, roster=fresh(16.9, AWAY, FREE))

        assert (after.facts, events(after)) == ((), {})

    def test_nobody_loses_it_twice_for_one_absence(self):
        moved = then(first(), LATE, AWAY, FREE)
        facts = (*NEW, *first().facts)
        both_away = (AWAY, replace(FREE, availability="offline", away_since=at(13)))
        third = an_agent(Person("9", "Kim"))

        again = then(moved, LATE + 1, AWAY, FREE, facts=facts)
        back = then(moved, 22, *both_away, facts=facts)
        on = then(moved, 23, *both_away, third, facts=facts)

        assert (again.facts, back.facts) == ((), ())
        assert [(one.ordinal, one.agent, one.instead_of) for one in on.facts] == [(3, third.person, OLEG)]

    def test_an_echo_of_the_first_assignment_does_not_bring_it_back(self):
        before = first()
        echo = a_snapshot(1.1, assignee=MAYA)
        heard = then(before, 2, AWAY, FREE, more=(echo,))
        facts = (*NEW, echo, *before.facts)

        moved = then(heard, LATE, AWAY, FREE, facts=facts)
        after = then(moved, LATE + 1, AWAY, FREE, facts=facts, more=(a_snapshot(12.5, assignee=MAYA, digest="late"),))

        assert moved.ticket.assignee == after.ticket.assignee == OLEG
        assert after.ticket.assignee_by == "routing"


class TestQueue:
    NOBODY = an_agent(MAYA, availability="offline", away_since=at(0))

    def test_somebody_who_comes_takes_what_waits(self):
        before = first(roster=fresh(1, self.NOBODY))

        after = then(before, 8, self.NOBODY, FREE)

        [routed] = after.facts
        assert (before.ticket.assignee, after.ticket.assignee) == (None, OLEG)
        assert (routed.ordinal, routed.instead_of) == (2, None)
        assert routed.reason.startswith("it waited in the queue of billing since 09:01 UTC; rule 'money to billing'")
        assert wishes(after) == [(kind, "routed:2") for kind in ("assign_team", "assign_agent", "private_note")]

    def test_as_long_as_nobody_comes_nothing_is_said(self):
        before = first(roster=fresh(1, self.NOBODY))

        after = then(before, 8, self.NOBODY, an_agent(OLEG, open_tickets=20))

        assert (after.facts, events(after), wishes(after)) == ((), {}, [])

    def test_the_rules_are_read_again_with_what_is_known_by_now(self):
        before = decided(NEW[0], now=at(1), roster=fresh(1, self.NOBODY))

        after = then(before, 8, self.NOBODY, FREE)

        assert (before.ticket.team, after.ticket.team) == (SUPPORT, BILLING)
        assert wishes(after)[0] == ("assign_team", "routed:2")

    def test_a_team_that_somebody_set_stays(self):
        given = (a_snapshot(0, team=SUPPORT), NEW[1])
        before = first(*given, roster=fresh(1, self.NOBODY))

        [routed] = then(before, 8, self.NOBODY, FREE, facts=given).facts

        assert (routed.team, routed.rule) == (SUPPORT, "set in the source")

    @pytest.mark.parametrize(
        ("chosen", "rule"),
        [
            (Escalated("refund", 1, at(2), "refund", SUPPORT), "set by an escalation"),
            (Act("a1", at(2), Verb.ASSIGN, "cli:ann", team=SUPPORT), "set by an operator"),
        ],
    )
    def test_a_team_of_an_escalation_or_operator_serves_its_own_queue(self, chosen, rule):
        before = first(roster=fresh(1, self.NOBODY))

        [routed] = then(before, 8, self.NOBODY, FREE, more=(chosen,)).facts

        assert (routed.team, routed.agent, routed.rule) == (SUPPORT, OLEG, rule)

    def test_who_was_taken_off_by_hand_is_not_replaced(self):
        before = first()
        off = (a_snapshot(2, assignee=MAYA), a_snapshot(3, digest="off"))

        after = then(before, 8, an_agent(MAYA), FREE, more=off)

        assert (after.ticket.assignee, after.facts) == (None, ())

    def test_skills_count_again(self):
        policy = a_policy(routing=(RoutingRule("refunds", team="billing", skills=("refunds",)),))
        before = first(roster=fresh(1, FREE), policy=policy)

        assert before.ticket.assignee is None
        assert then(before, 8, FREE, policy=policy).facts == ()
        assert then(before, 8, replace(FREE, skills=("refunds",)), policy=policy).ticket.assignee == OLEG


class TestReplay:
    def test_any_order_of_what_was_heard_and_decided_gives_the_same_holder(self):
        before = first()
        moved = then(before, LATE, AWAY, FREE)
        facts = (*NEW, *before.facts, *moved.facts, a_message(14, text="hello?"))

        tickets = {
            decided(*order, now=at(15), roster=fresh(15, FREE)).ticket.assignee
            for order in (facts, facts[::-1], (*facts[2:], *facts[:2]))
        }

        assert tickets == {OLEG}
        assert moved.ticket.requester == LENA
        assert moved.ticket.updated_at - moved.ticket.created_at == timedelta(minutes=LATE)
