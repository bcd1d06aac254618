"""How every source is received: limit → authenticate → key → accept → answer.

The parts before and after accepting do no I/O, so an event loop can call them itself and wait for many receipts at
once; a thread that may wait calls `receive`.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from webhooks import receipts, tally
from webhooks.accept import RETRY_AFTER_SECONDS, Kept, Overloaded
from webhooks.answers import answer
from webhooks.arrival import Arrival
from webhooks.deps import Deps
from webhooks.refusals import BODY_BYTES
from webhooks.sources.base import Authentic, Rejected
from worker.config import Settings
from worker.store.inbox import Receipt
from worker.store.rejects import Reject
from worker.wsgi import Answer


@dataclass(frozen=True, slots=True)
class Judged:
    """An authentic request and what is to be kept of it."""

    arrival: Arrival
    authentic: Authentic
    receipt: Receipt


def receive(arrival: Arrival, settings: Settings, deps: Deps) -> Answer:
    """Answers once the request is durable, or not accepted."""
    try:
        judged = judge(arrival, settings)
    except Rejected as exc:
        return refused(arrival, exc, deps)
    try:
        outcome: Kept | Overloaded = deps.acceptor.accept(judged.receipt)
    except Overloaded as exc:
        outcome = exc
    return answered(judged, outcome)


def judge(arrival: Arrival, settings: Settings) -> Judged:
    """Raises Rejected; the limit was applied while reading."""
    authentic = arrival.authenticate(tolerance=timedelta(seconds=settings.timestamp_tolerance_seconds))
    return Judged(arrival, authentic, receipts.of(arrival, authentic))


def answered(judged: Judged, outcome: Kept | Overloaded) -> Answer:
    """The answer to what was accepted, or could not be kept."""
    arrival, answers = judged.arrival, judged.arrival.source.answers
    if isinstance(outcome, Overloaded):
        tally.overloaded(arrival, str(outcome))
        return overloaded(answers.overload)
    told = tally.accepted(arrival, judged.authentic, judged.receipt, outcome)
    status = answers.too_large if arrival.is_truncated else answers.accepted
    return answer(status, told, receipt=judged.receipt.receipt_id)


def refused(arrival: Arrival, exc: Rejected, deps: Deps) -> Answer:
    """The answer to what is not accepted; it is kept among the last rejects, for `hookdesk verify`."""
    tally.rejected(arrival, exc.reason)
    deps.reject(
        Reject(
            at=arrival.received_at,
            source=arrival.source.name,
            endpoint=arrival.source.endpoint,
            reason=exc.reason,
            headers=receipts.without_credentials(arrival.headers),
            body=arrival.body[:BODY_BYTES],
        )
    )
    return answer(exc.status, "rejected", **({"fields": exc.fields} if exc.fields else {}))


def overloaded(status: int = 503, why: str = "overloaded, please try again") -> Answer:
    """ "Come again", which every sender that retries understands."""
    return answer(status, why).having("retry-after", str(RETRY_AFTER_SECONDS))
