"""Heartbeats: which processes are alive, as they say themselves."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import delete, select, update

from worker.store import storable
from worker.store.bulk import insert_rows
from worker.store.database import Database
from worker.store.schema import heartbeats

KEPT = timedelta(days=1)  # a process that ended is shown for so long


@dataclass(frozen=True, slots=True)
class Heartbeat:
    """The last sign of life of a process, `kind@host:pid`."""

    process: str
    kind: str
    at: datetime
    detail: Mapping[str, Any]


def beat(db: Database, process: str, kind: str, detail: Mapping[str, Any]) -> None:
    """I am alive, and this is how I am."""
    process = storable.key(process, 80)
    with db.write() as conn:
        now = db.now(conn)
        values = {"kind": storable.text(kind, 12), "at": now, "detail": dict(detail)}
        if conn.execute(update(heartbeats).where(heartbeats.c.process == process).values(values)).rowcount == 0:
            insert_rows(conn, heartbeats, [{"process": process, **values}], ignore=True)
            conn.execute(delete(heartbeats).where(heartbeats.c.at < now - KEPT))


def latest(db: Database) -> list[Heartbeat]:
    """All of them, the newest first."""
    with db.read() as conn:
        return [Heartbeat(*row) for row in conn.execute(select(heartbeats).order_by(heartbeats.c.at.desc()))]
