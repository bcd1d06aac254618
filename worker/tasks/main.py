"""The worker process: Celery's prefork pool around the four tasks."""

from __future__ import annotations

import os
import socket
import sys
import threading
import time
import warnings
from collections.abc import Callable
from functools import partial
from typing import Any

from billiard import pool
from celery import Celery, signals
from celery.platforms import SecurityWarning

from worker import log, metrics
from worker.celery_app import QUEUES, make_app
from worker.collector import leave_what_stands
from worker.config import Settings
from worker.errors import ConfigError
from worker.metrics_port import refuse_taken
from worker.store import heartbeats
from worker.store.database import Database
from worker.tasks import fire_timers, perform_effects, process_deliveries, refresh_roster, stand_in, state

HEARTBEAT_SECONDS = 5.0
RESTART_SECONDS = 1.0
FAREWELL_LOOKS = 20
"""How often a process of the pool looks, a tenth of a second apart, whether its parent has read its last result, before
it ends. Billiard's 300 make a stop last half a minute: of work that was begun when the broker had just gone, no parent
reads the result. Nothing depends on it, since the wake-up is given out again and the row is the truth."""

logger = log.get(__name__)


def worker_app(settings: Settings) -> Celery:
    """The application with all tasks on it. Raises ConfigError without a broker."""
    if settings.broker_url is None:
        raise ConfigError(
            [
                "HOOKDESK_BROKER_URL is not set and no embedded broker runs here. "
                "Set it, or start everything with `hookdesk up`."
            ]
        )
    app = make_app(settings.broker_url, "worker")
    hard_limit = settings.lease_seconds * 2 / 3
    process_deliveries.register(app, hard_limit=hard_limit)
    fire_timers.register(app, hard_limit=hard_limit)
    perform_effects.register(app)
    refresh_roster.register(app)
    return app


def run(settings: Settings) -> int:
    """Work until SIGTERM (finish what is in hand) or SIGINT; returns the exit code.

    Celery can end by itself: kombu 5.7 fails when it gives messages back to a broker that has just gone away. Then
    this process starts anew in its own place, under the same pid.
    """
    was_asked = threading.Event()
    app = worker_app(settings)
    refuse_taken(settings.metrics_worker_port, settings.metrics_host)
    state.configure(settings)
    beside = stand_in.Beside()
    beat = Heartbeat(settings, beside.tend)
    signals.worker_process_init.connect(_after_fork, weak=False)
    signals.worker_process_shutdown.connect(_before_exit, weak=False)
    signals.setup_logging.connect(_keep_logging, weak=False)

    def ready(**_: Any) -> None:
        metrics.serve(settings.metrics_worker_port, settings.metrics_host)
        beat.start()
        logger.info("worker_started", processes=settings.worker_processes)

    signals.worker_ready.connect(ready, weak=False)
    signals.worker_shutting_down.connect(lambda **_: was_asked.set(), weak=False)
    warnings.simplefilter("ignore", SecurityWarning)  # it is about pickle, which accept_content refuses
    try:
        code = _work(app, settings)
    finally:
        beat.stop()
        beside.end()
    if not was_asked.is_set():
        logger.error("worker_ended_by_itself", code=code, next="starting anew")
        time.sleep(RESTART_SECONDS)
        os.execv(sys.executable, [sys.executable, *sys.orig_argv[1:]])  # noqa: S606 - the very command that runs now
    logger.info("worker_stopped")
    return code


def _work(app: Celery, settings: Settings) -> int:
    try:
        app.worker_main(_arguments(settings))
    except SystemExit as exc:
        return int(exc.code or 0)
    return 0


class Heartbeat:
    """A row that says this worker's parent lives, and a look after what runs beside it (`tend`).

    A thread of its own, which touches no metric (the parent forks).
    """

    def __init__(self, settings: Settings, tend: Callable[[], None]) -> None:
        self._settings, self._tend = settings, tend
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="heartbeat", daemon=True)

    def start(self) -> None:
        """Begin once the pool is up."""
        self._thread.start()

    def stop(self) -> None:
        """End; safe without start."""
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join(timeout=2)

    def _run(self) -> None:
        db = Database.open(self._settings.database_url)
        name = f"worker@{socket.gethostname()}:{os.getpid()}"
        beat = partial(heartbeats.beat, db, name, "worker", {"processes": self._settings.worker_processes})
        while not self._stopping.is_set():
            for duty in (beat, self._tend):
                try:
                    duty()
                except Exception as exc:  # the heart beats on; a database that is away is told by its own alert
                    logger.warning("heartbeat_failed", error=type(exc).__name__)
            self._stopping.wait(HEARTBEAT_SECONDS)
        db.dispose()


def _arguments(settings: Settings) -> list[str]:
    return [
        "--quiet",  # no banner: the log says what is needed
        "worker",
        f"--concurrency={settings.worker_processes}",
        "--pool=prefork",
        "--without-gossip",  # no chatter between workers: nothing here uses it
        "--without-mingle",
        "--loglevel=WARNING",
        f"--queues={','.join(QUEUES)}",
        f"--hostname=hookdesk-{os.getpid()}@%h",
    ]


def _after_fork(**_: Any) -> None:
    pool.GUARANTEE_MESSAGE_CONSUMPTION_RETRY_LIMIT = FAREWELL_LOOKS
    state.desk()
    leave_what_stands()


def _before_exit(**_: Any) -> None:
    state.close()


def _keep_logging(**_: Any) -> None:
    """Connected, so that Celery leaves the logging that log.configure() set up alone."""
