"""Who wrote across whom: what a person chose and what we chose, told and heard of in the wrong order, is put right."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from tests.builders import BILLING, KEY, MAYA, OLEG, SUPPORT, a_message, a_roster, a_snapshot, an_agent, at
from tests.unit.domain.deciding import decided
from tests.unit.domain.test_echo import POLICY, an_act, folded
from worker.domain.effects import Effect
from worker.domain.facts import Escalated, Fact, Person, Routed, Verb
from worker.domain.fold import fold
from worker.domain.outcome import is_wanted
from worker.domain.ticket import Decision, Ticket

MESSAGE = a_message(0)
ROUTED = Routed(1, at(2), "rule", BILLING, MAYA, "because")
NEW = (a_snapshot(0), MESSAGE, ROUTED)
TO_PUT_RIGHT = "kept:"


def decide(minute: float, *facts: Fact, before: Ticket | None, availability: str = "online") -> Decision:
    agents = [an_agent(who, availability=availability) for who in (MAYA, OLEG)]
    roster = a_roster(*agents, refreshed_at=at(minute))
    done: Decision = decided(*facts, now=at(minute), before=before, roster=roster, policy=POLICY)
    return done


def put_right(decision: Decision) -> list[tuple[str, Any]]:
    """What is written, and still wanted, to put something right: the kind and its value."""
    found = [one for one in decision.effects if one.decision.startswith(TO_PUT_RIGHT)]
    assert all(is_wanted(one.kind, one.decision, one.payload, decision.ticket) is None for one in found)
    return [(one.kind.value, value_of(one)) for one in found]


def value_of(effect: Effect) -> Any:
    return next(effect.payload[name] for name in ("team_id", "agent_id", "priority") if name in effect.payload)


class TestPickedByHand:
    PICKED = a_snapshot(1.9, assignee=OLEG)

    def test_before_we_chose_and_heard_of_in_time_calls_our_choice_off(self) -> None:
        ticket = decide(3, *NEW, self.PICKED, before=folded(*NEW)).ticket

        assert (ticket.assignee, ticket.assignee_by, ticket.team) == (OLEG, "source", None)
        for kind, payload in (("assign_team", {"team_id": "2"}), ("assign_agent", {"agent_id": "7"})):
            assert is_wanted(kind, "routed:1", payload, ticket) == "assigned_by_hand"

    def test_and_taken_off_by_the_team_that_we_were_just_writing_is_put_back(self) -> None:
        known = (*NEW, self.PICKED)
        dropped = decide(3, *known, a_snapshot(2.1, team=BILLING), before=folded(*known))

        assert (dropped.ticket.assignee, dropped.ticket.team) == (OLEG, BILLING)
        assert put_right(dropped) == [("assign_agent", "8")]

        back = (a_snapshot(2.1, team=BILLING), a_snapshot(3.1, team=BILLING, assignee=OLEG))
        assert put_right(decide(4, *known, *back, before=dropped.ticket)) == []

    def test_and_taken_off_by_hand_is_not(self) -> None:
        known = (*NEW, self.PICKED)
        dropped = decide(3, *known, a_snapshot(2.1), before=folded(*known))

        assert (dropped.ticket.assignee, dropped.ticket.assignee_by) == (None, "source")
        assert put_right(dropped) == []

    @pytest.mark.parametrize("our_team_has_shown", [False, True])
    def test_and_taken_off_a_day_later_by_a_team_set_by_hand_is_not(self, our_team_has_shown: bool) -> None:
        shown = (a_snapshot(2.1, team=BILLING), a_snapshot(2.2, team=BILLING, assignee=MAYA))
        known = (*NEW, *(shown if our_team_has_shown else ()), a_snapshot(3, team=SUPPORT, assignee=OLEG))
        dropped = decide(1443, *known, a_snapshot(1442, team=BILLING), before=folded(*known))

        assert (dropped.ticket.assignee, dropped.ticket.assignee_by) == (None, "source")
        assert put_right(dropped) == []

    def test_and_taken_off_by_hand_when_the_team_has_a_new_name_is_not(self) -> None:
        held = (*NEW, a_snapshot(2.1, team=BILLING), a_snapshot(2.2, team=BILLING, assignee=MAYA))
        renamed = Person(BILLING.id, "Money")

        after = folded(*held, a_snapshot(9, team=renamed))

        assert (after.assignee, after.assignee_by, after.team) == (None, "source", renamed)

    def test_long_after_our_choice_was_called_off_is_theirs_also_if_it_is_the_same_agent(self) -> None:
        after = folded(*NEW, a_snapshot(2.1, assignee=OLEG), a_snapshot(1442, assignee=MAYA))

        assert (after.assignee, after.assignee_by) == (MAYA, "source")

    def test_and_heard_of_days_later_is_left_as_it_is(self) -> None:
        known = (*NEW, self.PICKED, a_snapshot(2.1, team=BILLING))

        assert put_right(decide(1440, *known, before=folded(*known))) == [("assign_agent", "8")]
        assert put_right(decide(1443, *known, before=folded(*known))) == []

    def test_but_let_go_before_we_chose_lets_our_choice_stand_after_all(self) -> None:
        known = (*NEW, self.PICKED)
        over = decide(3, *known, a_snapshot(1.95), before=folded(*known))

        assert (over.ticket.assignee, over.ticket.assignee_by, over.ticket.team) == (MAYA, "routing", BILLING)
        assert put_right(over) == [("assign_team", "2"), ("assign_agent", "7")]

    def test_from_a_queue_of_ours_stays_too(self) -> None:
        queued = (a_snapshot(0), MESSAGE, Routed(1, at(2), "rule", BILLING, None, "because"), self.PICKED)

        ticket = folded(*queued)

        assert (ticket.assignee, ticket.assignee_by, ticket.team) == (OLEG, "source", None)

    def test_after_an_operators_choice_and_given_up_before_its_late_write_has_it_again(self) -> None:
        moved = an_act(2.1, Verb.ASSIGN, agent=OLEG)
        given_up = a_snapshot(2.3)  # after Maya, whom routing chose, had shown
        late = (a_snapshot(2.05, assignee=MAYA), given_up, a_snapshot(2.4, assignee=OLEG))

        assert folded(*NEW, moved, *late).assignee == OLEG


class TestAClockThatIsAhead:
    @pytest.mark.parametrize("minute", [6, 6.5])
    def test_of_the_source_lets_what_we_decide_after_an_act_come_after_it(self, minute: float) -> None:
        """An act follows all that is known of the ticket, so for a while its time may be after ours."""
        moved = an_act(minute, Verb.ASSIGN, team=SUPPORT)
        decision = decide(6, *NEW, moved, before=folded(*NEW))

        [routed] = decision.facts
        assert decision.ticket.assignee == routed.agent
        again = decide(6.1, *NEW, moved, routed, before=decision.ticket)
        assert (again.facts, again.ticket.assignee) == ((), routed.agent)


class TestAQueue:
    def test_of_a_team_frees_the_ticket_in_the_source_as_well(self) -> None:
        moved = an_act(5, Verb.ASSIGN, team=SUPPORT)
        held = (*NEW, a_snapshot(2.1, team=BILLING), a_snapshot(2.2, team=BILLING, assignee=MAYA))
        decision = decide(6, *held, moved, before=folded(*held), availability="offline")

        asked = [(one.kind.value, value_of(one)) for one in decision.effects if one.decision == moved.key]
        assert asked == [("assign_agent", None), ("assign_team", "3")]
        assert all(
            is_wanted(kind, moved.key, {f"{kind[7:]}_id": value}, decision.ticket) is None for kind, value in asked
        )

        shown = (a_snapshot(6.1, team=BILLING), a_snapshot(6.2, team=SUPPORT))
        after = folded(*held, moved, *shown)
        assert (after.assignee, after.assignee_by, after.team) == (None, "", SUPPORT)

    def test_that_the_source_empties_by_itself_is_its_own_choice(self) -> None:
        moved = an_act(5, Verb.ASSIGN, team=SUPPORT)
        picked = a_snapshot(5.1, team=SUPPORT, assignee=OLEG)

        after = folded(*NEW, moved, picked)

        assert (after.assignee, after.assignee_by, after.team) == (OLEG, "source", SUPPORT)

    def test_of_an_escalation_leaves_it_to_the_source(self) -> None:
        decision = decide(6, *NEW, an_act(5, Verb.ESCALATE, team=SUPPORT, reason="x"), before=folded(*NEW))

        asked = [one.kind.value for one in decision.effects if one.decision.startswith("escalated:")]
        assert asked[0] == "assign_team"
        assert "assign_agent" not in asked


class TestTheSameAgentInAnotherTeam:
    def test_is_written_again_after_the_team(self) -> None:
        held = (*NEW, a_snapshot(2.1, team=BILLING), a_snapshot(2.2, team=BILLING, assignee=MAYA))
        moved = an_act(5, Verb.ESCALATE, team=SUPPORT, agent=MAYA, reason="the contract is at stake")
        decision = decide(6, *held, moved, before=folded(*held))

        asked = [one.kind.value for one in decision.effects if one.decision.startswith("escalated:")]
        assert asked[:2] == ["assign_team", "assign_agent"]


class TestPriority:
    RAISED = Escalated("human", 1, at(10), "because", priority="high", written="high")

    def priority(self, *facts: Fact) -> str:
        return fold(KEY, (MESSAGE, *facts), POLICY, as_of=at(100)).priority

    def test_a_higher_one_by_hand_that_we_lowered_unheard_is_put_back(self) -> None:
        known = (a_snapshot(0), MESSAGE, ROUTED, self.RAISED)
        news = (a_snapshot(9, priority="urgent"), a_snapshot(10.1, priority="high"))
        decision = decide(11, *known, *news, before=folded(*known))

        assert decision.ticket.priority == "urgent"
        assert put_right(decision) == [("set_priority", "urgent")]

    @pytest.mark.parametrize("before", ["high", "urgent"])
    def test_one_set_by_hand_after_an_escalation_that_had_nothing_to_raise_is_theirs(self, before: str) -> None:
        nothing = Escalated("human", 1, at(10), "because", priority="high", written="")

        assert self.priority(a_snapshot(5, priority=before), nothing, a_snapshot(11, priority="low")) == "low"
        assert self.priority(a_snapshot(5, priority="high"), nothing, a_snapshot(11, priority="urgent")) == "urgent"

    def test_each_escalation_after_it_raises_a_low_one(self) -> None:
        first = Escalated("other", 1, at(3), "because", priority="urgent", written="urgent")
        by_hand = (a_snapshot(3.1, priority="urgent"), a_snapshot(5, priority="low"))

        assert self.priority(a_snapshot(0), first, *by_hand) == "low"
        assert self.priority(a_snapshot(0), first, *by_hand, self.RAISED) == "high"

    def test_our_write_that_came_after_a_change_by_hand_holds(self) -> None:
        act = an_act(10, priority="high")
        facts = (a_snapshot(0), act, a_snapshot(10.5, priority="low"), a_snapshot(10.6, priority="high"))

        assert self.priority(*facts) == "high"

    def test_an_escalation_of_an_older_version_does_not_tell_what_it_wrote(self) -> None:
        old = Escalated("human", 1, at(10), "because", priority="high")

        assert self.priority(a_snapshot(0), old, a_snapshot(11, priority="high")) == "high"
        assert self.priority(a_snapshot(0), old, a_snapshot(11, priority="urgent")) == "urgent"


class TestOurClockIsAhead:
    """It was set forward by half a minute: what we wrote shows before we decided it."""

    ROUTED = Routed(1, at(2.5), "rule", BILLING, MAYA, "because", after=at(0))
    SHOWN = (a_snapshot(2.01, team=BILLING), a_snapshot(2.02, team=BILLING, assignee=MAYA))

    def test_what_shows_is_still_ours(self) -> None:
        after = folded(a_snapshot(0), MESSAGE, self.ROUTED, *self.SHOWN)

        assert (after.assignee, after.assignee_by, after.team) == (MAYA, "routing", BILLING)

    def test_and_a_change_by_hand_after_it_holds(self) -> None:
        after = folded(a_snapshot(0), MESSAGE, self.ROUTED, *self.SHOWN, a_snapshot(2.1, team=BILLING))

        assert (after.assignee, after.assignee_by) == (None, "source")

    def test_a_change_that_was_known_came_before(self) -> None:
        known = replace(self.ROUTED, after=at(2.1))
        after = folded(a_snapshot(0), MESSAGE, known, *self.SHOWN, a_snapshot(2.1, team=BILLING))

        assert (after.assignee, after.assignee_by) == (MAYA, "routing")

    def test_a_decision_knows_until_when(self) -> None:
        [routed] = [fact for fact in decide(3, a_snapshot(1), MESSAGE, before=None).facts if isinstance(fact, Routed)]

        assert routed.after == at(1)
