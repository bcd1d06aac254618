"""Standard Webhooks out: what is signed, what stays the same over tries, and what an answer means."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from tests.receiving import OLD_SECRET, SECRET, Reply, WebhookReceiver
from worker.clients import webhook as module
from worker.clients.egress import Egress
from worker.clients.exchange import Answer
from worker.clients.webhook import Webhook, failure_of, secrets_of, send
from worker.errors import PermanentError, TransientError
from worker.signing import standard_headers

AT = datetime(2026, 6, 18, 9, 0, tzinfo=UTC)
NOW = datetime(2026, 6, 18, 9, 5, 30, tzinfo=UTC)
INSIDE = Egress("event", allow_private=True)


def a_webhook(**data: Any) -> Webhook:
    return Webhook("evt_e4", "ticket.resolved", AT, data or {"ticket_id": 9, "text": "Grüße"})


@pytest.fixture
def receiver() -> Iterator[WebhookReceiver]:
    with WebhookReceiver() as running:
        yield running


class TestSigning:
    def test_the_published_vector(self) -> None:
        headers = standard_headers(
            "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
            b'{"test": 2432232314}',
            message_id="msg_p5jXN8AQM9LWM0D4loKWxJek",
            timestamp=1614265330,
        )

        assert headers == {
            "webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
            "webhook-timestamp": "1614265330",
            "webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
        }

    def test_while_a_secret_changes_both_sign_and_the_first_signs_first(self) -> None:
        both = standard_headers((SECRET, OLD_SECRET), b"{}", message_id="evt_e4", timestamp=1)
        new, old = (standard_headers(one, b"{}", message_id="evt_e4", timestamp=1) for one in (SECRET, OLD_SECRET))

        assert both["webhook-signature"] == f"{new['webhook-signature']} {old['webhook-signature']}"

    def test_a_targets_own_secrets_replace_those_of_everybody(self) -> None:
        configured = (("", "all"), ("crm", "first"), ("crm", "second"), ("billing", "other"))

        assert secrets_of("crm", configured) == ("first", "second")
        assert secrets_of("shop", configured) == ("all",)
        assert secrets_of("shop", configured[1:]) == ()


class TestSend:
    def test_it_arrives_as_the_specification_says(self, receiver: WebhookReceiver) -> None:
        send(INSIDE, receiver.url, a_webhook(), secrets=[SECRET], now=NOW)

        (got,) = receiver.got
        assert json.loads(got.body) == {
            "type": "ticket.resolved",
            "timestamp": "2026-06-18T09:00:00Z",
            "data": {"ticket_id": 9, "text": "Grüße"},
        }
        assert got.headers["webhook-id"] == "evt_e4"
        assert got.headers["webhook-timestamp"] == str(int(NOW.timestamp()))
        assert got.headers["content-type"] == "application/json"
        assert got.is_signed_with(SECRET)
        assert not got.is_signed_with(OLD_SECRET)

    def test_each_of_two_secrets_verifies(self, receiver: WebhookReceiver) -> None:
        send(INSIDE, receiver.url, a_webhook(), secrets=[SECRET, OLD_SECRET], now=NOW)

        assert receiver.got[0].is_signed_with(SECRET)
        assert receiver.got[0].is_signed_with(OLD_SECRET)

    def test_another_try_has_the_same_id_and_body_and_its_own_time(self, receiver: WebhookReceiver) -> None:
        for now in (AT, NOW):
            send(INSIDE, receiver.url, a_webhook(), secrets=[SECRET], now=now)

        first, second = receiver.got
        assert (first.body, first.headers["webhook-id"]) == (second.body, second.headers["webhook-id"])
        assert first.headers["webhook-timestamp"] != second.headers["webhook-timestamp"]

    def test_what_is_too_large_is_not_sent(self, receiver: WebhookReceiver) -> None:
        with pytest.raises(PermanentError) as caught:
            send(INSIDE, receiver.url, a_webhook(text="x" * 20_000), secrets=[SECRET], now=NOW)

        assert caught.value.cause == "too_large"
        assert receiver.got == []

    def test_twenty_thousand_bytes_are_not_too_large(self) -> None:
        room = module.LARGEST_BODY - len(a_webhook(text="").body())

        assert module.LARGEST_BODY == 20_000
        assert len(a_webhook(text="x" * room).body()) == 20_000
        with pytest.raises(PermanentError):
            a_webhook(text="x" * (room + 1)).body()

    def test_half_a_character_does_no_harm(self) -> None:
        assert json.loads(a_webhook(text="a\ud800b").body())["data"] == {"text": "a?b"}

    def test_a_failure_is_raised_with_what_was_said(self, receiver: WebhookReceiver) -> None:
        receiver.replies = [Reply(503, b"back soon\x1b[2J", {"Retry-After": "120"})]

        with pytest.raises(TransientError) as caught:
            send(INSIDE, receiver.url, a_webhook(), secrets=[SECRET], now=NOW)

        assert (caught.value.cause, caught.value.status, caught.value.retry_after) == ("unavailable", 503, 120.0)
        assert str(caught.value) == "HTTP 503: back soon [2J"
        assert SECRET not in str(caught.value)


class TestAnswers:
    def test_of_what_was_said_the_first_three_hundred_characters_are_kept(self) -> None:
        assert len(module.said_in(Answer(500, {}, "ü".encode() * 5000))) == 300

    @pytest.mark.parametrize("status", [200, 201, 202, 204, 299])
    def test_2xx_is_taken(self, status: int) -> None:
        assert failure_of(Answer(status, {}, b""), now=0) is None

    @pytest.mark.parametrize(
        ("status", "kind", "cause"),
        [
            (301, TransientError, "redirected"), (302, TransientError, "redirected"),
            (307, TransientError, "redirected"), (304, TransientError, "redirected"),
            (408, TransientError, "timeout"), (425, TransientError, "too_early"),
            (429, TransientError, "rate_limited"), (500, TransientError, "server_error"),
            (502, TransientError, "server_error"), (503, TransientError, "unavailable"),
            (504, TransientError, "server_error"), (400, PermanentError, "refused"),
            (401, PermanentError, "refused"), (403, PermanentError, "refused"), (404, PermanentError, "refused"),
            (422, PermanentError, "refused"), (410, PermanentError, "endpoint_gone"),
        ],
    )  # fmt: skip
    def test_everything_else_is_a_failure(self, status: int, kind: type[Exception], cause: str) -> None:
        failure = failure_of(Answer(status, {}, b""), now=0)

        assert type(failure) is kind
        assert failure is not None
        assert (failure.cause, failure.status) == (cause, status)
