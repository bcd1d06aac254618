"""The scheduler: a plain loop over SQL that wakes what is due or orphaned. It makes no outside call.

Any number may run at once. Each tick hands due work to Celery; when the broker has taken no wake-up for five seconds
it processes batches and fires timers itself, until the broker is back. A timer that is late it always fires itself.
"""

from __future__ import annotations

import os
import signal
import socket
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from worker import log, metrics
from worker.collector import leave_what_stands
from worker.config import Settings
from worker.desk import Desk, open_desk
from worker.firing import fire_due
from worker.metrics_sql import SqlCollector
from worker.processing import drain, reap
from worker.store import claims, effects, heartbeats, leases, ledger, load, timers
from worker.store.database import is_connection_lost
from worker.store.glance import Seen, glance
from worker.wake import Kind, Publisher

TICK_SECONDS = 0.25
STAND_IN_AFTER_SECONDS = 5.0  # the broker's grace before the scheduler processes batches itself
AGAIN_AFTER = timedelta(seconds=5)  # a woken row is not woken again before this, doubling
WAKE_LIMIT = 500  # rows named in one wake-up; its task drains whatever is due
ROSTER_EVERY = timedelta(seconds=60)
JUMP_SECONDS = 2.0  # wall and monotonic clock may part by this much in a tick before it counts as a jump
FREEZE_SECONDS = 60.0  # the longest lease: after a jump nobody's lease is taken back for this long
AWAY_SECONDS = 1.0  # between tries while the database is away
LEFT = timedelta(seconds=15)  # a delivery that no worker has taken by then: they are overwhelmed, deaf or gone
HELP_SECONDS = 0.2  # one batch, as timers must not wait for it
LATE = timedelta(seconds=0.5)  # workers that have not fired a timer by then are busy, stuck or gone
STAND_IN_SECONDS = 1.0  # how long one stand-in turn may take before the loop looks round again

logger = log.get(__name__)


class Every:
    """True at most once per interval; the first time at once."""

    def __init__(self, seconds: float, monotonic: Callable[[], float]) -> None:
        self._seconds, self._monotonic, self._next = seconds, monotonic, 0.0

    def due(self) -> bool:
        now = self._monotonic()
        if now < self._next:
            return False
        self._next = now + self._seconds
        return True


class Scheduler:
    """One replica. `tick()` is the whole work; `run()` repeats it until `stop()`."""

    def __init__(
        self,
        desk: Desk,
        publisher: Publisher,
        *,
        monotonic: Callable[[], float] = time.monotonic,
        wall: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._desk, self._publisher = desk, publisher
        self._monotonic, self._wall = monotonic, wall
        self._stopping = threading.Event()
        self._name = f"scheduler@{socket.gethostname()}:{os.getpid()}"
        self._housekeeping, self._heartbeat = Every(1.0, monotonic), Every(5.0, monotonic)
        self._roll_up, self._probe = Every(60.0, monotonic), Every(1.0, monotonic)
        self._count_load = Every(30.0, monotonic)
        self._roster = Every(ROSTER_EVERY.total_seconds(), monotonic)
        self._offset = self._clock_offset()
        self._frozen_until = 0.0
        self.clock_jumps = 0

    def stop(self) -> None:
        """End after the tick in hand."""
        self._stopping.set()

    def run(self) -> None:
        """Tick until stopped. A database that is away is waited for, everything else is logged and tried again."""
        while not self._stopping.is_set():
            pause = TICK_SECONDS
            try:
                self.tick()
            except Exception as exc:  # the loop must outlive any error; what failed stays due
                pause = AWAY_SECONDS
                if is_connection_lost(exc):
                    logger.warning("database_away", error=type(exc).__name__)
                else:
                    logger.exception("tick_failed")
                metrics.TASK_FAILURES.labels(task="scheduler", reason="error").inc()
            self._stopping.wait(pause)

    def tick(self) -> None:
        """Wake what is due; stand in for the workers when the broker refuses; keep house once a second."""
        self._watch_clock()
        if self._heartbeat.due():
            heartbeats.beat(self._desk.db, self._name, "scheduler", {"refused_for": self._publisher.refused_for()})
        if self._housekeeping.due():
            self._keep_house()
        seen = glance(self._desk.db, late_by=LATE, left_for=LEFT)
        if seen.late_timers:
            self._fire_late()  # before the broker is asked anything: one that hangs takes its time
        if not self._broker_takes():
            return self._stand_in()
        self._wake_due(seen)
        if seen.late_deliveries:
            self._process_left()
        return None

    def _broker_takes(self) -> bool:
        """False while the broker refuses; then one probe a second finds out when it is back."""
        if self._publisher.refused_since is None:
            return True
        return self._probe.due() and self._publisher.publish("deliveries", [], probe=True)

    def _wake_due(self, seen: Seen) -> None:
        kinds: tuple[tuple[Kind, bool, Callable[..., list[int]]], ...] = (
            ("deliveries", seen.deliveries, claims.due),
            ("timers", seen.timers, timers.due_and_unwoken),
            ("effects", seen.effects, effects.due_and_unwoken),
        )
        for kind, is_due, due in kinds:
            if is_due and (ids := due(self._desk.db, limit=WAKE_LIMIT, again_after=AGAIN_AFTER)):
                self._publisher.publish(kind, ids)

    def _fire_late(self) -> None:
        """What workers have not fired in time, woken or not: a timer waits for nobody's hands, nor for a broker."""
        if fire_due(self._desk, seconds=STAND_IN_SECONDS):
            metrics.INLINE_BATCHES.inc()
            logger.info("fired_late_timers")

    def _process_left(self) -> None:
        """A batch of what no worker has taken, although the broker took the wake-ups: it may deliver none of them."""
        if worked := drain(self._desk, seconds=HELP_SECONDS):
            metrics.INLINE_BATCHES.inc()
            logger.info("processed_what_was_left", worked=worked)

    def _stand_in(self) -> None:
        """Do the workers' part while the broker refuses, after a grace that lets a restart pass unnoticed."""
        if self._publisher.refused_for() < STAND_IN_AFTER_SECONDS:
            return
        until, worked = self._monotonic() + STAND_IN_SECONDS, 0
        while done := fire_due(self._desk, seconds=STAND_IN_SECONDS) + drain(self._desk, seconds=HELP_SECONDS):
            worked += done
            if self._monotonic() >= until:
                break
        if worked:
            metrics.INLINE_BATCHES.inc()
            logger.info("stood_in_for_broker", worked=worked)

    def _keep_house(self) -> None:
        db = self._desk.db
        if self._monotonic() >= self._frozen_until:
            reap(self._desk)
            effects.reap(db)
        effects.expire(db)
        if self._roster.due() and leases.acquire(db, "wake_roster", self._name, ROSTER_EVERY):
            self._publisher.publish("roster", [])
        if self._count_load.due():
            load.recount(db)
        if self._roll_up.due():
            ledger.roll_up_receipts(db)

    def _watch_clock(self) -> None:
        """A stepped host clock would end living leases: after a jump nothing is taken back for one lease."""
        offset = self._clock_offset()
        if abs(offset - self._offset) > JUMP_SECONDS:
            self.clock_jumps += 1
            self._frozen_until = self._monotonic() + FREEZE_SECONDS
            logger.warning("clock_jumped", seconds=round(offset - self._offset, 1))
        self._offset = offset

    def _clock_offset(self) -> float:
        return self._wall().timestamp() - self._monotonic()


def main(settings: Settings) -> None:
    """Run one scheduler in this process until SIGTERM or SIGINT."""
    desk = open_desk(settings, origin="scheduler")
    publisher = Publisher(settings.broker_url, origin="scheduler")
    scheduler = Scheduler(desk, publisher)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: scheduler.stop())
    metrics.serve(settings.metrics_scheduler_port, settings.metrics_host, sql=SqlCollector(settings))
    leave_what_stands()
    logger.info("scheduler_started")
    try:
        scheduler.run()
    finally:
        publisher.close()
        desk.close()
        logger.info("scheduler_stopped")
