"""Fields of the record that people and the source say: typed fields, tags, the organisation, what was done."""

import pytest

from tests.builders import KEY, a_message, a_policy, a_reply, a_snapshot, at
from worker.domain.facts import Act, Matched, Verb
from worker.domain.fold import fold
from worker.domain.policy import ClosingPolicy, FieldRule


def act(minute, verb, **given):
    return Act(**{"id": f"{verb}{minute}", "at": at(minute), "verb": verb, "actor": "anna", **given})


def folded(*facts, policy=None):
    return fold(KEY, facts, policy or a_policy(), as_of=at(1000))


class TestRecord:
    def test_fields_are_read_from_the_source_and_amended_by_us(self):
        rules = (FieldRule("order", "whole", attribute="order_no"), FieldRule("vendor"), FieldRule("due", "date"))
        shown = a_snapshot(0, attributes=(("order_no", "77 x"), ("vendor", " Acme  GmbH "), ("due", "2026-02-30")))

        policy = a_policy(fields=rules)

        assert folded(shown, policy=policy).fields == (("vendor", "Acme GmbH"),)
        given = act(5, Verb.TRIAGE, fields=(("order", "0078"),))
        assert folded(shown, given, policy=policy).fields == (("order", 78), ("vendor", "Acme GmbH"))

    @pytest.mark.parametrize(
        ("kind", "text", "value"),
        [
            ("flag", "Yes", True),
            ("flag", "no", False),
            ("whole", "0", 0),
            ("flag", "perhaps", None),
            ("one_of", "b", "B"),
            ("one_of", "c", None),
        ],
    )
    def test_kinds(self, kind, text, value):
        policy = a_policy(fields=(FieldRule("x", kind, values=("A", "B")),))

        found = dict(folded(a_snapshot(0, attributes=(("x", text),)), policy=policy).fields)

        assert found.get("x") == value

    def test_tags_category_and_whether_it_is_internal(self):
        said = act(1, Verb.TRIAGE, tags=("vip",), category="shipping", internal=True)

        ticket = folded(a_snapshot(0, labels=("billing",)), said)

        assert (ticket.tags, ticket.category, ticket.internal) == (("billing", "vip"), "shipping", True)

    def test_the_organisation_gives_the_tier_that_the_source_does_not(self):
        match = Matched(5, at(1), organization="Acme", tier="gold", language="de", earlier=2)

        ticket = folded(a_snapshot(0), match)

        assert (ticket.organization, ticket.tier, ticket.language) == ("Acme", "gold", "de")
        assert folded(a_snapshot(0, tier="vip"), match).tier == "vip"

    def test_customer_messages_are_counted_since_it_was_last_resolved(self):
        first = (a_snapshot(0), a_message(0), a_message(1), a_reply(2), a_snapshot(3, "resolved"))

        assert folded(*first).customer_messages == 0
        assert folded(*first, a_message(4), a_message(5)).customer_messages == 2

    def test_a_program_may_only_propose_to_close(self):
        ticket = folded(a_snapshot(0), act(5, Verb.CLOSE, automatic=True, actor="bot", reason="thanks said"))

        assert (ticket.proposed_close, ticket.closed_at) == ("bot: thanks said", None)


class TestResolutionText:
    DONE = (a_snapshot(0), a_message(0), a_reply(1, text="All good now."), a_snapshot(5, "resolved"))

    def test_it_is_the_last_public_reply_where_nothing_better_was_written(self):
        assert folded(*self.DONE).resolution_text == "All good now."

    def test_a_note_that_says_so_is_better(self):
        note = a_reply(2, private=True, text="Resolution: refunded 20 EUR")

        assert folded(*self.DONE, note).resolution_text == "refunded 20 EUR"

    def test_the_attribute_is_best(self):
        told = a_snapshot(6, "resolved", attributes=(("resolution", "parcel sent again"),))

        assert folded(*self.DONE, told).resolution_text == "parcel sent again"

    def test_only_where_the_policy_looks(self):
        policy = a_policy(closing=ClosingPolicy(resolution_from=("note",)))

        assert folded(*self.DONE, policy=policy).resolution_text == ""

    def test_each_resolution_has_its_own(self):
        again = (a_message(10), a_snapshot(10, "open"), a_snapshot(12, "resolved"))

        assert folded(*self.DONE, *again).resolution_text == ""
