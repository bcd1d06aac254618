"""The scheduler's look four times a second, which mostly finds nothing: one statement over three tables."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from functools import cache
from typing import Any

from sqlalchemy import ColumnElement, Interval, Select, Table, bindparam, false, func, or_, select

from worker.store.database import Database, keeps_time, time_of
from worker.store.effect_rows import DUE
from worker.store.schema import deliveries, effects, timers
from worker.store.timers import PENDING
from worker.store.types import UtcTime
from worker.store.waking import WAITING


@dataclass(frozen=True, slots=True)
class Seen:
    """Whether anybody should be woken, by table, and whether something has been due for longer than it may be."""

    deliveries: bool
    timers: bool
    effects: bool
    late_timers: bool
    late_deliveries: bool


def glance(db: Database, *, late_by: timedelta, left_for: timedelta) -> Seen:
    """Only a hint, as everything may have changed by the next statement.

    A timer is late `late_by` after it was due, a delivery that no worker has taken is when it was `left_for` that long.
    """
    with db.glance() as conn:
        if keeps_time(conn):
            row = conn.execute(_look(by_server=True), {"late_by": late_by, "left_for": left_for}).one()
        else:
            now = time_of(conn)
            given = {"now": now, "late": now - late_by, "left": now - left_for}
            row = conn.execute(_look(by_server=False), given).one()
    return Seen(*(bool(each) for each in row))


@cache
def _look(*, by_server: bool) -> Select[bool, bool, bool, bool, bool]:
    """The first of each by its index: a comparison with the time would let the planner guess how many there are."""
    now: ColumnElement[Any] = func.clock_timestamp() if by_server else bindparam("now", type_=UtcTime())

    def ago(seconds: str, at: str) -> ColumnElement[Any]:
        return now - bindparam(seconds, type_=Interval()) if by_server else bindparam(at, type_=UtcTime())

    free = or_(timers.c.hold_until.is_(None), timers.c.hold_until <= now)
    return select(
        _first(deliveries, "wake_at", WAITING) <= now,
        _first(timers, "wake_at", PENDING) <= now,
        _first(effects, "wake_at", DUE) <= now,
        _first(timers, "due_at", PENDING, free) <= ago("late_by", "late"),
        _first(deliveries, "next_at", WAITING, deliveries.c.suspect == false()) <= ago("left_for", "left"),
    )


def _first(table: Table, column: str, *which: Any) -> ColumnElement[Any]:
    return select(table.c[column]).where(*which).order_by(table.c[column]).limit(1).scalar_subquery()
