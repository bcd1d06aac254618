"""Deliveries become tickets: claim, parse, decide, commit; a bad one is set aside alone.

The batch is claimed in one transaction (lease and fence), parsed outside any, and written in a second one: tickets are
locked first, then facts are added, each touched ticket is decided anew from all its facts, and ticket, events, timers,
effects and the deliveries' completion commit together or not at all.
"""

from __future__ import annotations

import random
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import timedelta

from worker import log, metrics
from worker.desk import Desk
from worker.domain.facts import Parsed
from worker.domain.retry import SCHEDULES, Bury, RetryIn
from worker.domain.retry import decide as decide_retry
from worker.domain.wording import failure
from worker.errors import Unparsable, WorkError
from worker.failpoints import reach
from worker.intake.registry import parse
from worker.knowing import again_if_overtaken
from worker.settling import Settled, settle
from worker.store import claims
from worker.store.claims import Claimed, Fenced
from worker.store.database import is_connection_lost

BATCH = 100
TASK = "process_deliveries"
ALONE_SECONDS = 3.0  # for the rest of a batch that failed as a whole, one by one: a task is killed before its lease
GIVE_BACK_SECONDS = 6.0  # how long a task waits for its store to come back, to return what it holds
GIVE_BACK_PAUSE = timedelta(seconds=1)

logger = log.get(__name__)
Read = tuple[Claimed, Parsed]


def drain(desk: Desk, *, seconds: float, batch: int = BATCH) -> int:
    """Process what is due, batch after batch, until none is left or the time is up; returns how many were finished.

    Raises what the database raises when it is away: nothing was finished then that is not committed, and what was
    claimed is given back, if the database returns soon; else its lease lapses.
    """
    until = time.monotonic() + seconds
    finished = 0
    while time.monotonic() < until:
        claimed = claims.claim(desk.db, limit=batch, lease=timedelta(seconds=desk.settings.lease_seconds))
        if not claimed:
            break
        reach("process.after_claim")
        try:
            finished += process(desk, claimed)
        except Exception as exc:
            if is_connection_lost(exc):
                _give_back(desk, claimed)
            raise
    return finished


def reap(desk: Desk) -> None:
    """Take back what a dead worker held; only for the scheduler, which watches the clock that leases run by.

    It is suspect from now on; three deaths alone bury it as poison.
    """
    for delivery, fate in claims.reap(desk.db):
        metrics.LEASES_EXPIRED.labels(task=TASK).inc()
        logger.warning("lease_expired", delivery=delivery, fate=fate)


def process(desk: Desk, batch: Sequence[Claimed]) -> int:
    """Process claimed deliveries together; if that fails, one by one. Returns how many reached an outcome."""
    metrics.TASK_ATTEMPTS.labels(task=TASK).inc(len(batch))
    with metrics.TASK_DURATION.labels(task=TASK).time():
        return _commit_or_split(desk, list(_read(desk, batch)))


def _commit_or_split(desk: Desk, read: Sequence[Read]) -> int:
    try:
        settled = _commit(desk, read)
    except Fenced:
        metrics.FENCED_WRITES.labels(task=TASK).inc()
        logger.warning("fenced", deliveries=[one.id for one, _ in read])
        return 0
    except Exception as exc:  # any error of one delivery must not stop the others: find it alone, then set it aside
        if is_connection_lost(exc):
            raise
        return _one_by_one(desk, read) if len(read) > 1 else _set_aside(desk, read[0][0], exc)
    reach("process.after_commit")
    _tell(desk, settled)
    return len(settled.finished)


def _one_by_one(desk: Desk, read: Sequence[Read]) -> int:
    """Each alone, for a while: what was not reached by then goes back untouched, as it may take as long again."""
    until = time.monotonic() + ALONE_SECONDS
    finished = 0
    for n, one in enumerate(read):
        if n and time.monotonic() >= until:
            claims.release(desk.db, [rest for rest, _ in read[n:]])
            break
        finished += _commit_or_split(desk, [one])
    return finished


def _give_back(desk: Desk, claimed: Sequence[Claimed]) -> None:
    """The store went away under a batch: nobody is to blame, so nobody becomes suspect or loses a try."""
    until = time.monotonic() + GIVE_BACK_SECONDS
    while True:
        try:
            return claims.release(desk.db, claimed, pause=GIVE_BACK_PAUSE)
        except Exception as exc:
            if not is_connection_lost(exc) or time.monotonic() >= until:
                logger.warning("not_given_back", deliveries=len(claimed), error=type(exc).__name__)
                return None
        time.sleep(0.5)


def _read(desk: Desk, batch: Sequence[Claimed]) -> Iterator[Read]:
    for one in batch:
        reach("process.read", one.body)
        try:
            yield (
                one,
                parse(
                    one.source,
                    one.endpoint,
                    one.headers,
                    one.body,
                    received_at=one.received_at,
                    sent_at=one.sent_at,
                    account_id=desk.settings.chatwoot_account_id,
                ),
            )
        except Unparsable as exc:
            _set_aside(desk, one, exc)
        except Exception as exc:  # a parser that breaks on one body must not stop the batch
            logger.exception("parser_broke", delivery=one.id)
            _set_aside(desk, one, exc)


def _commit(desk: Desk, read: Sequence[Read]) -> Settled:
    if not read:
        return Settled()

    def commit(holds: bool) -> Settled:
        with desk.db.write() as conn:
            settled = settle(conn, desk, read, holds=holds)
            reach("process.before_commit")
        return settled

    return again_if_overtaken(commit)


def _set_aside(desk: Desk, one: Claimed, exc: Exception) -> int:
    verdict = decide_retry(
        exc,
        attempt=one.attempts,
        age=timedelta(0),
        draw=random.random(),  # noqa: S311 - jitter, not a secret
        schedule=SCHEDULES["processing"],
    )
    cause = exc.cause if isinstance(exc, WorkError) else "error"
    detail = failure(exc)[:1000]
    retry_in = timedelta(seconds=verdict.seconds) if isinstance(verdict, RetryIn) else None
    try:
        claims.fail(desk.db, one, retry_in=retry_in, cause=cause, detail=detail)
    except Fenced:
        metrics.FENCED_WRITES.labels(task=TASK).inc()
        return 0
    if isinstance(verdict, Bury):
        metrics.DELIVERIES.labels(source=one.source, outcome="dead").inc()
        metrics.DEAD_LETTERS_TOTAL.labels(source=one.source, cause=cause).inc()
        logger.warning("delivery_buried", delivery=one.id, cause=cause)  # the detail may quote a customer
        return 1
    metrics.TASK_RETRIES.labels(task=TASK, reason=cause).inc()
    logger.warning("delivery_retry", delivery=one.id, cause=cause, attempt=one.attempts)
    return 0


def _tell(desk: Desk, settled: Settled) -> None:
    for (source, outcome), number in Counter((line.source, line.outcome) for line in settled.finished).items():
        metrics.DELIVERIES.labels(source=source, outcome=outcome).inc(number)
    for waited in settled.waited_seconds:
        metrics.QUEUE_WAIT.labels(task=TASK).observe(waited)
    settled.count()
    desk.wake.wake("effects", settled.effect_ids)
