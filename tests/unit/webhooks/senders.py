"""How each source's sender makes a request: one line per entry of SOURCES, so that a new one cannot be forgotten."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

from webhooks.sources.base import Source
from worker.signing import chatwoot_headers, standard_headers

NOW = datetime(2026, 6, 18, 9, 0, tzinfo=UTC)
CHATWOOT_SECRET = "h8cZ5uD3mT7wQ2xK9rV4bN6y"
STANDARD_SECRET = "whsec_aG9va2Rlc2sgc2hhcmVkIGZpeHR1cmUga2V5IDAwMDE="
OTHER_STANDARD_SECRET = "whsec_aG9va2Rlc2sgYW5vdGhlciBmaXh0dXJlIGtleSAwMDAy"
BEARER = "hookdesk-static-shared-token-0001"
URL_TOKEN = "url-token-0123456789abcdef"
LINK_SECRET = "a-link-secret-of-more-than-32-characters"


@dataclass(frozen=True)
class Sent:
    """A request on its way."""

    path: str
    body: bytes
    headers: Mapping[str, str] = field(default_factory=dict)

    def but(self, **headers: str | None) -> Sent:
        """The same with other headers; None takes one away. Underscores stand for dashes."""
        changed = {name.lower(): value for name, value in self.headers.items()}
        for name, value in headers.items():
            key = name.replace("_", "-")
            if value is None:
                changed.pop(key, None)
            else:
                changed[key] = value
        return replace(self, headers=changed)


@dataclass(frozen=True)
class Sender:
    """`make(body, secret, at, delivery_id)`; `proof` names the header or marks the path that carries the proof."""

    make: Callable[[bytes, str, datetime, str], Sent]
    secret: str
    other_secret: str
    setting: str
    proof: str | None
    is_timed: bool


def _chatwoot(body: bytes, secret: str, at: datetime, delivery_id: str) -> Sent:
    headers = chatwoot_headers(secret, body, timestamp=int(at.timestamp()), delivery_id=delivery_id)
    return Sent("/webhooks/chatwoot", body, headers)


def _automation(body: bytes, secret: str, _at: datetime, delivery_id: str) -> Sent:
    return Sent(f"/webhooks/chatwoot/{secret}", body, {"X-Chatwoot-Delivery": delivery_id})


def _generic(body: bytes, secret: str, at: datetime, delivery_id: str) -> Sent:
    headers = standard_headers(secret, body, message_id=delivery_id, timestamp=int(at.timestamp()))
    return Sent("/webhooks/email/generic", body, headers)


def _form(body: bytes, secret: str, at: datetime, delivery_id: str) -> Sent:
    headers = standard_headers(secret, body, message_id=delivery_id, timestamp=int(at.timestamp()))
    return Sent("/webhooks/form", body, headers)


SENDERS: dict[tuple[str, str], Sender] = {
    ("chatwoot", "account"): Sender(
        _chatwoot, CHATWOOT_SECRET, "another-secret-24-chars", "chatwoot_webhook_secrets", "x-chatwoot-signature", True
    ),
    ("chatwoot", "automation"): Sender(_automation, URL_TOKEN, "wrong-token", "chatwoot_url_token", None, False),
    ("email", "generic"): Sender(
        _generic, STANDARD_SECRET, OTHER_STANDARD_SECRET, "email_secrets", "webhook-signature", True
    ),
    ("form", "web"): Sender(
        _form, STANDARD_SECRET, OTHER_STANDARD_SECRET, "email_secrets", "webhook-signature", True
    ),
}  # fmt: skip


def sender_of(source: Source) -> Sender:
    return SENDERS[source.name, source.endpoint]


def send_from(source: Source, body: bytes = b'{"event":"x"}', *, secret: str | None = None, at: datetime = NOW,
              delivery_id: str = "d-1") -> Sent:  # fmt: skip
    """A valid request of this source unless told otherwise."""
    sender = sender_of(source)
    return sender.make(body, sender.secret if secret is None else secret, at, delivery_id)


def seconds(number: float) -> timedelta:
    return timedelta(seconds=number)
