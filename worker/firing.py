"""Timers that are due: each is only a reason to decide its ticket again, as of now, under the ticket's lock."""

from __future__ import annotations

import time
from collections.abc import Sequence

from worker import log, metrics
from worker.deciding import Decided, decide_all
from worker.desk import Desk
from worker.failpoints import reach
from worker.knowing import again_if_overtaken
from worker.settling import Settled
from worker.store import tickets, timers
from worker.store.database import is_connection_lost
from worker.store.timers import TimerRow

BATCH = 200
CROWD = 8  # so many may fire at once, each tickets of its own: who looks sees the due of so many batches
TASK = "fire_timers"

logger = log.get(__name__)


def fire_due(desk: Desk, *, seconds: float, batch: int = BATCH) -> int:
    """Fire what is due until nothing is or the time is up; returns how many timers fired.

    A timer fires exactly once: it is marked in the transaction that stores what it led to.
    """
    until = time.monotonic() + seconds
    fired = 0
    while time.monotonic() < until:
        due = timers.due_tickets(desk.db, limit=batch * CROWD)
        if not due:
            break
        ticket_ids = list(dict.fromkeys(ticket_id for _, ticket_id in due))
        done = _fire(desk, ticket_ids, most=batch, until=until)
        if done == 0:
            break  # others fired them, or they were set aside: the next wake-up sees to the rest
        fired += done
    return fired


def _fire(desk: Desk, ticket_ids: Sequence[int], *, most: int, until: float) -> int:
    metrics.TASK_ATTEMPTS.labels(task=TASK).inc(min(most, len(ticket_ids)))
    try:
        fired, outcome = again_if_overtaken(lambda holds: _commit(desk, ticket_ids, most, holds))
    except Exception as exc:  # one ticket's trouble must not stop the others' timers: find it alone
        if is_connection_lost(exc):
            raise
        if len(ticket_ids) > 1:
            one_by_one = ticket_ids[:most]
            return sum(_fire(desk, [one], most=1, until=until) for one in one_by_one if time.monotonic() < until)
        metrics.TASK_FAILURES.labels(task=TASK, reason="error").inc()
        logger.exception("timer_failed", ticket=ticket_ids[0])
        with desk.db.write() as conn:
            timers.put_off(conn, ticket_ids[0], now=desk.db.now(conn))
        return 0
    reach("fire.after_commit")
    Settled(events=outcome.events, parked=outcome.parked).count()
    desk.wake.wake("effects", outcome.effect_ids)
    return len(fired)


def _commit(desk: Desk, ticket_ids: Sequence[int], most: int, holds: bool) -> tuple[list[TimerRow], Decided]:
    with desk.db.write() as conn:
        # Who also fires takes others. Only when all are held is it waited for the first: their holder may leave it due.
        held = tickets.lock_free(conn, ticket_ids, most=most) or tickets.lock_ids(conn, sorted(ticket_ids[:most]))
        now = desk.db.now(conn)  # after the locks: never earlier than what another writer decided
        due = timers.due_of(conn, list(held), now=now)
        timers.mark_fired(conn, [timer.id for timer in due], now=now)
        touched = sorted({timer.ticket_id for timer in due})
        causes = {timer.ticket_id: f"timer:{timer.kind}:{timer.key}"[:40] for timer in due}
        outcome = decide_all(conn, desk, [held[i] for i in touched], causes=causes, now=now, holds=holds)
        reach("fire.before_commit")
    for timer in due:
        metrics.TIMER_LATENESS.labels(kind=timer.kind).observe(max(0.0, (now - timer.due_at).total_seconds()))
    return due, outcome
