import json
from datetime import UTC, datetime, timedelta

import pytest

from tests.builders import a_policy
from tests.unit.intake.reading import RECEIVED_AT, raw
from worker.domain.facts import Author, Message, Parsed, Person
from worker.domain.fold import fold
from worker.domain.policy import RoutingRule
from worker.domain.routing import Roster, route
from worker.errors import Unparsable
from worker.intake.registry import parse


def read(body: bytes | dict, *, headers=None, sent_at=None) -> Parsed:
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    given = {"webhook-id": "msg_1"} if headers is None else headers
    return parse("form", "web", given, content, received_at=RECEIVED_AT, sent_at=sent_at, account_id=1)


def message(body: bytes | dict, **given) -> Message:
    (fact,) = read(body, **given).facts
    return fact


class TestFixture:
    def test_it_is_read_as_expected(self):
        sample = json.loads(raw("email/webform_signed.json"))
        expected = sample["expect"]["email"]
        sent_at = datetime.fromtimestamp(int(sample["headers"]["webhook-timestamp"]), UTC)

        said = read(sample["body"].encode(), headers=sample["headers"], sent_at=sent_at)

        (fact,) = said.facts
        assert (said.event, said.ticket.source) == ("form.submitted", "form")
        assert said.ticket.external_id == expected["service_event_id"]
        assert (fact.author, fact.auto_reply, fact.at) == (Author.CUSTOMER, False, sent_at)
        assert (fact.by.name, fact.by.email) == (expected["from"]["name"], expected["from"]["email"])
        assert (fact.subject, fact.text) == (expected["subject"], "I would like a demo.\nThanks!")


class TestFields:
    @pytest.mark.parametrize(
        "body",
        [
            b"name=Ann&email=a%40b.example&subject=Hi&message=Help&other=x",
            b'{"name":"Ann","email":"a@b.example","subject":"Hi","message":"Help","other":[1]}',
            b' {"type":"form.submitted","data":{"name":"Ann","Email":"a@b.example","subject":"Hi","message":"Help"}}',
            b"message=Help&message=second&subject=Hi&name=Ann&email=a%40b.example&page=",
        ],
    )
    def test_urlencoded_and_json_say_the_same(self, body):
        fact = message(body)

        assert (fact.by, fact.subject, fact.text) == (Person(None, "Ann", "a@b.example"), "Hi", "Help")

    def test_odd_characters_are_cleaned(self):
        fact = message(b"subject=a%0D%0ABcc%3A+x%00&message=caf%E9+%F0%9F%98%80&name=" + b"n" * 500)

        assert (fact.subject, fact.text, len(fact.by.name)) == ("a Bcc: x", "caf\ufffd 😀", 200)

    def test_a_time_to_come_is_not_believed(self):
        assert message({"message": "x"}, sent_at=RECEIVED_AT + timedelta(minutes=4)).at == RECEIVED_AT

    def test_without_an_address_it_is_a_ticket_all_the_same(self):
        said = read({"message": "Help"})

        ticket = fold(said.ticket, said.facts, a_policy(), as_of=RECEIVED_AT)
        assert ticket.missing == ("requester",)


class TestIdentity:
    def test_a_retry_is_the_same_fact_in_whatever_order_its_fields_come(self):
        one, other = read({"message": "Hi", "name": "Ann"}), read(b"name=Ann&message=Hi")

        assert (one.ticket, one.facts) == (other.ticket, other.facts)

    def test_the_same_id_with_other_words_loses_neither(self):
        one, other = read({"message": "Hi"}), read({"message": "Bye"})

        assert one.ticket == other.ticket
        assert one.facts[0].key != other.facts[0].key

    @pytest.mark.parametrize("headers", [{}, {"webhook-id": ""}])
    def test_without_an_id_the_bytes_tell_them_apart(self, headers):
        one, other = (read({"message": words}, headers=headers).ticket for words in ("Hi", "Bye"))

        assert one != other
        assert one == read({"message": "Hi"}, headers=headers).ticket

    def test_a_long_id_is_replaced_by_its_hash(self):
        said = read({"message": "Hi"}, headers={"webhook-id": "x" * 3000})

        assert said.ticket.external_id.startswith("sha256:")
        assert len(said.ticket.external_id) < 100


class TestMachines:
    @pytest.mark.parametrize("body", [b"message=Buy&website=http%3A%2F%2Fx", {"website": "x"}])
    def test_who_fills_the_honeypot_is_ignored(self, body):
        said = read(body)

        assert (said.ignored, said.ticket, said.facts) == ("honeypot", None, ())


class TestRefusals:
    @pytest.mark.parametrize(
        "body",
        [
            b"",
            b"not a form",
            b"name=Ann&email=a%40b.example",
            b"message=+%0D%0A",
            b"{",
            b"[1]",
            b"[" * 100_000,
            b'{"data": []}',
            {"message": 7},
            {"message": "Hi", "email": ["a"]},
            b"&".join(b"f%d=x" % n for n in range(2000)),
        ],
    )
    def test_what_says_nothing_is_unparsable(self, body):
        with pytest.raises(Unparsable):
            read(body)


class TestChannel:
    def test_a_policy_may_speak_of_forms(self):
        policy = a_policy(routing=(RoutingRule("forms", team="sales", channels=("form",)), RoutingRule("rest")))
        said = read({"email": "a@b.example", "message": "Hi"})

        ticket = fold(said.ticket, said.facts, policy, as_of=RECEIVED_AT)

        assert ticket.channel == "form"
        assert route(ticket, Roster((), (), None), policy, now=RECEIVED_AT).rule == "forms"


class TestLanguage:
    @pytest.mark.parametrize(
        ("body", "headers", "language"),
        [
            (b"message=Help&language=pt-BR", {"accept-language": "de"}, "pt"),
            (b"message=Help", {"accept-language": "de-DE,en;q=0.8"}, "de"),
            (b"message=Help", {"accept-language": "en", "content-language": "fr"}, "fr"),
            (b"message=Help&language=unknown", {}, ""),
        ],
    )
    def test_the_form_says_it_or_the_browser_that_sent_it(self, body, headers, language):
        assert message(body, headers=headers).language == language
