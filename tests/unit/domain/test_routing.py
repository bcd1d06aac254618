import pytest

from tests.builders import (
    BILLING,
    KEY,
    MAYA,
    OLEG,
    SUPPORT,
    T0,
    a_message,
    a_policy,
    a_roster,
    a_snapshot,
    an_agent,
    at,
    minutes,
)
from worker.domain.facts import Person
from worker.domain.fold import fold
from worker.domain.policy import RoutingRule
from worker.domain.routing import Roster, needs_routing, route

POLICY = a_policy()
NOW = at(1)


def a_ticket(*facts, policy=POLICY):
    return fold(KEY, facts or (a_snapshot(0), a_message(0)), policy, as_of=at(1))


def routed(roster, *facts, policy=POLICY, now=NOW):
    return route(a_ticket(*facts, policy=policy), roster, policy, now=now)


class TestTeam:
    def test_the_first_rule_that_matches_chooses_it(self):
        decision = routed(a_roster(), a_snapshot(0), a_message(0, text="my invoice"))

        assert (decision.rule, decision.team) == ("money to billing", BILLING)
        assert "category billing" in decision.reason

    def test_a_rule_may_name_it_by_id(self):
        policy = a_policy(routing=(RoutingRule("by id", team="3"),))

        assert routed(a_roster(), policy=policy).team == SUPPORT

    def test_one_the_roster_does_not_know_keeps_its_name(self):
        policy = a_policy(routing=(RoutingRule("gone", team="pirates"),))
        decision = routed(a_roster(), policy=policy)

        assert (decision.team, decision.agent) == (Person(None, "pirates"), None)
        assert decision.reason.endswith("→ team pirates; Chatwoot has no team of that name")

    def test_one_set_in_the_source_stays(self):
        decision = routed(a_roster(), a_snapshot(0, team=BILLING), a_message(0, text="parcel"))

        assert (decision.team, decision.rule) == (BILLING, "set in the source")

    def test_no_rule_no_team_no_agent(self):
        decision = routed(a_roster(), policy=a_policy(routing=()))

        assert (decision.team, decision.agent, decision.reason) == (None, None, "no routing rule matched")

    @pytest.mark.parametrize(
        ("rule", "matches"),
        [
            (RoutingRule("r", labels=("vip",)), True),
            (RoutingRule("r", labels=("other",)), False),
            (RoutingRule("r", words=("lost parcel",)), True),
            (RoutingRule("r", words=("invoice",)), False),
            (RoutingRule("r", tiers=("gold",), channels=("web_widget",)), True),
            (RoutingRule("r", tiers=("gold",), channels=("email",)), False),
            (RoutingRule("r", priorities=("urgent",)), False),
        ],
    )
    def test_every_matcher_of_a_rule_must_hold(self, rule, matches):
        facts = (a_snapshot(0, labels=("vip",), tier="gold"), a_message(0, text="I lost parcel 4: lost parcel!"))
        decision = routed(a_roster(), *facts, policy=a_policy(routing=(rule,)))

        assert (decision.rule == "r") is matches


class TestAgent:
    def test_fewest_open_tickets(self):
        decision = routed(a_roster(an_agent(OLEG, open_tickets=1), an_agent(MAYA, open_tickets=2)))

        assert decision.agent == OLEG
        assert "Oleg Brandt has the fewest open tickets of 2 who are free, 1 of 20" in decision.reason

    def test_longest_idle_breaks_the_tie_and_never_assigned_is_longest(self):
        idle = [an_agent(MAYA, idle_since=at(-10)), an_agent(OLEG, idle_since=at(-60))]
        fresh = an_agent(Person("9", "New"))

        assert routed(a_roster(*idle)).agent == OLEG
        assert (
            "as few open tickets as any of 2 who are free, 0 of 20, and waits longest" in routed(a_roster(*idle)).reason
        )
        assert routed(a_roster(*idle, fresh)).agent == fresh.person

    def test_then_the_lower_id_as_a_number(self):
        assert routed(a_roster(an_agent(Person("10", "Ten")), an_agent(Person("9", "Nine")))).agent == Person(
            "9", "Nine"
        )

    @pytest.mark.parametrize(
        ("given", "why"),
        [
            ({"role": "supervisor"}, "role supervisor"),
            ({"availability": "busy"}, "busy"),
            ({"availability": "offline"}, "offline"),
            ({"open_tickets": 20}, "at capacity"),
            ({"open_tickets": 3, "capacity": 3}, "at capacity"),
            ({"capacity": 0}, "at capacity"),
        ],
    )
    def test_who_cannot_take_it_is_kept_with_the_reason(self, given, why):
        decision = routed(a_roster(an_agent(MAYA, **given)))

        assert decision.agent is None
        assert [candidate.rejected for candidate in decision.candidates] == [why]
        assert f"nobody is free (1 {why}), so it waits in the queue of support" in decision.reason
        assert decision.team == SUPPORT

    def test_the_default_capacity_is_twenty(self):
        assert routed(a_roster(an_agent(MAYA, open_tickets=19))).agent == MAYA
        assert routed(a_roster(an_agent(MAYA, open_tickets=20))).candidates[0].capacity == 20
        assert routed(a_roster(an_agent(MAYA, open_tickets=20)), policy=a_policy(default_capacity=21)).agent == MAYA

    def test_only_members_of_the_team_are_candidates(self):
        decision = routed(a_roster(an_agent(MAYA, team_ids=("2",)), an_agent(OLEG, team_ids=("3",), open_tickets=9)))

        assert [candidate.agent for candidate in decision.candidates] == [OLEG]
        assert decision.agent == OLEG

    def test_a_rule_without_team_means_anybody(self):
        policy = a_policy(routing=(RoutingRule("anybody"),))

        assert routed(a_roster(an_agent(MAYA, team_ids=())), policy=policy).agent == MAYA


class TestSkills:
    POLICY = a_policy(routing=(RoutingRule("refunds", team="support", skills=("Refunds", "german")),))

    def test_whoever_lacks_one_is_kept_with_what_they_lack(self):
        agents = (
            an_agent(Person("1", "A"), skills=("refunds", "German")),
            an_agent(Person("2", "B"), skills=("refunds",)),
            an_agent(Person("3", "C"), availability="offline"),
            an_agent(Person("4", "D"), role="supervisor"),
            an_agent(Person("5", "E"), skills=("REFUNDS", "german", "tax"), open_tickets=9),
        )
        decision = routed(a_roster(*agents), policy=self.POLICY)

        assert [one.rejected for one in decision.candidates] == [
            "",
            "lacks skill german",
            "lacks skill Refunds, german",
            "role supervisor",
            "",
        ]
        assert decision.agent == Person("1", "A")
        assert decision.candidates[4].skills == ("REFUNDS", "german", "tax")
        why = "→ team support, by somebody who has the skill Refunds and german; A has the fewest open tickets of 2"
        assert why in decision.reason

    def test_nobody_with_them_means_the_queue(self):
        decision = routed(a_roster(an_agent(MAYA), an_agent(OLEG)), policy=self.POLICY)

        assert (decision.agent, decision.team) == (None, SUPPORT)
        assert "nobody is free (2 lack skill Refunds, german), so it waits in the queue of support" in decision.reason

    def test_a_rule_without_skills_asks_for_none(self):
        assert routed(a_roster(an_agent(MAYA))).agent == MAYA

    def test_a_team_that_somebody_set_brings_no_rule_and_no_skills(self):
        decision = routed(a_roster(an_agent(MAYA)), a_snapshot(0, team=BILLING), a_message(0), policy=self.POLICY)

        assert decision.agent == MAYA


class TestRoster:
    @pytest.mark.parametrize(
        ("roster", "why"),
        [
            (None, "Chatwoot has not told us yet who works there"),
            (Roster(), "Chatwoot has not told us yet who works there"),
            (a_roster(refreshed_at=T0 - minutes(3)), "the list of agents is 240 s old, too old to go by"),
        ],
    )
    def test_old_or_absent_means_the_teams_queue(self, roster, why):
        decision = routed(roster, now=at(1))

        assert decision.agent is None
        assert decision.team is not None
        assert decision.team.name == "support"
        assert decision.reason.endswith(f"; {why}, so it waits in the queue of support")

    def test_three_minutes_are_not_too_old(self):
        assert routed(a_roster(refreshed_at=at(-2)), now=at(1)).agent == MAYA
        assert routed(a_roster(refreshed_at=at(-2)), now=at(1.01)).agent is None

    def test_the_policy_may_trust_it_longer(self):
        policy = a_policy(roster_max_age=minutes(5))

        assert routed(a_roster(refreshed_at=at(-4)), now=at(1), policy=policy).agent == MAYA

    def test_a_ticket_that_moves_is_taken_off_the_other(self):
        roster = a_roster(an_agent(MAYA, open_tickets=2), an_agent(OLEG, open_tickets=5))

        after = roster.with_assigned("7", at(1), instead_of="8")
        kept = roster.with_assigned("7", at(1), instead_of="7")

        assert [(one.open_tickets, one.idle_since) for one in after.agents] == [(3, at(1)), (4, None)]
        assert [one.open_tickets for one in kept.agents] == [2, 5]

    def test_assignments_of_a_batch_are_spread(self):
        roster = a_roster(an_agent(MAYA, open_tickets=0), an_agent(OLEG, open_tickets=0))
        chosen = []
        for _ in range(4):
            agent = routed(roster).agent
            chosen.append(agent)
            roster = roster.with_assigned(agent.id, at(1))

        assert [agent.name for agent in chosen] == ["Maya Ortiz", "Oleg Brandt", "Maya Ortiz", "Oleg Brandt"]
        assert sum(agent.open_tickets for agent in roster.agents) == 4


class TestNeedsRouting:
    @pytest.mark.parametrize(
        ("facts", "needed"),
        [
            ((a_snapshot(0),), True),
            ((a_snapshot(0, assignee=MAYA),), False),
            ((a_snapshot(0, "pending"),), False),
            ((a_snapshot(0, "resolved"),), False),
            ((a_snapshot(0, "snoozed"),), True),
            ((a_snapshot(0), a_message(1, auto_reply=True)), False),
            ((a_message(0),), True),
        ],
    )
    def test_open_unassigned_human_and_undecided(self, facts, needed):
        assert needs_routing(a_ticket(*facts)) is needed

    def test_not_twice(self):
        decision = routed(None)

        assert not needs_routing(a_ticket(a_snapshot(0), decision))
