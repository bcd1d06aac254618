"""Signed webhooks out, as Standard Webhooks describes them: https://www.standardwebhooks.com

The id stays the same over all tries of one event, so that whoever receives it can leave out what it has seen.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from worker import log
from worker.clients.egress import Egress
from worker.clients.exchange import Answer, retry_after
from worker.errors import PermanentError, TransientError, WorkError
from worker.signing import standard_headers

LARGEST_BODY = 20_000  # bytes, as the specification advises
GONE = 410
_WAITS = {408: "timeout", 425: "too_early", 429: "rate_limited"}
_SAID = 300  # characters of an answer that are kept


@dataclass(frozen=True, slots=True)
class Webhook:
    """One event as it is sent. `id` is stable over tries, `at` is when it happened."""

    id: str
    type: str
    at: datetime
    data: Mapping[str, Any]

    def body(self) -> bytes:
        """The same bytes for every try. Raises PermanentError("too_large")."""
        said = {"type": self.type, "timestamp": self.at.isoformat().replace("+00:00", "Z"), "data": self.data}
        body = json.dumps(said, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace")
        if len(body) > LARGEST_BODY:
            raise PermanentError("too_large", f"the event has {len(body)} bytes; at most {LARGEST_BODY} are sent")
        return body


def send(egress: Egress, url: str, webhook: Webhook, *, secrets: Sequence[str], now: datetime) -> Answer:
    """Post it, signed with all these secrets as of `now`. Raises what `Egress.post` raises, and for an answer:

    TransientError (timeout, too_early, rate_limited, unavailable, server_error, redirected) or PermanentError
    (refused; endpoint_gone for 410, which means: never again).
    """
    body = webhook.body()
    signed = standard_headers(secrets, body, message_id=webhook.id, timestamp=int(now.timestamp()))
    answer = egress.post(url, headers={"Content-Type": "application/json", **signed}, body=body)
    failure = failure_of(answer, now=now.timestamp())
    if failure is not None:
        raise failure
    return answer


def failure_of(answer: Answer, *, now: float) -> WorkError | None:
    """What an answer means; None for 2xx. A redirect is a failure: it may lead where we must not go."""
    status, said = answer.status, f"HTTP {answer.status}: {said_in(answer)}".rstrip(": ")
    if 200 <= status < 300:
        return None
    if status == GONE:
        return PermanentError("endpoint_gone", said, status=status)
    hint = retry_after(answer.headers.get("Retry-After"), now=now)
    if status in _WAITS:
        return TransientError(_WAITS[status], said, status=status, retry_after=hint)
    if status >= 500:
        cause = "unavailable" if status == 503 else "server_error"
        return TransientError(cause, said, status=status, retry_after=hint)
    if status < 400:
        return TransientError("redirected", f"HTTP {status}: redirects are not followed", status=status)
    return PermanentError("refused", said, status=status)


def said_in(answer: Answer) -> str:
    """The beginning of what was answered, as one printable line."""
    text = log.redact_text(answer.body[: 4 * _SAID].decode("utf-8", "replace"))
    return " ".join("".join(char if char.isprintable() else " " for char in text).split())[:_SAID]


def secrets_of(target: str, configured: Sequence[tuple[str, str]]) -> tuple[str, ...]:
    """The secrets that sign for a target, in order: its own, or else everybody's."""
    own = tuple(secret for name, secret in configured if name == target)
    return own or tuple(secret for name, secret in configured if not name)
