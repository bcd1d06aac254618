"""Replies by mail against a real server: what arrives, and what becomes of those that do not."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from tests.mail_server import MailServer
from tests.unit.performers.telling import START, Bench, a_reply
from worker import survey_token
from worker.clients.smtp import MailClient
from worker.domain.effects import Effect, EffectKind
from worker.domain.facts import TicketKey
from worker.domain.ticket import Resolution
from worker.errors import TransientError
from worker.performers.base import Outside
from worker.performers.mail import MailPerformer
from worker.store import breakers, effects, ticket_reads
from worker.store.aliases import owners

HOUR = 3600
LINK_SECRET = "k" * 40


@pytest.fixture
def reply(bench: Bench, mail_server: MailServer) -> int:
    bench.set(smtp_url=mail_server.url())
    (added,) = bench.add(a_reply())
    return added


class TestArrival:
    def test_it_answers_in_the_thread_it_came_from(self, bench: Bench, mail_server: MailServer, reply: int) -> None:
        bench.perform()

        (kept,) = mail_server.kept
        mail = kept.message
        assert (kept.sender, kept.to, kept.text) == (
            "support@desk.example.com", ["lena@customer.example"], "Refunded.\n",
        )  # fmt: skip
        assert (mail["Subject"], mail["From"]) == ("Re: Charged twice", "Desk <support@desk.example.com>")
        assert mail["In-Reply-To"] == mail["References"] == "<root@customer.example>"
        assert mail["Auto-Submitted"] == "no"
        assert mail["Date"] == "Thu, 18 Jun 2026 09:00:00 +0000"

    def test_its_id_says_which_effect_it_is(self, bench: Bench, mail_server: MailServer, reply: int) -> None:
        bench.perform()

        stored = bench.effect(reply)
        assert stored.state == "done"
        assert mail_server.kept[0].message["Message-ID"] == f"<{stored.result['message_id']}>"
        assert stored.result["message_id"].startswith(f"e{reply}_")
        assert stored.result["message_id"].endswith("@desk.example.com")

    def test_what_answers_it_will_be_the_tickets(self, bench: Bench, mail_server: MailServer, reply: int) -> None:
        bench.perform()

        sent = TicketKey("mail", bench.effect(reply).result["message_id"])
        with bench.db.read() as conn:
            assert owners(conn, [sent]) == {sent: TicketKey("email", "root@customer.example")}

    def test_a_repetition_can_be_recognised(self, bench: Bench, mail_server: MailServer, reply: int) -> None:
        mail_server.replies["END"] = "451 later"
        bench.perform()
        first = list(mail_server.commands)
        del mail_server.replies["END"]
        bench.clock.advance(61)
        bench.perform()
        second = bench.add(a_reply(2))
        bench.perform()

        ids = [kept.message["Message-ID"] for kept in mail_server.kept]
        assert len(first) > 3
        assert ids[0] == f"<{bench.effect(reply).result['message_id']}>"
        assert ids[1] == f"<{bench.effect(second[0]).result['message_id']}>"
        assert ids[0] != ids[1]

    def test_a_ticket_from_elsewhere_has_no_thread(self, bench: Bench, mail_server: MailServer) -> None:
        bench.set(smtp_url=mail_server.url())
        bench.add(a_reply(subject=""), ticket_id=bench.ticket("form-1@x", source="form"))

        bench.perform()

        mail = mail_server.kept[0].message
        assert (mail["In-Reply-To"], mail["Subject"]) == (None, "Re: your request")


class TestWhatNobodyWrote:
    """Surveys and notices of closing, for those who have no conversation."""

    def add(self, bench: Bench, kind: EffectKind, text: str, **given: Any) -> None:
        resolved = (Resolution(1, START),)
        ticket = bench.ticket("asked@customer.example", can_reply=True, resolutions=resolved)
        payload = {"text": text, "resolution": 1, "template": text, "to": "l@c.example", "subject": "Charged twice"}
        bench.add(Effect(kind, "resolution:1", {**payload, **given}), ticket_id=ticket)

    def test_a_survey_brings_its_signed_link(self, bench: Bench, mail_server: MailServer) -> None:
        bench.set(smtp_url=mail_server.url(), link_secrets=(LINK_SECRET,), public_url="https://desk.example.com")
        self.add(bench, EffectKind.SURVEY, "How did we do? {link}", language="de")

        bench.perform()

        (kept,) = mail_server.kept
        said, _, token = kept.text.strip().partition("/survey/")
        link = survey_token.read([LINK_SECRET], token)
        assert said == "How did we do? https://desk.example.com"
        assert link is not None and (link.resolution, link.language) == (1, "de")
        assert kept.message["In-Reply-To"] == "<asked@customer.example>"
        assert kept.message["Auto-Submitted"] == "auto-generated"

    def test_without_a_secret_for_links_none_is_sent(self, bench: Bench, mail_server: MailServer) -> None:
        bench.set(smtp_url=mail_server.url(), link_secrets=())
        self.add(bench, EffectKind.SURVEY, "How did we do? {link}")

        bench.perform()

        assert [one.cause for one in effects.list_effects(bench.db, state="dead")] == ["no_link_secret"]
        assert mail_server.kept == []

    def test_a_notice_says_what_the_policy_says(self, bench: Bench, mail_server: MailServer) -> None:
        bench.set(smtp_url=mail_server.url())
        self.add(bench, EffectKind.CLOSING_NOTICE, "We close this on 2026-06-23.")

        bench.perform()

        assert [kept.text for kept in mail_server.kept] == ["We close this on 2026-06-23.\n"]


class TestNoTarget:
    @pytest.mark.parametrize("missing", ["smtp_url", "mail_from"])
    def test_without_a_server_or_a_sender_it_waits(
        self, bench: Bench, mail_server: MailServer, reply: int, missing: str
    ) -> None:
        bench.set(**{missing: None})

        bench.perform()

        assert bench.effect(reply).state == "no_target"
        assert mail_server.kept == []


class TestFailures:
    def test_eight_tries_in_fifteen_hours(self, bench: Bench, mail_server: MailServer, reply: int) -> None:
        mail_server.replies["RCPT"] = "450 4.2.0 greylisted"

        assert bench.tries(reply) == [60, 300, 900, HOUR, 2 * HOUR, 4 * HOUR, 8 * HOUR]
        stored = bench.effect(reply)
        assert (stored.state, stored.cause) == ("dead", "later")
        assert stored.detail == "the mail server asks us to come back later (450 4.2.0 greylisted)"

    def test_a_refused_mail_is_a_dead_letter_at_once(self, bench: Bench, mail_server: MailServer, reply: int) -> None:
        mail_server.replies["RCPT"] = "550 5.1.1 nobody here"

        assert bench.tries(reply) == []
        assert (bench.effect(reply).state, bench.effect(reply).cause) == ("dead", "refused")

    def test_a_broken_address_too(self, bench: Bench, mail_server: MailServer, reply: int) -> None:
        (broken,) = bench.add(a_reply(2, to="a@b.example, c@d.example"))

        bench.perform()

        assert (bench.effect(broken).state, bench.effect(broken).cause) == ("dead", "bad_address")

    def test_a_wrong_password_kills_nothing_and_opens_the_circuit(self, bench: Bench) -> None:
        with MailServer(password="right") as server:
            bench.set(smtp_url=server.url(user="desk:wrong"))
            replies = bench.add(a_reply(1), a_reply(2))
            bench.perform()

            assert breakers.state(bench.db, "smtp").is_open
            assert [bench.effect(one).state for one in replies] == ["retry", "pending"]
            assert "wrong" not in str(bench.effect(replies[0]).detail).replace("wrong password", "")

            bench.set(smtp_url=server.url(user="desk:right"))
            bench.clock.advance(60)
            bench.perform()

        assert {bench.effect(one).state for one in replies} == {"done"}
        assert len(server.kept) == 2

    def test_mail_and_other_lanes_do_not_wait_for_each_other(self, bench: Bench, mail_server: MailServer) -> None:
        bench.set(smtp_url=mail_server.url())
        (event,) = bench.add(replace(a_reply(), payload={"text": "t", "actor": "a"}))  # into a conversation
        (reply,) = bench.add(a_reply(2))

        bench.perform()

        assert bench.effect(reply).state == "done"
        assert bench.effect(event).state != "done"


class TestSlowness:
    def test_a_server_that_hangs_is_known_by_its_cause_for_which_it_is_left_alone(
        self, bench: Bench, mail_server: MailServer, reply: int
    ) -> None:
        mail_server.replies["RCPT"] = None
        client = MailClient(mail_server.url(), "support@desk.example.com", total_seconds=0.3)
        performer = MailPerformer(Outside(bench.db, bench.settings, bench.policy, lambda: None), client=client)
        claimed, ticket = effects.claim_one(bench.db), ticket_reads.get(bench.db, bench.ticket_id)
        assert claimed is not None
        assert ticket is not None

        with pytest.raises(TransientError) as caught:
            performer.perform(claimed, ticket)

        assert caught.value.cause == "timeout"
