"""A decision folds its own facts on top of what it has folded: the same ticket comes of it as of all facts at once."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from tests.builders import BILLING, KEY, MAYA, SUPPORT, a_message, a_policy, a_reply, a_snapshot, at, minutes
from tests.unit.domain.test_properties import FACTS, MINUTES, NOW, OWN
from worker.domain.facts import Asked, Escalated, Fact, Matched, Routed
from worker.domain.fold import fold, fold_further
from worker.domain.policy import Calendar, Policy, SlaPolicy
from worker.domain.story import tell
from worker.domain.ticket import Ticket


def promise(name: str, target: timedelta, **matchers: Any) -> SlaPolicy:
    return SlaPolicy(name, Calendar(), first_response=target, resolution=3 * target, **matchers)


POLICY = a_policy(
    sla=(
        promise("billing", minutes(7), teams=("billing",)),
        promise("gold", minutes(10), tiers=("gold",)),
        promise("pressing", minutes(15), priorities=("high", "urgent")),
        promise("usual", minutes(40)),
    )
)
MATCHED = st.builds(
    lambda contact, minute, tier: Matched(contact, at(minute), "Acme" if tier else "", tier, language="de"),
    st.integers(1, 2),
    MINUTES,
    st.sampled_from(["", "gold"]),
)
ASKED = st.builds(lambda run, minute: Asked(run, at(minute)), st.integers(1, 2), MINUTES)
FURTHER = st.lists(st.one_of(OWN, MATCHED, ASKED), min_size=1, max_size=4)


def in_steps(facts: list[Fact], further: list[Fact], policy: Policy = POLICY) -> Ticket:
    """Folded one by one on top of the others."""
    known = list(facts)
    ticket, story = fold(KEY, known, policy, as_of=NOW), tell(known)
    for fact in further:
        known.append(fact)
        ticket, story = fold_further(ticket, story, tell(known), policy, as_of=NOW), tell(known)
    return ticket


class TestFoldFurther:
    @given(facts=FACTS, further=FURTHER)
    def test_it_is_the_fold_of_all_at_once(self, facts: list[Fact], further: list[Fact]) -> None:
        assert in_steps(facts, further) == fold(KEY, [*facts, *further], POLICY, as_of=NOW)

    def test_a_priority_that_is_raised_moves_a_running_clock(self) -> None:
        told: list[Fact] = [a_snapshot(0), a_message(195)]
        raised = Escalated("legal", 1, at(199), "a lawyer", priority="high")

        ticket = in_steps(told, [raised])

        assert [(clock.policy, clock.deadline_at) for clock in ticket.clocks][:1] == [("pressing", at(210))]
        assert ticket.priority == "high"

    def test_so_does_a_team_that_a_policy_names(self) -> None:
        told: list[Fact] = [a_snapshot(0), a_message(195)]

        routed = [in_steps(told, [Routed(1, at(199), "rule", team, MAYA, "because")]) for team in (BILLING, SUPPORT)]

        assert [ticket.clocks[0].policy for ticket in routed] == ["billing", "usual"]
        assert [ticket.team for ticket in routed] == [BILLING, SUPPORT]

    def test_and_a_tier_that_we_know_of(self) -> None:
        told: list[Fact] = [a_snapshot(0), a_message(195)]

        ticket = in_steps(told, [Matched(1, at(199), "Acme", "gold")])

        assert (ticket.clocks[0].policy, ticket.tier, ticket.organization) == ("gold", "gold", "Acme")

    def test_what_is_heard_meanwhile_is_folded_too(self) -> None:
        told: list[Fact] = [a_snapshot(0), a_message(0)]

        ticket = in_steps(told, [a_reply(5)])

        assert ticket.replied
        assert ticket.clocks[0].met_at == at(5)
