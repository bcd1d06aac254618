from datetime import timedelta

import pytest

from tests.unit.intake.reading import RECEIVED_AT, body, only, parsed
from worker.clock import to_micros
from worker.domain.facts import Author, Message, Person, Snapshot
from worker.errors import Unparsable


def message(**changes):
    return {**body("03"), **changes}


def conversation(**changes):
    return {**body("09"), **changes}


class TestEvents:
    def test_an_unknown_one_is_ignored(self):
        said = parsed({"event": "conversation_deleted", "id": "whatever"})

        assert (said.event, said.ignored, said.ticket) == ("conversation_deleted", "unknown_event", None)

    @pytest.mark.parametrize("event", ["message_incoming", "macro.executed", "automation_event.message_created"])
    def test_forks_macros_and_automation_are_understood(self, event):
        said = parsed({**(body("02") if event == "message_incoming" else body("09")), "event": event})

        assert said.ticket.external_id == "1/312"

    def test_an_activity_message_brings_only_its_conversation(self):
        said = parsed(message(message_type="activity"))

        assert [type(fact) for fact in said.facts] == [Snapshot]

    @pytest.mark.parametrize(
        "content",
        [
            b"",
            b"[]",
            b"null",
            b"{",
            b'{"event": 7}',
            b"{}",
            b"\xff\xfe",
            b"[" * 100_000,
            b'{"event":"conversation_created","x":NaN}',
            b'{"event":"conversation_created"} trailing',
        ],
    )
    def test_anything_but_an_event_is_unparsable(self, content):
        with pytest.raises(Unparsable) as caught:
            parsed(content)

        assert caught.value.cause == "unparsable"

    def test_a_source_without_a_parser(self):
        with pytest.raises(Unparsable) as caught:
            parsed(b"{}", source="pigeon")

        assert caught.value.cause == "unknown_source"


class TestAccount:
    def test_another_account_is_refused(self):
        with pytest.raises(Unparsable) as caught:
            parsed(body("09"), account_id=2)

        assert caught.value.cause == "wrong_account"

    @pytest.mark.parametrize("changed", [
        {"account": {"id": 2}}, {"account": {"id": "2"}}, {"account_id": 2}, {"account": None, "account_id": 2},
        {"account": None, "messages": [{"account_id": 2, "content": "x", "message_type": 0}]},
    ])  # fmt: skip
    def test_wherever_the_body_names_it(self, changed):
        conversation = {**body("22"), **changed}

        with pytest.raises(Unparsable) as caught:
            parsed(conversation, account_id=1)

        assert caught.value.cause == "wrong_account"
        assert "account 2, this desk works for account 1" in str(caught.value)

    def test_without_a_configured_one_the_body_decides(self):
        assert parsed(body("09"), account_id=None).ticket.external_id == "1/312"

    def test_without_any_it_cannot_be_told(self):
        with pytest.raises(Unparsable):
            parsed(body("22"), account_id=None)


class TestAuthor:
    @pytest.mark.parametrize(
        ("changes", "author"),
        [
            ({}, Author.AGENT),
            ({"message_type": "incoming"}, Author.CUSTOMER),
            ({"message_type": 0}, Author.CUSTOMER),
            ({"message_type": 1}, Author.AGENT),
            ({"message_type": "template", "sender": None}, Author.SYSTEM),
            ({"sender": None}, Author.SYSTEM),
            ({"sender": {"id": 4, "type": "agent_bot"}}, Author.BOT),
            ({"sender": {"id": 4, "type": "captain_assistant"}}, Author.BOT),
            ({"sender": {"id": 4, "type": "something new"}}, Author.SYSTEM),
            ({"content_attributes": {"automation_rule_id": 3}}, Author.SYSTEM),
            ({"additional_attributes": {"campaign_id": 3}}, Author.SYSTEM),
            ({"content_attributes": {"hookdesk": "e4"}}, Author.OWN),
            ({"content_attributes": {"hookdesk": "e4"}, "private": True}, Author.OWN),
            ({"content_attributes": {"hookdesk": "r4"}}, Author.AGENT),
            ({"content_attributes": {"hookdesk": "r4"}, "private": True}, Author.OWN),
            ({"content_attributes": {"hookdesk": "r4"}, "message_type": "incoming"}, Author.OWN),
        ],
    )
    def test_who_wrote_it(self, changes, author):
        assert only(message(**changes), Message).author is author

    @pytest.mark.parametrize("value", ["sideways", 9, True, None, [], {}])
    def test_an_unknown_direction_is_unparsable(self, value):
        with pytest.raises(Unparsable):
            parsed(message(message_type=value))


class TestMail:
    def mail(self, **email):
        said = body("21")
        said["content_attributes"]["email"] |= email
        return said

    @pytest.mark.parametrize(
        ("email", "is_automatic"),
        [
            ({}, False),
            ({"auto_reply": True}, True),
            ({"headers": {"Auto-Submitted": "auto-replied"}}, True),
            ({"headers": {"X-Autoreply": "yes", "Odd": 7}}, True),
            ({"headers": {"Auto-Submitted": "no"}}, False),
            ({"headers": [["Auto-Submitted", "auto-replied"]]}, False),
        ],
    )
    def test_a_machines_answer_is_seen(self, email, is_automatic):
        assert only(self.mail(**email), Message).auto_reply is is_automatic

    def test_without_a_cut_text_the_whole_content_counts(self):
        said = self.mail(text_content={}, html_content={})

        assert only(said, Message).text == said["content"].replace("\r\n", "\n")

    def test_a_conversation_begun_by_an_autoresponder_says_so(self):
        said = body("21")["conversation"] | {"event": "conversation_created"}
        said["additional_attributes"]["auto_reply"] = True

        assert only(said, Snapshot).auto_reply


class TestTimes:
    @pytest.mark.parametrize(
        ("text", "micros"),
        [
            ("1781773201.561204", 1781773201561204),
            ("1781773201.000001", 1781773201000001),
            ("1781773201", 1781773201000000),
            ("1781773201.9999999", 1781773202000000),
            ("17817732015e-1", 1781773201500000),
        ],
    )
    def test_updated_at_is_exact(self, text, micros):
        content = b'{"event":"conversation_updated","id":1,"status":"open","updated_at":%s}' % text.encode()

        assert to_micros(parsed(content).facts[0].at) == micros

    @pytest.mark.parametrize("updated_at", [None, 0])
    def test_without_it_the_signed_time_then_the_arrival(self, updated_at):
        said = conversation(updated_at=updated_at)
        sent_at = RECEIVED_AT - timedelta(seconds=2)

        assert only(said, Snapshot, sent_at=sent_at).at == sent_at
        assert only(said, Snapshot).at == RECEIVED_AT

    def test_zero_is_no_time(self):
        shot = only(conversation(waiting_since=0, first_reply_created_at=0), Snapshot)

        assert (shot.waiting_since, shot.first_reply_at) == (None, None)

    @pytest.mark.parametrize("value", [-5, 10**15, True, [], {}, "soon", "1e999"])
    def test_what_is_no_time_is_unparsable(self, value):
        with pytest.raises(Unparsable):
            parsed(conversation(updated_at=value))

    def test_a_number_of_astronomic_size_costs_nothing(self):
        with pytest.raises(Unparsable):
            parsed(b'{"event":"conversation_updated","id":1,"status":"open","updated_at":1e999999999}')


class TestFields:
    def test_ids_beyond_doubles_stay_exact(self):
        assert parsed(conversation(id=2**53 + 1)).ticket.external_id == "1/9007199254740993"

    @pytest.mark.parametrize("value", [None, 1.5, True, -1, 10**31, [], {}, "", "a\x00b", "x" * 151])
    def test_what_is_no_id_is_unparsable(self, value):
        with pytest.raises(Unparsable):
            parsed(conversation(id=value))

    @pytest.mark.parametrize(
        ("channel", "name"),
        [("Channel::WebWidget", "web_widget"), ("Channel::Email", "email"), ("Channel::TwilioSms", "twilio_sms")],
    )
    def test_channels_are_plain_words(self, channel, name):
        assert only(conversation(channel=channel), Snapshot).channel == name

    @pytest.mark.parametrize(
        ("attributes", "tier"),
        [({"plan": "gold"}, "gold"), ({"plan": "gold", "tier": "vip"}, "vip"), ({"plan": 3}, None), ({}, None)],
    )
    def test_the_tier_is_the_contacts_attribute(self, attributes, tier):
        said = conversation()
        said["meta"]["sender"]["custom_attributes"] = attributes

        assert only(said, Snapshot).tier == tier

    def test_nul_surrogates_and_bidi_do_not_get_through(self):
        said = message(content="a\x00b\ud800c", sender={"id": 1, "type": "user", "name": "Eve\u202e\nX-Evil: 1"})
        told = only(said, Message)

        assert told.text == "ab\ufffdc"
        assert told.by == Person("1", "Eve X-Evil: 1")

    def test_a_long_text_is_cut(self):
        assert len(only(message(content="x" * 150_000), Message).text) == 2000

    def test_of_a_million_labels_five_hundred_are_kept(self):
        told = only(conversation(labels=[f"l{n}" for n in range(10_000)]), Snapshot)

        assert told.labels == tuple(f"l{n}" for n in range(500))

    def test_bodies_of_one_microsecond_that_differ_are_two_facts(self):
        one, other = only(conversation(), Snapshot), only(conversation(labels=["vip"]), Snapshot)

        assert one.at == other.at
        assert one.key != other.key

    def test_what_only_counts_readers_is_no_new_fact(self):
        assert only(conversation(unread_count=9, agent_last_seen_at=1), Snapshot) == only(conversation(), Snapshot)
