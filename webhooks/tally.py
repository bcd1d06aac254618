"""What the door counts and logs: one place per outcome."""

from __future__ import annotations

import time
from functools import cache

from prometheus_client import Counter, Histogram

from webhooks.accept import Kept
from webhooks.arrival import Arrival
from webhooks.sources.base import STALE, Authentic
from worker import log, metrics
from worker.store.inbox import Receipt

logger = log.get(__name__)


def accepted(arrival: Arrival, authentic: Authentic, receipt: Receipt, kept: Kept) -> str:
    """Count a durable request; returns its outcome: accepted, duplicate, spooled, too_large or stale_timestamp."""
    outcome = receipt.dead_cause or ("duplicate" if kept.is_duplicate else "accepted")
    if kept.delivery is None:
        metrics.SPOOLED.labels(source=receipt.source).inc()
        outcome = receipt.dead_cause or "spooled"
    if receipt.dead_cause is not None:
        logger.warning(
            "delivery_dead_on_arrival", receipt=receipt.receipt_id, source=receipt.source, cause=receipt.dead_cause,
            delivery=kept.delivery, age_seconds=authentic.age_seconds, size=arrival.size,
        )  # fmt: skip
    if authentic.age_seconds is not None:
        _skew(receipt.source).observe(abs(authentic.age_seconds))
    _count(arrival, outcome)
    return outcome


def rejected(arrival: Arrival, reason: str) -> None:
    """Count a refused request; the metric knows only that it was refused, the log knows why."""
    _count(arrival, "stale_timestamp" if reason == STALE else "rejected")


def overloaded(arrival: Arrival, why: str) -> None:
    """Count a request we could not keep."""
    logger.error("receiver_overloaded", source=arrival.source.name, why=why)
    _count(arrival, "overloaded")


def unread(source: str, status: int, why: str) -> None:
    """Count a request that could not be read to its end."""
    logger.warning("request_unread", source=source, status=status, why=why)
    metrics.WEBHOOKS_RECEIVED.labels(source=source, outcome="overloaded" if status == 503 else "unread").inc()


def _count(arrival: Arrival, outcome: str) -> None:
    received, sizes, durations = _series(arrival.source.name, outcome)
    received.inc()
    sizes.observe(arrival.size)
    durations.observe(time.monotonic() - arrival.started)


@cache
def _series(source: str, outcome: str) -> tuple[Counter, Histogram, Histogram]:
    """Looked up once each: both words come from closed lists."""
    received = metrics.WEBHOOKS_RECEIVED.labels(source=source, outcome=outcome)
    return received, metrics.BODY_BYTES.labels(source=source), metrics.RECEIVE_DURATION.labels(source=source)


@cache
def _skew(source: str) -> Histogram:
    return metrics.SKEW.labels(source=source)
