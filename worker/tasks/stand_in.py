"""Performs effects while the broker is away: a small process beside the pool, idle as long as wake-ups go through.

The scheduler stands in for processing, but makes no outside call; this does, so that an assignment still reaches
Chatwoot during a broker outage. It is a process and not a thread, because the pool's parent forks.
"""

from __future__ import annotations

import multiprocessing
import os
import time
from collections.abc import Callable
from multiprocessing.process import BaseProcess

from worker import log
from worker.config import load
from worker.performing import perform_due
from worker.scheduler import STAND_IN_AFTER_SECONDS
from worker.store.database import is_connection_lost
from worker.tasks import state
from worker.wake import Publisher

PROBE_SECONDS = 2.5
TURN_SECONDS = 5.0

logger = log.get(__name__)


class Beside:
    """The process, beside the one that makes this; it ends by itself when that one does."""

    def __init__(self, body: Callable[[int], None] | None = None) -> None:
        self._body = body or run
        self._process = self._start()

    def tend(self) -> None:
        """Start it anew if it has died."""
        if not self._process.is_alive():
            logger.warning("stand_in_ended", code=self._process.exitcode, next="starting anew")
            self._process = self._start()

    def end(self) -> None:
        """For when the worker ends."""
        self._process.terminate()

    @property
    def pid(self) -> int | None:
        """Of the one that runs now."""
        return self._process.pid

    def _start(self) -> BaseProcess:
        process = multiprocessing.get_context("spawn").Process(target=self._body, args=(os.getpid(),), daemon=True)
        process.start()
        return process


def run(parent: int) -> None:
    """Probe the broker with an empty wake-up; perform what is due whenever it has refused for a while."""
    settings = load()
    log.configure(settings)
    state.configure(settings)
    publisher = Publisher(settings.broker_url, origin="worker")
    for kind in ("deliveries", "timers"):
        publisher.publish(kind, [])  # a worker that has just started looks at once, whoever was woken in vain before
    while os.getppid() == parent:
        if not publisher.publish("effects", [], probe=True) and publisher.refused_for() >= STAND_IN_AFTER_SECONDS:
            _turn()
        time.sleep(PROBE_SECONDS)


def _turn() -> None:
    desk = state.desk()
    try:
        performed = perform_due(desk.db, state.client, desk.policy, desk.settings, seconds=TURN_SECONDS)
    except Exception as exc:  # the stand-in outlives any error; what failed stays due
        if not is_connection_lost(exc):
            logger.exception("stand_in_failed")
        return
    if performed:
        logger.info("stood_in_for_broker", effects=performed)
