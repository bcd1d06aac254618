"""Operators' notices against real receivers: each part once, and what is late together."""

from __future__ import annotations

import json

import pytest

from tests.mail_server import MailServer
from tests.receiving import SECRET, Reply, WebhookReceiver
from tests.unit.performers.telling import LEAD, MAYA, Bench, a_notice
from worker.clients.smtp import MailClient
from worker.store import breakers, effects


@pytest.fixture
def both(bench: Bench, receiver: WebhookReceiver, mail_server: MailServer) -> Bench:
    """A bench with a webhook for notices and a mail server."""
    bench.notices(receiver.url)
    bench.set(smtp_url=mail_server.url())
    return bench


def _killed(*_: object) -> None:
    """The process ends here: nothing catches it, and nothing after it runs."""
    raise KeyboardInterrupt


def told(mail_server: MailServer) -> list[str]:
    return [to for kept in mail_server.kept for to in kept.to]


class TestWays:
    def test_the_webhook_and_every_address_are_told(
        self, both: Bench, receiver: WebhookReceiver, mail_server: MailServer
    ) -> None:
        (notice,) = both.add(a_notice(to=[LEAD, MAYA]))

        both.perform()

        (got,) = receiver.got
        assert got.is_signed_with(SECRET)
        assert got.headers["webhook-id"].startswith(f"evt_e{notice}_")
        assert json.loads(got.body) == {
            "type": "operator.notice",
            "timestamp": "2026-06-18T09:00:00Z",
            "data": {
                "subject": "Escalated: refund", "text": "Please look.", "team": "billing", "late": False, "count": 1,
                "tickets": [{"ticket_id": both.ticket_id, "subject": "Escalated: refund"}],
            },
        }  # fmt: skip
        assert told(mail_server) == [LEAD, MAYA]
        mail = mail_server.kept[0]
        assert mail.message["Subject"] == "Escalated: refund"
        assert mail.text == (
            "Please look.\n\nTicket t1, email root@customer.example.\n`hookdesk trace t1` tells the whole story.\n"
        )
        assert mail.message["Auto-Submitted"] == "auto-generated"
        assert both.effect(notice).state == "done"

    def test_a_mail_says_where_the_conversation_is(self, bench: Bench, mail_server: MailServer) -> None:
        bench.set(smtp_url=mail_server.url(), chatwoot_url="https://chat.example.com/")
        ticket = bench.ticket("1/313", source="chatwoot")
        bench.add(a_notice(to=[LEAD]), ticket_id=ticket)

        bench.perform()

        assert mail_server.kept[0].text.splitlines()[2:] == [
            f"Ticket t{ticket}, Chatwoot 1/313.",
            "https://chat.example.com/app/accounts/1/conversations/313",
            f"`hookdesk trace t{ticket}` tells the whole story.",
        ]

    def test_the_webhook_alone(self, bench: Bench, receiver: WebhookReceiver) -> None:
        bench.notices(receiver.url)
        (notice,) = bench.add(a_notice())

        bench.perform()

        assert (len(receiver.got), bench.effect(notice).state) == (1, "done")

    def test_mail_alone(self, bench: Bench, mail_server: MailServer) -> None:
        bench.set(smtp_url=mail_server.url())
        (notice,) = bench.add(a_notice())

        bench.perform()

        assert (told(mail_server), bench.effect(notice).state) == ([LEAD], "done")

    def test_without_any_way_it_waits(self, bench: Bench, mail_server: MailServer, receiver: WebhookReceiver) -> None:
        (nowhere,) = bench.add(a_notice())
        bench.perform()
        bench.set(smtp_url=mail_server.url())
        (nobody,) = bench.add(a_notice("escalated:refund:2", to=[]))
        bench.perform()
        bench.notices(receiver.url)
        bench.set(notice_secrets=())
        (unsigned,) = bench.add(a_notice("escalated:refund:3", to=[]))
        bench.perform()

        assert {bench.effect(one).state for one in (nowhere, nobody, unsigned)} == {"no_target"}
        assert receiver.got == []


class TestParts:
    def test_a_part_that_succeeded_is_not_repeated(
        self, both: Bench, receiver: WebhookReceiver, mail_server: MailServer
    ) -> None:
        receiver.replies = [Reply(500), Reply(200)]
        (notice,) = both.add(a_notice(to=[LEAD, MAYA]))

        waits = both.tries(notice)

        assert waits == [5]
        assert told(mail_server) == [LEAD, MAYA]
        assert len(receiver.got) == 2
        assert both.effect(notice).state == "done"
        assert set(both.effect(notice).result["told"]) == {"webhook", LEAD, MAYA}

    def test_nor_is_the_webhook_when_mail_fails(
        self, both: Bench, receiver: WebhookReceiver, mail_server: MailServer
    ) -> None:
        mail_server.replies[f"RCPT {MAYA}"] = "450 later"
        (notice,) = both.add(a_notice(to=[LEAD, MAYA]))
        both.perform()
        stored = both.effect(notice)
        assert (stored.state, stored.cause) == ("retry", "partly_done")
        assert f"mail to {MAYA}: 450 later" in str(stored.detail)

        mail_server.replies.clear()
        both.tries(notice)

        assert told(mail_server) == [LEAD, MAYA]
        assert (len(receiver.got), both.effect(notice).state) == (1, "done")

    def test_an_address_that_is_refused_for_good_does_not_hold_up_the_others(
        self, both: Bench, mail_server: MailServer
    ) -> None:
        mail_server.replies[f"RCPT {LEAD}"] = "550 nobody here"
        (notice,) = both.add(a_notice(to=[LEAD, MAYA]))

        both.perform()

        assert told(mail_server) == [MAYA]
        assert both.effect(notice).state == "done"
        assert set(both.effect(notice).result["told"]) == {"webhook", MAYA}

    def test_when_nobody_can_be_told_it_is_a_dead_letter(self, bench: Bench, mail_server: MailServer) -> None:
        bench.set(smtp_url=mail_server.url())
        mail_server.replies["RCPT"] = "550 nobody here"
        (notice,) = bench.add(a_notice())

        bench.tries(notice)

        assert (bench.effect(notice).state, bench.effect(notice).cause) == ("dead", "refused")

    def test_a_way_that_works_keeps_the_circuit_closed(self, both: Bench, receiver: WebhookReceiver) -> None:
        receiver.replies = [Reply(500)]
        for n in range(15):
            both.add(a_notice(), ticket_id=both.ticket(f"t{n}"))

        both.perform()
        both.clock.advance(7)
        both.perform()

        assert not breakers.state(both.db, "notice").is_open

    def test_when_none_works_it_opens(self, bench: Bench, receiver: WebhookReceiver) -> None:
        bench.notices(receiver.url)
        receiver.replies = [Reply(500)]
        for n in range(15):
            bench.add(a_notice(), ticket_id=bench.ticket(f"t{n}"))

        bench.perform()

        assert breakers.state(bench.db, "notice").is_open

    def test_a_wrong_password_does_not_kill_it(self, bench: Bench) -> None:
        with MailServer(password="right") as server:
            bench.set(smtp_url=server.url(user="desk:wrong"))
            (notice,) = bench.add(a_notice())
            bench.perform()

        stored = bench.effect(notice)
        assert (stored.state, stored.cause, stored.attempts) == ("retry", "circuit_open", 0)


class TestTogether:
    def late(self, bench: Bench, number: int, **given: object) -> list[int]:
        """That many late notices, each of its own ticket, when their time for collecting is over."""
        ids = [
            bench.add(a_notice("sla-late", subject=f"Breach {n}", late=True, **given), ticket_id=bench.ticket(f"t{n}"))[
                0
            ]
            for n in range(number)
        ]
        bench.clock.advance(10)
        return ids

    def test_a_hundred_late_notices_are_one(
        self, both: Bench, receiver: WebhookReceiver, mail_server: MailServer
    ) -> None:
        first, *others = self.late(both, 100)

        both.perform()

        assert (len(receiver.got), told(mail_server)) == (1, [LEAD])
        data = json.loads(receiver.got[0].body)["data"]
        assert (data["subject"], data["count"]) == ("100 late notices of team billing", 100)
        assert both.effect(first).state == "done"
        assert {both.effect(one).state for one in others} == {"done"}
        assert both.effect(others[0]).result == {"grouped_into": f"e{first}"}

    def test_who_is_killed_between_two_ways_tells_nobody_twice(
        self, both: Bench, receiver: WebhookReceiver, mail_server: MailServer, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        first, *others = self.late(both, 3)
        with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
            patch.setattr(MailClient, "send", _killed)
            both.perform()

        assert {both.effect(one).state for one in others} == {"done"}
        both.clock.advance(61)
        assert effects.reap(both.db) == [first]
        both.perform()

        assert (len(receiver.got), told(mail_server)) == (1, [LEAD])
        assert both.effect(first).state == "done"

    def test_each_team_has_its_own(self, both: Bench, receiver: WebhookReceiver) -> None:
        self.late(both, 2)
        for n in range(2):
            both.add(a_notice("sla-late", late=True, team="support"), ticket_id=both.ticket(f"s{n}"))
        both.clock.advance(10)

        both.perform()

        assert sorted(json.loads(got.body)["data"]["team"] for got in receiver.got) == ["billing", "support"]

    def test_what_is_told_in_time_is_never_grouped(self, both: Bench, receiver: WebhookReceiver) -> None:
        for n in range(3):
            both.add(a_notice(), ticket_id=both.ticket(f"t{n}"))

        both.perform()

        assert len(receiver.got) == 3

    def test_a_failure_repeats_the_same_one_and_no_storm(
        self, both: Bench, receiver: WebhookReceiver, mail_server: MailServer
    ) -> None:
        receiver.replies = [Reply(500), Reply(200)]
        ids = self.late(both, 20)
        both.perform()
        assert (len(receiver.got), told(mail_server)) == (1, [LEAD])

        both.tries(ids[0])

        assert len(receiver.got) == 2
        assert receiver.got[0].body == receiver.got[1].body
        assert told(mail_server) == [LEAD]
        assert {both.effect(one).state for one in ids} == {"done"}

    def test_when_nobody_could_be_told_they_are_gathered_again(self, bench: Bench, receiver: WebhookReceiver) -> None:
        bench.notices(receiver.url)
        receiver.replies = [Reply(500), Reply(200)]
        ids = self.late(bench, 20)

        bench.tries(ids[0])

        assert [json.loads(got.body)["data"]["count"] for got in receiver.got] == [20, 20]
        assert {bench.effect(one).state for one in ids} == {"done"}

    def test_one_that_is_not_wanted_any_more_is_left_out(self, both: Bench, receiver: WebhookReceiver) -> None:
        ids = self.late(both, 2)
        (stale,) = both.add(
            a_notice("sla:first_response:1:2026-06-18T08:00:00+00:00", late=True), ticket_id=both.ticket("withdrawn")
        )

        both.perform()

        assert json.loads(receiver.got[0].body)["data"]["count"] == 2
        assert (both.effect(stale).state, both.effect(stale).cause) == ("cancelled", "stale")
        assert {both.effect(one).state for one in ids} == {"done"}
