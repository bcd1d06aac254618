"""Puts the door together: database, spool, threads and Flask, opened and closed in the right order."""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from flask import Flask

from webhooks import readiness
from webhooks.accept import Acceptor, Wake
from webhooks.app import create_app
from webhooks.deps import Deps
from webhooks.drainer import Drainer
from webhooks.health import StoreHealth
from webhooks.refusals import RejectKeeper
from webhooks.spool import Spool, directory_of
from worker.clock import Clock, SystemClock
from worker.config import Settings
from worker.errors import DependencyDown
from worker.store import heartbeats, inbox, rejects
from worker.store.database import Database
from worker.store.inbox import Accepted, Receipt
from worker.store.standby import TOLD, is_standby

HEARTBEAT_SECONDS = 10.0
DRAIN_SECONDS = 60.0
"""For one statement of the drain: a spooled mail of 40 MiB has to pass even on a slow line, and nobody waits for it."""


@dataclass(frozen=True)
class Door:
    """An open door. `close` commits or spools what was handed in, then lets go of everything."""

    settings: Settings
    deps: Deps
    app: Flask
    threads: int
    closing: tuple[Callable[[], object], ...]

    def close(self) -> None:
        """Safe to call once; every part gets its turn."""
        for part in self.closing:
            part()


def open_door(
    settings: Settings, *, wake: Wake, clock: Clock | None = None, close_wake: Callable[[], object] | None = None
) -> Door:
    """Start every thread of one receiver process. Works while the database is away; raises OSError without a disk."""
    db = Database.open(settings.database_url)
    patient = Database.open(settings.database_url, statement_timeout=DRAIN_SECONDS)
    spool = Spool(directory_of(settings.data_dir), max_bytes=settings.spool_max_bytes)
    health = StoreHealth(lambda: _ask(db))

    def commit(receipts: Sequence[Receipt]) -> list[Accepted]:
        return inbox.accept(db, receipts)

    def bring_back(receipts: Sequence[Receipt]) -> list[Accepted]:
        return inbox.accept(patient, receipts)

    acceptor = Acceptor(commit, spool, wake=wake, health=health)
    keeper = RejectKeeper(lambda batch: rejects.keep(db, batch))
    drainer = Drainer(spool, bring_back, wake=wake, health=health, tick=_heartbeat(db))
    deps = Deps(acceptor, keeper, lambda: readiness.judge(health, spool), clock or SystemClock())
    app = create_app(settings, deps)
    spool.open()
    for part in (acceptor, keeper, drainer):
        part.start()
    last = (close_wake,) if close_wake is not None else ()
    closing = (drainer.close, acceptor.close, spool.close, keeper.close, *last, db.dispose, patient.dispose)
    return Door(settings, deps, app, settings.web_threads, closing)


def _ask(db: Database) -> None:
    """Raises unless the store answers, has our tables and takes writes."""
    rejects.latest(db, limit=0)
    with db.read() as conn:
        if is_standby(conn):
            raise DependencyDown(TOLD)


def _heartbeat(db: Database) -> Callable[[], None]:
    name = f"web@{socket.gethostname()}:{os.getpid()}"
    due = 0.0

    def beat() -> None:
        nonlocal due
        if time.monotonic() >= due:
            heartbeats.beat(db, name, "web", {})
            due = time.monotonic() + HEARTBEAT_SECONDS

    return beat
