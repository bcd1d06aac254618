"""Organisations: by the policy's domains, else by the name of the source."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from tests.contract.builders import NOON, ticket_ids
from tests.contract.doors import Place, a_request
from tests.contract.matching import ACME, matched, rows, seen
from worker.domain.facts import Person, TicketKey
from worker.domain.policy import OrganizationRule, RoutingRule, ScoreRule
from worker.policy_file import load_policy
from worker.store.database import Database
from worker.store.schema import organizations


class TestOrganizations:
    @pytest.mark.parametrize("email", ["a@acme.example", "a@EU.acme.example", "a@acme.test"])
    def test_the_policys_domains_and_their_subdomains_decide(self, db: Database, email: str) -> None:
        (ticket,) = ticket_ids(db)

        (found,) = matched(db, (ticket, seen(Person(email=email), organization="Other")), rules=[ACME])

        assert (found.organization, found.tier, found.value) == ("Acme", "gold", 5000)
        assert rows(db, organizations, "key", "name", "tier", "value", "domains") == [
            ("acme", "Acme", "gold", 5000, ["acme.example", "Acme.Test"])
        ]

    @pytest.mark.parametrize("email", ["a@gmail.com", "a@notacme.example", "a@example", "nobody", ""])
    def test_no_other_domain_makes_one(self, db: Database, email: str) -> None:
        (ticket,) = ticket_ids(db)

        (found,) = matched(db, (ticket, seen(Person("41", email=email))), rules=[ACME])

        assert (found.organization, found.tier) == ("", "")
        assert rows(db, organizations, "name") == []

    def test_a_freemail_domain_counts_where_the_policy_names_it(self, db: Database) -> None:
        (ticket,) = ticket_ids(db)
        rule = OrganizationRule("Sole trader", domains=("gmail.com",))

        (found,) = matched(db, (ticket, seen(Person(email="a@gmail.com"))), rules=[rule])

        assert found.organization == "Sole trader"

    def test_the_nearest_domain_wins(self, db: Database) -> None:
        (ticket,) = ticket_ids(db)
        labs = OrganizationRule("Acme Labs", domains=("labs.acme.example",))

        (found,) = matched(db, (ticket, seen(Person(email="a@x.labs.acme.example"))), rules=[ACME, labs])

        assert found.organization == "Acme Labs"

    def test_else_the_name_that_the_source_gives(self, db: Database) -> None:
        first, second, third = ticket_ids(db, 3)

        found = matched(
            db,
            (first, seen(Person("1"), organization=" ACME ")),
            (second, seen(Person("2"), organization="Unknown GmbH")),
            (third, seen(Person("3"), organization="unknown  gmbh")),
            rules=[ACME],
        )

        assert [(one.organization, one.tier) for one in found] == [
            ("Acme", "gold"),
            ("Unknown GmbH", ""),
            ("Unknown GmbH", ""),
        ]

    def test_a_known_contact_keeps_it_when_nothing_is_said(self, db: Database) -> None:
        first, second = ticket_ids(db, 2)
        matched(db, (first, seen(Person("1"), organization="Acme")), rules=[ACME])

        (found,) = matched(db, (second, seen(Person("1"))), rules=[ACME])

        assert (found.organization, found.tier, found.value) == ("Acme", "gold", 5000)

    def test_what_the_policy_says_now_counts(self, db: Database) -> None:
        first, second, third = ticket_ids(db, 3)
        matched(db, (first, seen()), rules=[ACME])

        (raised,) = matched(db, (second, seen()), rules=[replace(ACME, tier="platinum", value=9)])
        stored = rows(db, organizations, "tier", "value")
        (dropped,) = matched(db, (third, seen()))

        assert (raised.tier, raised.value, stored) == ("platinum", 9, [("platinum", 9)])
        assert (dropped.organization, dropped.tier, dropped.value) == ("Acme", "", 0)


class TestFromEndToEnd:
    def test_the_tier_raises_the_score_chooses_the_team_and_the_promise(self, db: Database, tmp_path: Path) -> None:
        policy = replace(
            load_policy(None),
            organizations=(ACME,),
            score_rules=(ScoreRule("gold customer", 80, tiers=("gold",)),),
            routing=(RoutingRule("gold to billing", team="billing", tiers=("gold",)), RoutingRule("rest", "support")),
        )
        desk = Place(db, tmp_path, policy)
        known, other = Person(None, "Kim", "kim@eu.acme.example"), Person(None, "Lee", "lee@other.example")

        first, second, third = desk.hears(
            a_request(TicketKey("form", "a"), by=known, text="A question"),
            a_request(TicketKey("form", "b"), by=other, text="A question"),
            a_request(TicketKey("form", "c"), by=known, text="Another one"),
        )

        gold, plain = desk.ticket(first), desk.ticket(second)
        assert (gold.organization, gold.tier, gold.priority) == ("Acme", "gold", "urgent")
        assert (plain.organization, plain.tier, plain.priority) == ("", None, "low")
        assert [one.routed.rule for one in (gold, plain) if one.routed] == ["gold to billing", "rest"]
        assert ({one.policy for one in gold.clocks}, {one.policy for one in plain.clocks}) == ({"urgent"}, {"low"})
        assert desk.told(first, "requester.matched") == ["Kim of Acme (tier gold) writes for the first time"]
        assert desk.told(third, "requester.matched") == [
            f"Kim of Acme (tier gold) has written before: 1 ticket, the last one t{first} of 2026-05-04 12:00:00 UTC"
        ]

    def test_later_tickets_of_a_contact_know_the_earlier_ones(self, db: Database, tmp_path: Path) -> None:
        desk = Place(db, tmp_path)
        [first] = desk.hears(a_request(TicketKey("form", "a"), text="A question"))
        [second] = desk.hears(a_request(TicketKey("email", "b"), 60, text="Another one"), now=NOON + timedelta(hours=1))

        matched = desk.ticket(second).matched
        assert matched is not None
        assert (matched.earlier, matched.last_ticket, matched.last_at) == (1, first, NOON)
