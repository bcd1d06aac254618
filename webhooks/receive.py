"""The one view of every source: limit → authenticate → key → accept → answer."""

from __future__ import annotations

from datetime import timedelta

from flask import Response

from webhooks import receipts, tally
from webhooks.answers import reply
from webhooks.arrival import Arrival
from webhooks.deps import Deps
from worker.config import Settings


def receive(arrival: Arrival, settings: Settings, deps: Deps) -> Response:
    """Answers once the request is durable. Raises Rejected or Overloaded; the limit was applied while reading."""
    authentic = arrival.authenticate(tolerance=timedelta(seconds=settings.timestamp_tolerance_seconds))
    receipt = receipts.of(arrival, authentic)
    kept = deps.acceptor.accept(receipt)
    outcome = tally.accepted(arrival, authentic, receipt, kept)
    answers = arrival.source.answers
    return reply(answers.too_large if arrival.is_truncated else answers.accepted, outcome, receipt=receipt.receipt_id)
