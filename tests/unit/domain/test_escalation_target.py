"""Who gets an escalated ticket, and what follows for everybody concerned."""

from dataclasses import replace
from datetime import timedelta

import pytest

from tests.builders import (
    BILLING,
    KEY,
    MAYA,
    OLEG,
    SUPPORT,
    a_message,
    a_roster,
    a_snapshot,
    an_agent,
    at,
    minutes,
)
from tests.unit.domain.deciding import events, wishes
from tests.unit.domain.escalating import ASKED, HUMAN, POLICY, escalated, run, with_rule
from worker.domain.facts import Act, Escalated, Person, Verb
from worker.domain.fold import fold
from worker.domain.outcome import is_wanted
from worker.domain.policy import AgentRule, EscalationLevel


class TestWhoGetsIt:
    def target(self, *agents, policy=POLICY, facts=ASKED, now=6, **given):
        given.setdefault(
            "roster", a_roster(*agents, refreshed_at=at(now)) if agents else a_roster(refreshed_at=at(now))
        )
        [fact] = [one for one in run(*facts, now=at(now), policy=policy, **given).facts if isinstance(one, Escalated)]
        return fact

    def test_a_senior_and_why(self):
        fact = self.target()

        assert fact.agent == OLEG
        assert [(one.agent, one.open_tickets, one.rejected) for one in fact.candidates] == [(OLEG, 5, "")]

    def test_by_address_too(self):
        oleg = replace(OLEG, email="Oleg@desk.example")
        policy = replace(POLICY, agents=(AgentRule("oleg@desk.example", senior=True),))

        assert self.target(an_agent(oleg), policy=policy).agent == oleg

    def test_as_the_roster_was_stored(self):
        assert self.target(an_agent(MAYA, senior=True), policy=replace(POLICY, agents=())).agent == MAYA

    def test_the_one_with_the_fewest_open(self):
        ada = Person("9", "Ada")
        both = replace(POLICY, agents=(AgentRule("8", senior=True), AgentRule("9", senior=True)))

        assert self.target(an_agent(OLEG, open_tickets=5), an_agent(ada, open_tickets=4), policy=both).agent == ada
        assert self.target(an_agent(OLEG, open_tickets=4), an_agent(ada, open_tickets=5), policy=both).agent == OLEG

    def test_one_of_the_tickets_team_before_any_other(self):
        ada = Person("9", "Ada")
        both = replace(POLICY, agents=(AgentRule("8", senior=True), AgentRule("9", senior=True)))
        agents = (an_agent(OLEG, open_tickets=9, team_ids=("3",)), an_agent(ada, team_ids=("2",)))

        assert self.target(*agents, policy=both).agent == OLEG
        assert self.target(*agents[1:], policy=both).agent == ada

    @pytest.mark.parametrize(
        ("given", "why"),
        [
            ({"availability": "busy"}, "busy"),
            ({"availability": "offline"}, "offline"),
            ({"open_tickets": 20}, "at capacity"),
            ({"open_tickets": 3, "capacity": 3}, "at capacity"),
            ({"role": "bot"}, "role bot"),
        ],
    )
    def test_nobody_free_leaves_it_with_whom_it_is(self, given, why):
        fact = self.target(an_agent(MAYA), an_agent(OLEG, **given))

        assert (fact.team, fact.agent) == (None, None)
        assert [one.rejected for one in fact.candidates] == [why]

    def test_the_levels_team_and_its_queue(self):
        policy = with_rule(replace(HUMAN, levels=(EscalationLevel(team="Billing"),)))

        assert self.target(policy=policy).team == BILLING
        assert self.target(policy=policy).agent == OLEG
        queued = self.target(an_agent(OLEG, team_ids=("3",)), policy=policy)
        assert (queued.team, queued.agent) == (BILLING, None)

    def test_a_team_that_does_not_exist_does_not_stop_it(self):
        policy = with_rule(replace(HUMAN, levels=(EscalationLevel(team="lawyers"),)))
        decision = run(*ASKED, now=at(6), policy=policy, roster=a_roster(refreshed_at=at(6)))

        assert decision.ticket.assignee == OLEG
        assert "there is no team 'lawyers'; Oleg" in events(decision)["ticket.escalated"].reason

    def test_no_senior_at_all_is_recorded_noted_and_noticed(self):
        roster = a_roster(refreshed_at=at(6))
        decision = run(*ASKED, now=at(6), policy=replace(POLICY, agents=()), roster=roster)
        kinds = {kind for kind, key in wishes(decision) if key.startswith("escalated")}

        assert escalated(decision) == [("human", 1)]
        assert kinds == {"private_note", "operator_notice", "set_priority", "add_labels"}
        assert decision.ticket.assignee == MAYA
        assert "no senior agent is known" in events(decision)["ticket.escalated"].reason

    def test_an_old_list_of_agents_is_not_trusted(self):
        stale = a_roster(refreshed_at=at(6) - timedelta(minutes=3, seconds=1))
        policy = with_rule(replace(HUMAN, levels=(EscalationLevel(team="billing"),)))

        assert self.target(roster=stale).agent is None
        assert self.target(roster=None).agent is None
        assert self.target(roster=stale, policy=policy).team == BILLING

    def test_a_senior_keeps_it_and_the_next_level_finds_another(self):
        ada = Person("9", "Ada")
        levels = (EscalationLevel(), EscalationLevel(minutes(60)))
        policy = with_rule(
            replace(HUMAN, levels=levels), agents=(AgentRule("8", senior=True), AgentRule("9", senior=True))
        )
        roster = a_roster(an_agent(OLEG, open_tickets=20), an_agent(ada), refreshed_at=at(6))
        told = (a_snapshot(0, assignee=OLEG), *ASKED[1:])

        first = run(*told, now=at(6), policy=policy, roster=roster)
        assert first.facts[-1].agent == OLEG
        assert first.ticket.assignee == OLEG

        roster = replace(roster, refreshed_at=at(66))
        second = run(*told, *first.facts, now=at(66), policy=policy, roster=roster, before=first.ticket)
        assert second.facts[-1].agent == ada
        assert {one.agent.name: one.rejected for one in second.facts[-1].candidates} == {
            "Oleg Brandt": "has it already",
            "Ada": "",
        }


class TestWhatFollows:
    def effects(self, *facts, **given):
        decision = run(*facts or ASKED, now=at(6), **{"roster": a_roster(refreshed_at=at(6)), **given})
        return {one.kind.value: one for one in decision.effects if one.decision.startswith("escalated")}, decision

    def test_it_is_given_away_told_and_raised(self):
        effects, decision = self.effects()

        assert sorted(effects) == ["add_labels", "assign_agent", "operator_notice", "private_note", "set_priority"]
        assert effects["assign_agent"].payload == {"agent_id": "8", "agent": "Oleg Brandt"}
        assert effects["assign_agent"].decision == "escalated:human:1"
        assert effects["set_priority"].payload == {"priority": "high"}
        assert effects["add_labels"].payload == {"labels": ["escalated"]}
        assert effects["private_note"].payload["text"] == (
            "Escalated, level 1: the customer asks for a human.\n"
            'Seen: the customer wrote "a human".\n'
            "Target: Oleg Brandt is the senior with the fewest open tickets, 5 of 20.\n"
            "Priority raised from low to high."
        )
        assert (decision.ticket.assignee, decision.ticket.assignee_by) == (OLEG, "escalation")
        assert decision.ticket.priority == "high"

    def test_the_event_says_why_and_who(self):
        _, decision = self.effects()

        event = events(decision)["ticket.escalated"]

        assert event.key == "escalated:human:1"
        assert {name: event.data[name] for name in ("reason", "rule", "level", "target")} == {
            "reason": "the customer asks for a human",
            "rule": "human",
            "level": 1,
            "target": {"team": None, "agent": {"id": "8", "name": "Oleg Brandt"}},
        }
        assert events(decision)["ticket.assigned"].reason == "Oleg Brandt, as the escalation decided"

    def test_a_priority_that_is_higher_stays(self):
        effects, decision = self.effects(a_snapshot(0, priority="urgent"), *ASKED[1:])

        assert "set_priority" not in effects
        assert decision.ticket.priority == "urgent"

    def test_assignee_target_and_lead_are_told(self):
        maya, oleg = replace(MAYA, email="maya@desk.example"), replace(OLEG, email="oleg@desk.example")
        roster = a_roster(an_agent(maya), an_agent(oleg), refreshed_at=at(6))

        effects, _ = self.effects(a_snapshot(0, assignee=MAYA), *ASKED[1:], roster=roster)

        notice = effects["operator_notice"].payload
        assert notice["to"] == ["maya@desk.example", "oleg@desk.example", "lead@desk.example"]
        assert notice["subject"] == "Escalated: hello (the customer asks for a human)"
        assert notice["text"] == effects["private_note"].payload["text"]

    def test_only_those_whom_the_rule_names(self):
        policy = with_rule(replace(HUMAN, notify=("lead", "boss@desk.example")))

        effects, _ = self.effects(policy=policy)

        assert effects["operator_notice"].payload["to"] == ["lead@desk.example", "boss@desk.example"]

    def test_a_team_comes_before_its_agent(self):
        policy = with_rule(replace(HUMAN, levels=(EscalationLevel(team="billing"),)))

        effects, decision = self.effects(policy=policy)

        kinds = [one.kind.value for one in decision.effects if one.decision == "escalated:human:1"]
        assert kinds[:2] == ["assign_team", "assign_agent"]
        assert effects["assign_team"].payload == {"team_id": "2", "team": "billing"}
        assert effects["operator_notice"].payload["to"] == ["money@desk.example"]

    def test_what_the_bot_has_is_opened_for_the_agents(self):
        effects, _ = self.effects(a_snapshot(0, "pending"), *ASKED[1:])

        assert effects["set_status"].payload == {"status": "open"}

    def test_the_team_that_routing_chose_is_still_set(self):
        told = (a_snapshot(0), a_message(0, text="My invoice! Let me talk to a human."))
        decision = run(*told, now=at(1), roster=a_roster(refreshed_at=at(1)))
        team, first, last = (one for one in decision.effects if one.kind.value.startswith("assign_"))

        wanted = [is_wanted(one.kind, one.decision, one.payload, decision.ticket) for one in (team, first, last)]

        assert [one.decision for one in (team, first, last)] == ["routed:1", "routed:1", "escalated:human:1"]
        assert wanted == [None, "superseded", None]

    def test_whom_the_new_team_takes_off_was_not_taken_off_by_hand(self):
        queued = Escalated("human", 1, at(6), HUMAN.reason, team=BILLING)
        told = (a_snapshot(0, assignee=MAYA, team=SUPPORT), *ASKED[1:], queued, a_snapshot(7, team=BILLING))

        ticket = fold(KEY, told, POLICY, as_of=at(8))

        assert (ticket.assignee, ticket.assignee_by) == (None, "escalation")
        by_hand = fold(KEY, (*told, a_snapshot(9, team=BILLING, assignee=OLEG)), POLICY, as_of=at(9))
        assert (by_hand.assignee, by_hand.assignee_by) == (OLEG, "source")

    def test_somebody_by_hand_afterwards_wins(self):
        _, decision = self.effects()
        told = (*ASKED, *decision.facts, a_snapshot(8, assignee=MAYA))

        assert fold(KEY, told, POLICY, as_of=at(9)).assignee == MAYA


class TestByHand:
    def act(self, **given):
        return Act(
            **{"id": "a1", "at": at(7), "verb": Verb.ESCALATE, "actor": "anna", "reason": "VIP on the phone", **given}
        )

    def test_a_person_escalates(self):
        decision = run(*ASKED[:2], self.act(), now=at(7), roster=a_roster(refreshed_at=at(7)))

        assert escalated(decision) == [("by_hand:a1", 1)]
        assert decision.ticket.escalations[-1].reason == "VIP on the phone"
        assert decision.ticket.assignee == OLEG

    def test_whom_they_chose_gets_it(self):
        decision = run(*ASKED[:2], self.act(agent=MAYA, team=SUPPORT), now=at(7), policy=replace(POLICY, agents=()))

        assert (decision.facts[-1].team, decision.facts[-1].agent) == (SUPPORT, MAYA)
        assert "anna chose Maya Ortiz" in events(decision)["ticket.escalated"].reason

    def test_of_the_team_they_chose_a_senior_gets_it_else_its_queue(self):
        fresh = {"roster": a_roster(refreshed_at=at(7))}

        found = run(*ASKED[:2], self.act(team=SUPPORT), now=at(7), **fresh)
        queued = run(*ASKED[:2], self.act(team=SUPPORT), now=at(7), policy=replace(POLICY, agents=()), **fresh)

        assert [(one.facts[-1].team, one.facts[-1].agent) for one in (found, queued)] == [
            (SUPPORT, OLEG),
            (SUPPORT, None),
        ]

    def test_the_same_act_is_once_and_another_is_another(self):
        first = run(*ASKED[:2], self.act(), now=at(7))

        second = run(*ASKED[:2], self.act(), self.act(id="a2"), *first.facts, now=at(8), before=first.ticket)

        assert escalated(second) == [("by_hand:a2", 1)]

    def test_not_what_was_asked_before_the_resolution(self):
        told = (*ASKED[:2], self.act(), a_snapshot(8, "resolved"), a_message(9))

        assert escalated(run(*told, now=at(10))) == []
