"""The main job over real HTTP, real Celery and a real store."""

from __future__ import annotations

import base64
import json
import time
import uuid
from collections.abc import Callable

import pytest
import requests

from tests.integration.system import BEARER, FIXTURES, SECRET, URL_TOKEN, System, eventually, fixture
from worker.domain.ticket import Status
from worker.signing import standard_headers
from worker.store import letters, tickets

ALL = ("broker", "web", "worker", "scheduler")
VECTORS = json.loads((FIXTURES / "vectors.json").read_text())["vectors"]
API_INBOX_SECRET = "Jq3LwYb8TnXe5RkMv2PsHd7G"


@pytest.mark.every_broker
class TestDelivery:
    def test_it_becomes_a_ticket_with_running_clocks(self, start: Callable[..., System], database_url: str) -> None:
        system = start(*ALL, database_url=database_url)

        answer = system.post(fixture("01"))

        assert answer.status_code == 200
        (stored,) = eventually(lambda: tickets.list_tickets(system.db))
        assert stored.key.external_id == "1/312"
        assert stored.ticket is not None
        assert stored.ticket.status is Status.TRIAGED
        assert stored.ticket.requester is not None
        assert stored.ticket.requester.email == "lena.fischer@customer.example"
        assert {clock.metric for clock in stored.ticket.clocks} >= {"first_response", "resolution"}
        eventually(system.at_rest)
        assert system.ledger().processed == 1
        assert system.ledger().difference == 0

    def test_of_another_account_under_our_secret_it_becomes_a_dead_letter(self, start: Callable[..., System]) -> None:
        system = start(*ALL, settings={"HOOKDESK_CHATWOOT_ACCOUNT_ID": "1"})
        body = fixture("01")
        body["account"]["id"] = 2

        assert system.post(body).status_code == 200

        (dead,) = eventually(lambda: letters.list_deliveries(system.db, state="dead"))
        assert dead.cause == "wrong_account"
        assert tickets.list_tickets(system.db) == []
        assert system.ledger().difference == 0

    def test_the_same_delivery_twice_is_processed_once(self, start: Callable[..., System], database_url: str) -> None:
        system = start(*ALL, database_url=database_url)
        body, delivery_id = fixture("02"), str(uuid.uuid4())

        answers = [system.post(body, delivery_id=delivery_id) for _ in range(3)]

        assert [answer.status_code for answer in answers] == [200, 200, 200]
        eventually(system.at_rest)
        ledger = system.ledger()
        assert (ledger.received, ledger.processed, ledger.duplicate, ledger.difference) == (3, 1, 2, 0)

    def test_the_same_fact_under_new_ids_changes_its_ticket_once(self, start: Callable[..., System]) -> None:
        system = start(*ALL)

        for _ in range(3):
            assert system.post(fixture("02")).status_code == 200

        eventually(system.at_rest)
        ledger = system.ledger()
        assert (ledger.processed, ledger.duplicate, ledger.difference) == (1, 2, 0)
        (stored,) = tickets.list_tickets(system.db)
        created = [event for event in tickets.events_of(system.db, stored.id) if event.name == "ticket.created"]
        assert len(created) == 1


class TestFixtures:
    def test_every_body_is_answered_200_and_none_is_a_dead_letter(
        self, start: Callable[..., System], database_url: str
    ) -> None:
        system = start(*ALL, database_url=database_url)
        numbers = [f"{n:02d}" for n in range(1, 27)]

        codes = {number: system.post(fixture(number)).status_code for number in numbers}
        unsigned = requests.post(f"{system.url}/webhooks/chatwoot/{URL_TOKEN}", json=fixture("27"), timeout=5)

        assert set(codes.values()) == {200}
        assert unsigned.status_code == 200
        eventually(system.at_rest)
        assert letters.dead_summary(system.db) == []
        assert system.ledger().received == 27
        assert system.ledger().difference == 0
        (lena,) = [one for one in tickets.list_tickets(system.db) if one.key.external_id == "1/312"]
        assert lena.ticket is not None
        assert lena.ticket.answers == (("9013", 5, "Fast and friendly, thank you!"),)
        assert lena.ticket.status is Status.PENDING_CUSTOMER  # 12: snoozed after the reopening, the latest snapshot
        assert lena.ticket.reopen_count == 1

    @pytest.mark.parametrize("name", ["seq_01", "seq_02", "seq_03"])
    def test_each_sequence_ends_as_expected(self, start: Callable[..., System], name: str) -> None:
        system = start(*ALL)
        sequence = fixture(name)

        for delivery in sequence["deliveries"]:
            code = system.post(delivery["body"], delivery_id=delivery["headers"]["X-Chatwoot-Delivery"]).status_code
            assert code == 200

        eventually(system.at_rest)
        ledger = system.ledger()
        (stored,) = tickets.list_tickets(system.db)
        assert stored.ticket is not None
        resolved = [event for event in tickets.events_of(system.db, stored.id) if event.name == "ticket.resolved"]
        if name == "seq_01":
            assert (ledger.processed, ledger.duplicate) == (1, 1)
        elif name == "seq_02":
            assert len(resolved) == 1
            assert len(stored.ticket.resolutions) == 1
        else:
            assert ledger.stale == 1
            assert stored.ticket.status in {Status.IN_PROGRESS, Status.TRIAGED}
            assert stored.ticket.reopen_count == 1
        assert ledger.difference == 0

    def test_the_vectors_are_accepted_or_refused_as_their_hmac_says(self, start: Callable[..., System]) -> None:
        settings = {"HOOKDESK_CHATWOOT_WEBHOOK_SECRETS": f"{SECRET},{API_INBOX_SECRET}"}
        system = start("broker", "web", settings=settings)

        for vector in VECTORS:
            secrets_differ = vector["name"] == "bad_wrong_secret"  # valid under the other secret configured here
            body = base64.b64decode(vector["raw_body_base64"])
            answer = requests.post(f"{system.url}/webhooks/chatwoot", data=body, headers=vector["headers"], timeout=5)
            assert answer.status_code == (200 if vector["valid"] or secrets_differ else 401), vector["name"]

    def test_a_valid_signature_outside_the_window_is_kept_as_a_dead_letter(self, start: Callable[..., System]) -> None:
        system = start("broker", "web")
        vector = next(v for v in VECTORS if v["name"] == "account_webhook_message_created")

        answer = requests.post(
            f"{system.url}/webhooks/chatwoot",
            data=base64.b64decode(vector["raw_body_base64"]),
            headers=vector["headers"],
            timeout=5,
        )

        assert answer.status_code == 200
        (dead,) = letters.list_deliveries(system.db, state="dead")
        assert dead.cause == "stale_timestamp"


class TestForm:
    def test_a_form_makes_a_ticket(self, start: Callable[..., System]) -> None:
        request = json.loads((FIXTURES.parent / "email" / "webform_signed.json").read_text())
        secret, body = request["secrets"]["webhook_secret"], request["body"].encode()
        system = start(*ALL, settings={"HOOKDESK_EMAIL_SECRETS": secret})
        signed = standard_headers(secret, body, message_id="msg_form0001", timestamp=int(time.time()))
        headers = {**signed, "Content-Type": request["content_type"]}

        answer = requests.post(f"{system.url}/webhooks/form", data=body, headers=headers, timeout=5)

        assert answer.status_code == 200
        (stored,) = eventually(lambda: [t for t in tickets.list_tickets(system.db) if t.ticket is not None])
        assert (stored.key.source, stored.key.external_id) == ("form", "msg_form0001")
        assert stored.ticket is not None
        assert (stored.ticket.channel, stored.ticket.subject) == ("form", "Contact form: demo")
        assert stored.ticket.description == "I would like a demo.\nThanks!"


class TestEmail:
    def test_a_parser_with_a_bearer_token_makes_a_ticket(self, start: Callable[..., System]) -> None:
        system = start(*ALL)
        request = json.loads((FIXTURES.parent / "email" / "generic_bearer_mailparser.json").read_text())

        answer = requests.post(
            f"{system.url}/webhooks/email/generic",
            data=request["body"].encode(),
            headers={
                **request["headers"],
                "Content-Type": request["content_type"],
                "Authorization": f"Bearer {BEARER}",
            },
            timeout=5,
        )

        assert answer.status_code == 200
        (stored,) = eventually(lambda: [t for t in tickets.list_tickets(system.db) if t.ticket is not None])
        assert stored.key.source == "email"
        assert stored.ticket is not None
        assert stored.ticket.subject == "Parsed by a template"
        assert stored.ticket.requester is not None
        assert stored.ticket.requester.email == "jane.roe@customer.example.org"
