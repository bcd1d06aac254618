"""Our own echo: what the source shows because we wrote it leads to nothing, and is put down to nobody."""

from __future__ import annotations

from typing import Any

import pytest

from tests.builders import (
    BILLING,
    KEY,
    MAYA,
    OLEG,
    SUPPORT,
    a_message,
    a_policy,
    a_reply,
    a_snapshot,
    at,
)
from worker.domain.facts import Act, Escalated, Fact, Routed, Verb
from worker.domain.fold import fold
from worker.domain.policy import EscalationRule
from worker.domain.ticket import Status, Ticket

POLICY = a_policy(
    escalation=(EscalationRule("human", "the customer asks for a human", words=("human",), priority="high"),)
)


def folded(*facts: Fact) -> Ticket:
    return fold(KEY, facts, POLICY, as_of=at(100))


def an_act(minute: float, verb: Verb = Verb.TRIAGE, **said: Any) -> Act:
    return Act(f"{verb}@{minute:g}", at(minute), verb, "ana@desk.example", **said)


class TestPriority:
    SET = (a_snapshot(0), an_act(10, priority="high"), a_snapshot(11, priority="high"))

    def why(self, *facts: Fact) -> tuple[str, str]:
        ticket = folded(a_message(0), *facts)
        return ticket.priority, ticket.score_reasons[0]

    def test_what_we_wrote_is_ours(self) -> None:
        assert self.why(*self.SET) == ("high", "priority high was set by ana@desk.example")

    def test_so_is_what_was_being_written_when_we_decided_anew(self) -> None:
        anew = an_act(10.02, priority="low")
        facts = (a_snapshot(0), an_act(10, priority="high"), anew, a_snapshot(10.04, priority="high"))

        assert self.why(*facts) == ("low", "priority low was set by ana@desk.example")
        assert self.why(*facts, a_snapshot(10.06, priority="low")) == (
            "low",
            "priority low was set by ana@desk.example",
        )

    def test_another_value_is_somebody_elses(self) -> None:
        assert self.why(*self.SET, a_snapshot(12, priority="low")) == ("low", "priority low was set in the source")

    def test_so_is_the_same_value_before_we_decided(self) -> None:
        before = (a_snapshot(0), a_snapshot(5, priority="high"))

        assert self.why(*before) == ("high", "priority high was set in the source")

    def test_what_an_escalation_raised_is_ours(self) -> None:
        raised = Escalated("human", 1, at(10), "the customer asks for a human", priority="high")

        echoed = self.why(a_snapshot(0), raised, a_snapshot(11, priority="high"))
        higher = self.why(a_snapshot(0), raised, a_snapshot(11, priority="high"), a_snapshot(12, priority="urgent"))

        assert echoed == ("high", "priority high was raised by the escalation 'human'")
        assert higher == ("urgent", "priority urgent was set in the source")

    def test_what_somebody_had_set_lower_before_stays_known(self) -> None:
        raised = Escalated("human", 1, at(10), "the customer asks for a human", priority="high")
        facts = (a_snapshot(5, priority="low"), raised, a_snapshot(11, priority="high"))

        assert self.why(*facts)[0] == "high"


class TestAssignee:
    ROUTED = Routed(1, at(2), "rule", BILLING, MAYA, "because")
    HAD = (a_snapshot(0), a_message(0), a_snapshot(1, assignee=OLEG))

    def by(self, *facts: Fact) -> tuple[str | None, str]:
        ticket = folded(*self.HAD, *facts)
        return ticket.assignee.id if ticket.assignee else None, ticket.assignee_by

    def test_an_agent_that_our_team_drops_was_not_taken_off_by_hand(self) -> None:
        moved = an_act(10, Verb.ASSIGN, team=BILLING, agent=MAYA)
        dropped = (a_snapshot(11, team=BILLING), a_snapshot(12, team=BILLING))

        assert self.by(moved, *dropped) == ("7", "operator")
        assert self.by(moved, *dropped, a_snapshot(13, team=BILLING, assignee=MAYA)) == ("7", "operator")

    def test_one_that_another_team_drops_was(self) -> None:
        moved = an_act(10, Verb.ASSIGN, team=BILLING, agent=MAYA)

        assert self.by(moved, a_snapshot(11, team=SUPPORT)) == (None, "source")

    def test_so_was_one_that_goes_later(self) -> None:
        moved = an_act(10, Verb.ASSIGN, team=BILLING, agent=MAYA)
        echo = (a_snapshot(11, team=BILLING), a_snapshot(12, team=BILLING, assignee=MAYA))

        assert self.by(moved, *echo, a_snapshot(13, team=BILLING)) == (None, "source")

    def test_somebody_chosen_by_hand_with_our_team_stays(self) -> None:
        facts = (a_snapshot(0), a_message(0), self.ROUTED, a_snapshot(3, team=BILLING, assignee=OLEG))

        ticket = folded(*facts)

        assert ticket.assignee is not None
        assert (ticket.assignee.id, ticket.assignee_by) == ("8", "source")

    def test_one_of_ours_who_was_being_written_when_we_chose_another_was_not_chosen_by_hand(self) -> None:
        routed = Routed(1, at(2), "rule", BILLING, MAYA, "because")
        moved = an_act(2.02, Verb.ASSIGN, team=SUPPORT, agent=OLEG)
        facts = (a_snapshot(0), a_message(0), routed, moved)
        late = (a_snapshot(2.04, team=BILLING), a_snapshot(2.06, team=BILLING, assignee=MAYA))
        echo = a_snapshot(2.08, team=SUPPORT, assignee=OLEG)

        between, after = (fold(KEY, told, POLICY, as_of=at(3)) for told in ((*facts, *late), (*facts, *late, echo)))
        assert [one.team for one in (between, after)] == [SUPPORT, SUPPORT]
        assert [(one.assignee, one.assignee_by) for one in (between, after)] == [(OLEG, "operator")] * 2

    @pytest.mark.parametrize("minute", [2.2, 60])
    def test_one_who_appears_long_after_was(self, minute: float) -> None:
        routed = Routed(1, at(2), "rule", BILLING, MAYA, "because")
        moved = an_act(2.02, Verb.ASSIGN, agent=OLEG)
        facts = (a_snapshot(0), a_message(0), routed, moved, a_snapshot(minute, assignee=MAYA))

        ticket = fold(KEY, facts, POLICY, as_of=at(100))

        assert (ticket.assignee, ticket.assignee_by) == (MAYA, "source")

    def test_so_was_one_who_comes_back_once_our_newer_choice_has_shown(self) -> None:
        routed = Routed(1, at(2), "rule", BILLING, MAYA, "because")
        moved = an_act(2.02, Verb.ASSIGN, agent=OLEG)
        shown = (a_snapshot(2.04, assignee=OLEG), a_snapshot(2.06, assignee=MAYA))

        ticket = fold(KEY, (a_snapshot(0), a_message(0), routed, moved, *shown), POLICY, as_of=at(100))

        assert (ticket.assignee, ticket.assignee_by) == (MAYA, "source")


class TestStatus:
    BEGUN = (a_message(0), a_snapshot(0), a_reply(1), an_act(5, Verb.RESOLVE, text="done"), an_act(5.02, Verb.REOPEN))

    def test_a_resolve_that_was_being_written_when_we_reopened_does_not_resolve_again(self) -> None:
        late, echo = a_snapshot(5.04, "resolved"), a_snapshot(5.06, "open")

        between, after = folded(*self.BEGUN, late), folded(*self.BEGUN, late, echo)

        assert [(one.status, one.reopen_count) for one in (between, after)] == [(Status.IN_PROGRESS, 1)] * 2

    def test_one_by_hand_later_does(self) -> None:
        assert folded(*self.BEGUN, a_snapshot(5.2, "resolved")).status is Status.RESOLVED
        echo = (a_snapshot(5.04, "resolved"), a_snapshot(5.06))
        assert folded(*self.BEGUN, *echo, a_snapshot(5.1, "resolved")).status is Status.RESOLVED
