"""The two signature schemes Hookdesk speaks, as primitives: for the door, for what it sends, and for practice."""

from __future__ import annotations

import base64
import hmac
from collections.abc import Sequence
from hashlib import sha256

PREFIX_CHATWOOT = "sha256="
PREFIX_STANDARD_SECRET = "whsec_"  # noqa: S105  a prefix, not a secret


def chatwoot_mac(secret: str, timestamp: str) -> hmac.HMAC:
    """An HMAC that already holds what Chatwoot signs before the body; feed it the raw body."""
    return hmac.new(secret.encode(), f"{timestamp}.".encode(), sha256)


def sign_chatwoot(secret: str, body: bytes, *, timestamp: int | str) -> str:
    """The value of X-Chatwoot-Signature. The secret is used as text, as Chatwoot does."""
    mac = chatwoot_mac(secret, str(timestamp))
    mac.update(body)
    return PREFIX_CHATWOOT + mac.hexdigest()


def chatwoot_headers(secret: str, body: bytes, *, timestamp: int, delivery_id: str) -> dict[str, str]:
    """The headers of a signed Chatwoot webhook, in its own spelling."""
    return {
        "Content-Type": "application/json",
        "Accept": "application/json",
        "X-Chatwoot-Delivery": delivery_id,
        "X-Chatwoot-Timestamp": str(timestamp),
        "X-Chatwoot-Signature": sign_chatwoot(secret, body, timestamp=timestamp),
    }


def standard_key(secret: str) -> bytes:
    """The key inside a Standard Webhooks secret, with or without `whsec_` and padding. Raises ValueError."""
    text = secret.removeprefix(PREFIX_STANDARD_SECRET).rstrip("=")
    key = base64.b64decode(text + "=" * (-len(text) % 4), validate=True)
    if not key:
        raise ValueError("an empty secret")
    return key


def standard_mac(secret: str, message_id: bytes, timestamp: str) -> hmac.HMAC:
    """An HMAC that already holds `id.timestamp.`; feed it the raw body. Raises ValueError for a secret not base64."""
    return hmac.new(standard_key(secret), b"%s.%s." % (message_id, timestamp.encode()), sha256)


def sign_standard(secret: str, body: bytes, *, message_id: str, timestamp: int | str) -> str:
    """One `v1,…` entry of webhook-signature. Raises ValueError for a secret that is not base64."""
    mac = standard_mac(secret, message_id.encode(), str(timestamp))
    mac.update(body)
    return "v1," + base64.b64encode(mac.digest()).decode()


def standard_headers(secret: str | Sequence[str], body: bytes, *, message_id: str, timestamp: int) -> dict[str, str]:
    """The three headers of the Standard Webhooks specification. Of several secrets each signs, the first one first: who
    knows any of them can verify, so that a secret is changed without a gap. Raises ValueError for one not base64."""
    secrets = (secret,) if isinstance(secret, str) else secret
    signatures = [sign_standard(each, body, message_id=message_id, timestamp=timestamp) for each in secrets]
    return {
        "webhook-id": message_id,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": " ".join(signatures),
    }
