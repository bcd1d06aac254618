"""Circuit breakers as rows, so that all workers stop when a dependency fails and one tries whether it is back.

Opens at 10 calls or more in a minute of which half or more failed; for 30 s, doubling to 5 min while probes fail.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, select, update

from worker.store import storable
from worker.store.bulk import insert_rows
from worker.store.database import Database, without_waiting
from worker.store.schema import breakers

WINDOW = timedelta(seconds=60)
FEWEST_CALLS = 10
FAILING_SHARE = 0.5
FIRST_PAUSE = timedelta(seconds=30)
LONGEST_PAUSE = timedelta(minutes=5)
PROBE = timedelta(seconds=30)  # longer than a call may take


@dataclass(frozen=True, slots=True)
class Breaker:
    """A breaker as it stands. `is_open`: do not call; ask again at `open_until`."""

    name: str
    is_open: bool = False
    open_until: datetime | None = None
    is_probe: bool = False
    opens: int = 0
    calls: int = 0
    failures: int = 0
    cause: str | None = None


def state(db: Database, name: str) -> Breaker:
    """May I call? When the pause is over, one asker is told yes (`is_probe`) and must `record`; the others wait."""
    with db.read() as conn:
        now = db.now(conn)
        row = _row(conn, name)
    if row is None or row.open_until is None or _is_held(row, now):
        return _breaker(name, row, now)
    with db.write() as conn:
        now = db.now(conn)
        row = _row(conn, name, lock=True)
        if row is None or row.open_until is None or _is_held(row, now):
            return _breaker(name, row, now)
        conn.execute(update(breakers).where(breakers.c.name == name).values(probe_until=now + PROBE))
    return Breaker(name, False, row.open_until, True, row.opens, row.calls, row.failures, row.cause)


def peek(db: Database) -> list[Breaker]:
    """All of them, for display: takes no probe."""
    with db.read() as conn:
        now = db.now(conn)
        rows = conn.execute(select(breakers).order_by(breakers.c.name)).all()
    return [_breaker(row.name, row, now) for row in rows]


def record(db: Database, name: str, ok: bool, cause: str | None = None) -> None:
    """How a call ended. A probe that succeeds closes the breaker, one that fails doubles the pause.

    Not waited for: a breaker that a crash makes forget a call is told of the next.
    """
    with db.write() as conn:
        without_waiting(conn)
        now = db.now(conn)
        row = _row(conn, name, lock=True)
        if row is None:
            insert_rows(conn, breakers, [{"name": name}], ignore=True)
            row = _row(conn, name, lock=True)
        values = _after_probe(row, now, ok) if row.open_until is not None else _after_call(row, now, ok)
        if not ok:
            values["cause"] = storable.optional_text(cause, 200)
        conn.execute(update(breakers).where(breakers.c.name == name).values(values))


def _after_call(row: Any, now: datetime, ok: bool) -> dict[str, Any]:
    fresh = row.window_start is None or now - row.window_start >= WINDOW
    calls = 1 if fresh else row.calls + 1
    failures = (0 if fresh else row.failures) + (0 if ok else 1)
    values: dict[str, Any] = {"calls": calls, "failures": failures}
    if fresh:
        values["window_start"] = now
    if not ok and calls >= FEWEST_CALLS and failures >= calls * FAILING_SHARE:
        values |= _opened(row, now)
    return values


def _after_probe(row: Any, now: datetime, ok: bool) -> dict[str, Any]:
    if row.probe_until is None:  # a call that began before it opened: it says nothing new
        return {"open_until": row.open_until}
    if not ok:
        return _opened(row, now)
    closed = {"open_until": None, "probe_until": None, "opens": 0, "cause": None}
    return {**closed, "window_start": now, "calls": 0, "failures": 0}


def _opened(row: Any, now: datetime) -> dict[str, Any]:
    pause = min(FIRST_PAUSE * 2 ** min(row.opens, 8), LONGEST_PAUSE)
    return {"open_until": now + pause, "probe_until": None, "opens": row.opens + 1}


def _is_held(row: Any, now: datetime) -> bool:
    return bool(row.open_until > now or (row.probe_until is not None and row.probe_until > now))


def _breaker(name: str, row: Any, now: datetime) -> Breaker:
    if row is None:
        return Breaker(name)
    until = row.open_until
    if until is not None and until <= now:
        until = row.probe_until or until
    return Breaker(name, row.open_until is not None, until, False, row.opens, row.calls, row.failures, row.cause)


def _row(conn: Connection, name: str, *, lock: bool = False) -> Any:
    query = select(breakers).where(breakers.c.name == name)
    return conn.execute(query.with_for_update() if lock else query).first()
