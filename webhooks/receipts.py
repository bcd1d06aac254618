"""What the inbox keeps of a request: its identity, its headers without credentials, its bytes."""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Mapping

from webhooks.arrival import Arrival
from webhooks.sources.base import STALE, TOO_LARGE, Authentic, Source
from worker.log import REDACTED
from worker.store.inbox import Receipt

LONGEST_ID = 200
LONGEST_VALUE = 4096
MOST_HEADERS = 100
_CREDENTIALS = frozenset({
    "authorization", "proxy-authorization", "cookie", "x-api-key", "api_access_token", "api-access-token",
    "cf-access-client-secret",
    "x-original-uri", "x-original-url", "x-forwarded-uri", "x-envoy-original-path",  # of proxies: the path has a token
})  # fmt: skip


def of(arrival: Arrival, authentic: Authentic) -> Receipt:
    """The receipt of an authentic request; what is too large or stale is dead on arrival, but kept."""
    delivery_id = presentable(authentic.delivery_id)
    dedupe_key = key(arrival.source, delivery_id, arrival.sha256)
    if authentic.dead_cause == STALE:  # the same, signed in time, must not be a duplicate of what is dead on arrival
        dedupe_key = f"{dedupe_key}:{STALE}:{authentic.sent_at}"
    return Receipt(
        receipt_id=str(uuid.uuid4()),
        source=arrival.source.name,
        endpoint=arrival.source.endpoint,
        delivery_id=delivery_id,
        dedupe_key=dedupe_key,
        headers=without_credentials(arrival.headers),
        body=arrival.body,
        received_at=arrival.received_at,
        sent_at=authentic.sent_at,
        truncated=arrival.is_truncated,
        dead_cause=TOO_LARGE if arrival.is_truncated else authentic.dead_cause,
    )


def key(source: Source, delivery_id: str | None, body_sha256: str) -> str:
    """What makes two requests the same delivery: the sender's id and the bytes; without an id, the bytes."""
    return ":".join((source.name, source.endpoint, delivery_id or "", body_sha256))


def presentable(delivery_id: str | None) -> str | None:
    """The id itself if it is short printable ASCII, else its hash; an empty one is none."""
    if not delivery_id:
        return None
    if len(delivery_id) <= LONGEST_ID and delivery_id.isascii() and delivery_id.isprintable():
        return delivery_id
    return "sha256-" + hashlib.sha256(delivery_id.encode("utf-8", "surrogatepass")).hexdigest()


def without_credentials(headers: Mapping[str, str]) -> dict[str, str]:
    """Headers that may be stored: no credentials, nothing endless."""
    return {
        name: REDACTED if name in _CREDENTIALS else value[:LONGEST_VALUE]
        for name, value in list(headers.items())[:MOST_HEADERS]
    }
