from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.builders import KEY, LENA, T0, a_message, a_policy, a_reply, a_roster, a_snapshot, an_sla, at, minutes
from tests.unit.domain.deciding import NEW, decided, events
from worker.domain.facts import Act, Author, Matched, Person, Verb
from worker.domain.fold import fold
from worker.domain.people import MOST_EARLIER, Sighting, due_sighting, sighting_of
from worker.domain.policy import RoutingRule, ScoreRule

MATCH = Matched(contact=5, at=at(1), language="de")
OTHER = Person("42", "Omar", "omar@customer.example")


class TestWords:
    @pytest.mark.parametrize(
        ("match", "reason"),
        [
            ({}, "Lena Fischer writes for the first time"),
            ({"organization": "Acme"}, "Lena Fischer of Acme writes for the first time"),
            (
                {"organization": "Acme", "tier": "gold", "earlier": 1, "last_ticket": 17, "last_at": at(-60)},
                "Lena Fischer of Acme (tier gold) has written before: 1 ticket, the last one t17 of 2026-06-18 "
                "08:00:00 UTC",
            ),
            ({"earlier": 3}, "Lena Fischer has written before: 3 tickets"),
            ({"earlier": MOST_EARLIER}, "Lena Fischer has written before: 1000 or more tickets"),
        ],
    )
    def test_new_or_returning_with_history(self, match, reason):
        found = events(decided(*NEW, now=at(1), contact=replace(MATCH, **match)))["requester.matched"]

        assert (found.reason, found.stage) == (reason, "intake")
        assert found.data["contact"] == 5
        assert found.data["earlier"] == match.get("earlier", 0)

    def test_it_is_kept_as_a_fact_and_told_once(self):
        first = decided(*NEW, now=at(1), contact=MATCH)
        again = decided(*NEW, *first.facts, before=first.ticket, now=at(2), contact=replace(MATCH, earlier=9))

        assert MATCH in first.facts
        assert first.ticket.matched == again.ticket.matched == MATCH
        assert "requester.matched" not in events(again)

    def test_nobody_known_is_nobody_matched(self):
        assert decided(*NEW, now=at(1)).ticket.matched is None
        assert decided(a_snapshot(0, requester=None), now=at(1), contact=MATCH).ticket.matched is None


class TestAnew:
    def test_another_requester_is_matched_anew(self):
        first = decided(*NEW, now=at(1), contact=MATCH)
        facts = (*NEW, *first.facts, a_snapshot(2, requester=OTHER))

        after = decided(*facts, before=first.ticket, now=at(2), contact=Matched(contact=6, at=at(2)))

        assert after.ticket.matched.contact == 6
        assert events(after)["requester.matched"].reason == "Omar writes for the first time"

    def test_an_organisation_learnt_later_is_told_and_brings_its_tier(self):
        first = decided(*NEW, now=at(1), contact=MATCH)
        facts = (*NEW, *first.facts, a_snapshot(2, organization="Acme"))

        known = Matched(contact=5, at=at(2), organization="Acme", tier="gold")
        after = decided(*facts, before=first.ticket, now=at(2), contact=known)

        assert (after.ticket.organization, after.ticket.tier) == ("Acme", "gold")
        assert events(after)["requester.matched"].key == "matched:5:acme"


class TestDue:
    @pytest.mark.parametrize(
        ("facts", "is_due"),
        [
            (NEW, False),
            ((*NEW, a_reply(2)), False),
            ((*NEW, a_snapshot(2, requester=OTHER)), True),
            ((*NEW, a_snapshot(2, requester=replace(LENA, name="L. Fischer"))), True),
            ((*NEW, a_snapshot(2, organization="Acme")), True),
        ],
    )
    def test_a_matched_requester_only_when_something_is_new(self, facts, is_due):
        matched = decided(*NEW, now=at(1), contact=MATCH).ticket

        assert (due_sighting(matched, facts) is not None) is is_due

    def test_whoever_was_not_matched_yet(self):
        unmatched = decided(*NEW, now=at(1)).ticket

        assert due_sighting(None, NEW) == due_sighting(unmatched, NEW) == Sighting(LENA, T0)

    @pytest.mark.parametrize("requester", [None, Person(), Person(None, "Nobody")])
    def test_not_without_a_name_to_know_them_by_again(self, requester):
        assert due_sighting(None, (a_snapshot(0, requester=requester),)) is None


class TestSighting:
    def test_the_address_comes_first_as_it_holds_in_every_source(self):
        assert Sighting(Person("41", "L", " Lena@X.example "), T0).identities == ("email:lena@x.example", "chatwoot:41")
        assert Sighting(Person("41"), T0).identities == ("chatwoot:41",)
        assert Sighting(Person(None, "L", "l@x.example"), T0).identities == ("email:l@x.example",)

    def test_language_and_organisation_are_the_latest_that_were_told(self):
        facts = (
            a_snapshot(0, language="de", organization="Acme"),
            a_snapshot(1, language="fr"),
            a_message(2, language="en"),
        )

        assert sighting_of(facts) == Sighting(LENA, T0, "Acme", "fr")
        assert sighting_of((a_message(0, language="en"),)) == Sighting(LENA, T0, "", "en")

    @given(
        st.lists(
            st.one_of(
                st.builds(a_snapshot, st.integers(0, 9), requester=st.sampled_from([None, LENA, OTHER])),
                st.builds(
                    a_message,
                    st.integers(0, 9),
                    by=st.sampled_from([None, LENA, OTHER]),
                    author=st.sampled_from([Author.CUSTOMER, Author.AGENT]),
                    private=st.booleans(),
                    auto_reply=st.booleans(),
                ),
                st.builds(
                    lambda n, who: Act(str(n), at(n), Verb.TRIAGE, "x", requester=who),
                    st.integers(0, 9),
                    st.sampled_from([None, OTHER]),
                ),
            ),
            min_size=1,
            max_size=6,
            unique_by=lambda fact: fact.at,
        )
    )
    def test_it_is_the_requester_that_the_fold_finds(self, facts):
        in_order = sorted(facts, key=lambda fact: (fact.at, fact.key))

        seen = sighting_of(in_order)

        requester = fold(KEY, facts, a_policy(), as_of=at(10)).requester
        assert (seen.person if seen is not None else None) == requester


class TestShortcut:
    @given(
        organization=st.sampled_from(["", "Acme"]),
        tier=st.sampled_from(["", "gold"]),
        language=st.sampled_from(["", "de"]),
        shown=st.sampled_from([{}, {"tier": "vip"}, {"language": "fr"}, {"organization": "Other"}]),
        minute=st.sampled_from([-5, 0, 1, 30]),
    )
    def test_the_match_without_a_second_fold_is_what_the_fold_makes_of_it(
        self, organization, tier, language, shown, minute
    ):
        facts = (a_snapshot(0, assignee=OTHER, **shown), a_message(0))
        match = Matched(contact=5, at=at(minute), organization=organization, tier=tier, language=language)

        decision = decided(*facts, now=at(40), contact=match)

        assert decision.ticket == fold(KEY, (*facts, *decision.facts), a_policy(), as_of=at(40))
        assert decision.facts == (match,)


class TestTier:
    def test_the_tier_of_the_organisation_feeds_score_routing_and_promise(self):
        policy = a_policy(
            score_rules=(ScoreRule("gold customer", 75, tiers=("gold",)),),
            routing=(RoutingRule("gold to billing", team="billing", tiers=("gold",)), RoutingRule("rest")),
            sla=(an_sla(name="gold", tiers=("gold",), first_response=minutes(5)), an_sla()),
        )
        match = replace(MATCH, organization="Acme", tier="gold")

        found = decided(*NEW, now=at(1), contact=match, policy=policy, roster=a_roster()).ticket
        shown = decided(a_snapshot(0, tier="lead"), NEW[1], now=at(1), contact=match, policy=policy).ticket

        assert (found.tier, found.priority, found.routed.rule) == ("gold", "urgent", "gold to billing")
        assert {clock.policy for clock in found.clocks} == {"gold"}
        assert (shown.tier, shown.priority, shown.routed.rule) == ("lead", "low", "rest")
