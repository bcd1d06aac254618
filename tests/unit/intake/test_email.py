import json
from datetime import UTC, datetime

import pytest

from tests.unit.intake.reading import RECEIVED_AT, parsed, raw
from worker.domain.facts import Author, Message, Person
from worker.domain.intake import is_automatic
from worker.errors import Unparsable


def fixture(name):
    return json.loads(raw(f"email/{name}.json"))


def read(**data):
    defaults = {"message_id": "<m1@x.example>", "from": "Jane Roe <jane@x.example>", "subject": "Hi", "text": "Help"}
    return parsed({"type": "email.received", "data": {**defaults, **data}}, source="email")


def mail(**data) -> Message:
    (message,) = read(**data).facts
    return message


class TestFixtures:
    @pytest.mark.parametrize(
        "name", ["generic_signed_json", "generic_signed_json_rotation", "generic_bearer_mailparser"]
    )
    def test_it_is_read_as_expected(self, name):
        sample = fixture(name)
        said = parsed(sample["body"].encode(), source="email")
        (message,) = said.facts

        expected = sample["expect"].get("email", {})
        assert said.event == "email.received"
        assert message.author is Author.CUSTOMER
        assert message.auto_reply is is_automatic(sample["expect"]["kind"])
        for field, value in (("subject", message.subject), ("text", message.text)):
            assert value == expected.get(field, value)
        assert (message.by.name, message.by.email) == ("Jane Roe", "jane.roe@customer.example.org")
        assert said.ticket.external_id == expected.get("message_id", message.id)

    def test_the_bare_object_of_a_parser_is_known_by_its_id(self):
        said = parsed(fixture("generic_bearer_mailparser")["body"].encode(), source="email")

        assert said.ticket.external_id == "mp-77f1"
        assert said.facts[0].at == datetime(2026, 11, 18, 11, 18, tzinfo=UTC)


class TestThread:
    @pytest.mark.parametrize(
        ("data", "root"),
        [
            ({}, "m1@x.example"),
            ({"in_reply_to": "<m0@x.example>"}, "m0@x.example"),
            ({"in_reply_to": "<m0@x.example>", "references": ["<root@x.example>", "<m0@x.example>"]}, "root@x.example"),
            ({"references": "<root@x.example> <m0@x.example>"}, "root@x.example"),
            ({"in_reply_to": ["<m0@x.example>"], "references": []}, "m0@x.example"),
            ({"message_id": None, "id": 77}, "77"),
        ],
    )
    def test_the_first_mail_names_the_ticket(self, data, root):
        assert read(**data).ticket.external_id == root

    def test_of_a_million_references_only_the_first_is_looked_at(self):
        assert read(references=["<root@x.example>", 7]).ticket.external_id == "root@x.example"

    def test_mails_without_any_id_never_fall_together(self):
        one, other = read(message_id=None), read(message_id="", text="Other")

        assert one.ticket != other.ticket
        assert read(message_id=None) == one

    def test_a_long_id_is_replaced_by_its_hash(self):
        long = read(message_id=f"<{'x' * 900}@x>")

        assert long.ticket.external_id.startswith("sha256:")
        assert len(long.facts[0].key) < 180


class TestKind:
    @pytest.mark.parametrize(
        ("data", "is_automatic"),
        [
            ({"headers": [["Auto-Submitted", "no"]]}, False),
            ({"headers": [["AUTO-SUBMITTED", "auto-replied"]]}, True),
            ({"headers": {"List-Id": "<news>"}}, True),
            ({"from": "MAILER-DAEMON@mx.example", "envelope": {"from": ""}}, True),
            ({"from": "MAILER-DAEMON@mx.example"}, False),
            ({"headers": [["only one"], 7, ["X-Autoreply", 1]]}, False),
            ({"headers": "Auto-Submitted: auto-replied"}, False),
        ],
    )
    def test_a_machines_mail_is_marked(self, data, is_automatic):
        assert mail(**data).auto_reply is is_automatic


class TestFields:
    @pytest.mark.parametrize(
        ("sender", "person"),
        [
            ({"email": "a@b.example", "name": "Ann"}, Person(None, "Ann", "a@b.example")),
            ("Ann <a@b.example>", Person(None, "Ann", "a@b.example")),
            ("a@b.example", Person(None, "", "a@b.example")),
            ([{"email": "a@b.example"}, {"email": "c@d.example"}], Person(None, "", "a@b.example")),
            ("=?", Person(None, "", "=?")),
            (None, Person(None, "", None)),
            ([], Person(None, "", None)),
        ],
    )
    def test_addresses_come_in_many_shapes(self, sender, person):
        assert mail(**{"from": sender}).by == person

    def test_a_subject_is_one_clean_line(self):
        subject = mail(subject=f"a\r\nBcc: x\x00\u202e{'y' * 2000}").subject

        assert subject.startswith("a Bcc: x yyy")
        assert len(subject) == 998

    def test_text_from_html_where_there_is_no_other(self):
        html = "<head><title>t</title></head><script>evil()</script><p>Caf&eacute; &lt;b&gt;</p><br/>is <b>shut"

        assert mail(text=" ", html=html).text == "Café <b> is shut"

    def test_odd_html_costs_nothing(self):
        assert mail(text=None, html="<" * 100_000).text == ""
        assert mail(text=None, html="<script " * 12_000).text == ""

    @pytest.mark.parametrize(
        ("data", "at"),
        [
            ({"date": "Wed, 18 Nov 2026 11:17:00 +0000"}, datetime(2026, 11, 18, 11, 17, tzinfo=UTC)),
            ({"date": "Wed, 18 Nov 2026 11:17:00"}, RECEIVED_AT),
            ({"date": "yesterday"}, RECEIVED_AT),
            ({"date": ["x"]}, RECEIVED_AT),
            ({"date": "Wed, 18 Nov 2099 11:17:00 +0000"}, RECEIVED_AT),
            ({}, RECEIVED_AT),
        ],
    )
    def test_its_time_is_never_after_its_arrival(self, data, at):
        assert mail(**data).at == at


class TestRefusals:
    def test_other_events_are_ignored(self):
        said = parsed({"type": "email.bounced", "data": {}}, source="email")

        assert (said.event, said.ignored) == ("email.bounced", "unknown_event")

    @pytest.mark.parametrize(
        "said",
        [
            {},
            {"type": "email.received", "data": {}},
            {"type": "email.received", "data": []},
            {"from": 7, "text": "x"},
            {"from": "a@b.example", "text": []},
            {"from": "a@b.example", "references": [7]},
        ],
    )
    def test_what_is_no_mail_is_unparsable(self, said):
        with pytest.raises(Unparsable):
            parsed(said, source="email")


class TestLanguage:
    @pytest.mark.parametrize(
        ("headers", "language"),
        [
            ([["Content-Language", "de-DE"], ["Accept-Language", "en-US"]], "de"),
            ({"accept-language": "en-US, de"}, "en"),
            ([["Content-Language", "unknown"]], ""),
            (None, ""),
        ],
    )
    def test_it_is_what_the_mail_is_written_in_else_what_its_sender_reads(self, headers, language):
        assert mail(headers=headers).language == language
