"""What every source is: who it is, how it proves itself, how much it may send, and what it is answered."""

from __future__ import annotations

import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Protocol

from webhooks.signature import SignatureError, Verification
from worker.config import Settings
from worker.errors import HookdeskError

MIB = 1024 * 1024
STALE = "stale_timestamp"
TOO_LARGE = "too_large"


@dataclass(frozen=True, slots=True)
class Authentic:
    """A request that is theirs. `dead_cause` is set when it is kept but must not be processed."""

    sent_at: datetime | None = None
    delivery_id: str | None = None
    age_seconds: float | None = None
    dead_cause: str | None = None


class Rejected(HookdeskError):
    """Not accepted: `status` is the answer, `reason` a closed word for logs, metrics and rejects.

    `fields` names what a sender that asked for it is told to complete.
    """

    def __init__(self, status: int, reason: str, *, fields: tuple[str, ...] = ()) -> None:
        self.status, self.reason, self.fields = status, reason, fields
        super().__init__(f"rejected with {status}: {reason}")


@dataclass(frozen=True, slots=True)
class Answers:
    """Status codes by case. `stale`: a valid signature outside the window; 200 keeps it as a dead letter."""

    refused: int = 401
    stale: int = 200
    accepted: int = 200
    too_large: int = 200
    overload: int = 503
    incomplete: int | None = None  # to a sender that asks to be told which fields are missing; None: it cannot ask

    def faults(self, *, sender_retries: bool) -> tuple[str, ...]:
        """Why this table could lose mail; empty for a good one."""
        rules = (
            (self.accepted == 200, "accepted must be exactly 200: Mailgun repeats everything else"),
            (self.too_large == 200, "too_large must be 200: it is kept truncated, a refusal would lose it"),
            (self.refused in {401, 503}, "refused must be 401 or 503: 403, 406 and 410 make senders stop for good"),
            (self.overload == 503, "overload must be 503"),
            (self.incomplete in {None, 422}, "incomplete must be 422, and only for who asks for it"),
            (self.stale in {200, self.refused}, "stale must be 200 (kept) or the answer to a refusal"),
            (sender_retries or self.stale == 200, "stale must be 200 where the sender never tries again"),
        )
        return tuple(sentence for holds, sentence in rules if not holds)


class Proof(StrEnum):
    """What shows that a request is theirs, by its name in the OpenAPI description."""

    CHATWOOT = "chatwootSignature"
    STANDARD = "standardWebhooks"
    BEARER = "bearer"


@dataclass(frozen=True, slots=True)
class Shown:
    """What the OpenAPI description says of a source. One of `proofs` is enough; none: the token in the path is it."""

    operation: str
    about: str
    media_types: tuple[str, ...] = ("application/json",)
    proofs: tuple[Proof, ...] = ()
    headers: tuple[str, ...] = ()


class Check(Protocol):
    """The proof of one request: fed the body as it comes, then asked once."""

    def update(self, chunk: bytes) -> None:
        """The next bytes of the body."""

    def finish(self, *, now: datetime, tolerance: timedelta) -> Authentic:
        """Raises Rejected."""


class Source(Protocol):
    """One way to arrive. `path` is a Flask rule; `<token>` in it reaches `open`."""

    @property
    def name(self) -> str: ...
    @property
    def endpoint(self) -> str: ...
    @property
    def path(self) -> str: ...
    @property
    def limit_bytes(self) -> int: ...
    @property
    def sender_retries(self) -> bool: ...
    @property
    def answers(self) -> Answers: ...
    @property
    def shown(self) -> Shown: ...

    def open(self, headers: Mapping[str, str], token: str | None, settings: Settings) -> Check:
        """Start checking a request with these headers (names in lower case). Raises Rejected when already hopeless."""


class Signed:
    """A check by signature; what a stale one means comes from the answers."""

    def __init__(self, verification: Verification, answers: Answers, delivery_id: str | None) -> None:
        self._verification, self._answers, self._delivery_id = verification, answers, delivery_id

    def update(self, chunk: bytes) -> None:
        self._verification.update(chunk)

    def finish(self, *, now: datetime, tolerance: timedelta) -> Authentic:
        try:
            verified = self._verification.finish(now=now, tolerance=tolerance)
        except SignatureError as exc:
            raise Rejected(self._answers.refused, exc.reason.value) from exc
        if verified.is_stale and self._answers.stale != self._answers.accepted:
            raise Rejected(self._answers.stale, STALE)
        dead_cause = STALE if verified.is_stale else None
        return Authentic(verified.sent_at, self._delivery_id, verified.age_seconds, dead_cause)


class Known:
    """A check that was decided by the headers or the path alone."""

    def __init__(self, delivery_id: str | None) -> None:
        self._delivery_id = delivery_id

    def update(self, chunk: bytes) -> None:
        pass

    def finish(self, *, now: datetime, tolerance: timedelta) -> Authentic:  # noqa: ARG002  the protocol's
        return Authentic(delivery_id=self._delivery_id)


def is_one_of(given: str, known: tuple[str, ...]) -> bool:
    """Constant-time membership; an empty entry matches nothing."""
    found = False
    for one in known:
        found |= bool(one) and hmac.compare_digest(given.encode("utf-8", "surrogatepass"), one.encode())
    return found
