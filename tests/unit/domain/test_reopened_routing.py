from dataclasses import replace

from tests.builders import (
    BILLING,
    MAYA,
    OLEG,
    a_message,
    a_policy,
    a_snapshot,
    an_agent,
    at,
)
from tests.unit.domain.deciding import decided
from tests.unit.domain.moving import FREE, NEW, first, fresh, given
from worker.domain.facts import Person
from worker.domain.policy import ReopenPolicy


class TestReopened:
    RESOLVED = a_snapshot(30, "resolved", assignee=MAYA, digest="r")
    ASSIGNED = a_snapshot(2, assignee=MAYA, digest="a")

    def lived(self, minute, *agents, chosen=True, policy=None):
        """Routed to Maya, resolved after half an hour, written to again at that minute."""
        before = first(policy=policy)
        facts = (*NEW, self.ASSIGNED, replace(self.RESOLVED, assignee=MAYA if chosen else None), *before.facts)
        resolved = decided(*facts, before=before.ticket, now=at(31), roster=fresh(31), **given(policy))
        facts = (*facts, *resolved.facts, a_message(minute, text="again"))
        after = decided(*facts, before=resolved.ticket, now=at(minute), roster=fresh(minute, *agents), **given(policy))
        return after, facts

    def test_within_the_window_the_same_agent_has_it(self):
        after, _ = self.lived(30 + 3 * 24 * 60, an_agent(MAYA, open_tickets=9), FREE)

        assert (after.ticket.status, after.ticket.assignee, after.ticket.routed.ordinal) == ("in_progress", MAYA, 1)

    def test_later_it_is_routed_anew_once(self):
        minute = 31 + 3 * 24 * 60
        after, facts = self.lived(minute, an_agent(MAYA, open_tickets=9), FREE)

        [routed] = [fact for fact in after.facts if fact.key == "routed:2"]
        assert (after.ticket.assignee, routed.instead_of) == (OLEG, MAYA)
        assert routed.reason.startswith(
            "it was resolved at 2026-06-18 09:30 UTC and reopened at 09:31 UTC, so it is routed anew; rule"
        )
        roster = fresh(minute + 1, an_agent(MAYA), an_agent(OLEG, open_tickets=9))
        again = decided(*facts, *after.facts, before=after.ticket, now=at(minute + 1), roster=roster)
        assert again.facts == ()

    def test_with_nobody_free_it_stays_and_that_is_the_decision(self):
        full = [an_agent(MAYA, open_tickets=20), an_agent(OLEG, open_tickets=20)]
        after, _ = self.lived(5000, *full)

        [routed] = [fact for fact in after.facts if fact.key == "routed:2"]
        assert (routed.agent, after.ticket.assignee) == (MAYA, MAYA)
        assert routed.reason.endswith("nobody else can take it (2 at capacity), so it stays with Maya Ortiz")

    def test_the_policy_may_ask_for_a_new_agent_at_once_or_never(self):
        at_once = a_policy(reopen=ReopenPolicy(agent_within="route"))
        never = a_policy(reopen=ReopenPolicy(agent_later="same"))
        agents = (an_agent(MAYA, open_tickets=9), FREE)

        assert self.lived(40, *agents, policy=at_once)[0].ticket.assignee == OLEG
        assert self.lived(9000, *agents, policy=never)[0].ticket.assignee == MAYA

    def test_without_an_agent_it_is_routed_within_the_window_too(self):
        after, _ = self.lived(40, FREE, chosen=False)

        assert (after.ticket.assignee, after.ticket.routed.ordinal) == (OLEG, 2)

    def test_without_an_agent_and_with_nobody_free_it_goes_to_the_queue(self):
        after, facts = self.lived(40, an_agent(OLEG, open_tickets=20), chosen=False)

        [routed] = [fact for fact in after.facts if fact.key == "routed:2"]
        assert (routed.agent, after.ticket.team, after.ticket.assignee_by) == (None, BILLING, "")
        served = decided(*facts, *after.facts, before=after.ticket, now=at(45), roster=fresh(45, FREE))
        assert served.ticket.assignee == OLEG

    def test_a_choice_by_hand_after_the_reopening_stands(self):
        minute = 31 + 3 * 24 * 60
        _, facts = self.lived(minute, an_agent(MAYA), FREE)
        chosen = a_snapshot(minute + 1, assignee=Person("9", "Kim"), digest="k")

        after = decided(*facts, chosen, before=None, now=at(minute + 2), roster=fresh(minute + 2, FREE))

        assert (after.ticket.assignee.name, [fact.key for fact in after.facts]) == ("Kim", [])

    def test_one_that_was_given_by_hand_moves_too(self):
        by_hand = (*NEW, a_snapshot(2, assignee=Person("9", "Kim"), digest="h"))
        resolved = a_snapshot(30, "resolved", assignee=Person("9", "Kim"), digest="r")
        minute = 31 + 3 * 24 * 60
        facts = (*by_hand, *first().facts, resolved, a_message(minute, text="again"))

        after = decided(*facts, before=None, now=at(minute), roster=fresh(minute, FREE))

        assert (after.ticket.assignee, after.ticket.assignee_by) == (OLEG, "routing")
