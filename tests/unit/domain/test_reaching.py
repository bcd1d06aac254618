"""How customers are reached: in their conversation, else by mail, else not at all."""

from datetime import timedelta

import pytest

from tests.builders import LENA, a_message, a_policy, a_reply, a_snapshot, at
from tests.unit.domain.deciding import ROSTER, events
from worker.domain.decide import decide
from worker.domain.effects import EffectKind
from worker.domain.facts import Act, Person, TicketKey, Verb
from worker.domain.view import Given
from worker.policy_file import load_policy

MAIL, FORM = TicketKey("email", "root@customer.example"), TicketKey("form", "s1")
POLICY = a_policy(closing=load_policy(None).closing)
ASKED = (a_message(0, by=LENA, subject="My parcel"), a_reply(5))
RESOLVED = Act("r", at(10), Verb.RESOLVE, "anna", text="Sent anew.")
TO_LENA = {"to": "lena@customer.example", "subject": "My parcel"}
NAMELESS = a_message(0, by=Person(None, "Lena"), subject="My parcel")


def decided(*facts, key=MAIL, now):
    return decide(None, key, facts, policy=POLICY, known=Given(ROSTER), now=now)


def written(decision):
    kinds = (EffectKind.REPLY, EffectKind.SURVEY, EffectKind.CLOSING_NOTICE)
    return [(one.kind.value, one.lane, {name: one.payload[name] for name in one.payload if name in TO_LENA})
            for one in decision.effects if one.kind in kinds]  # fmt: skip


class TestByMail:
    @pytest.mark.parametrize("key", [MAIL, FORM, TicketKey("api", "k1")], ids=lambda key: key.source)
    def test_a_reply_a_survey_and_a_notice_go_by_mail_where_no_conversation_is(self, key):
        reply = Act("a", at(6), Verb.REPLY, "anna", text="Hello")

        assert written(decided(*ASKED, reply, key=key, now=at(7))) == [("reply", "mail", TO_LENA)]
        assert written(decided(*ASKED, RESOLVED, key=key, now=at(21))) == [("survey", "mail", TO_LENA)]
        announced = decided(*ASKED, RESOLVED, key=key, now=at(10) + timedelta(days=4))
        assert ("closing_notice", "mail", TO_LENA) in written(announced)

    def test_they_go_into_the_conversation_by_which_the_same_request_came(self):
        told = (*ASKED, a_snapshot(1), RESOLVED, a_snapshot(11, "resolved"))

        assert written(decided(*told, key=FORM, now=at(22))) == [("survey", "chatwoot", {})]


class TestNotAtAll:
    def test_nobody_is_asked_whose_address_is_not_known(self):
        decision = decided(NAMELESS, a_reply(5), RESOLVED, now=at(21))

        assert written(decision) == []
        assert events(decision)["csat.cancelled"].reason == (
            "no survey about resolution 1: the customer's address is not known"
        )

    def test_nor_told_that_it_closes(self):
        decision = decided(NAMELESS, a_reply(5), RESOLVED, now=at(10) + timedelta(days=5))

        assert written(decision) == []
        assert events(decision)["ticket.close_waits"].reason == (
            "not closed: the customer's address is not known, so a person must close it"
        )
