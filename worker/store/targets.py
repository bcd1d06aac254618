"""How the targets of outgoing events are doing, and which of them are switched off.

A target is switched off when it says so itself (410) or has only failed for five days: then its events wait, until
they expire, for somebody to switch it on again.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, select, update

from worker.domain.effects import EffectKind
from worker.store import audit, storable
from worker.store.bulk import insert_rows
from worker.store.database import Database
from worker.store.effect_rows import lifetime
from worker.store.schema import effects, targets

DISABLED = "target_disabled"
"""The cause of effects that wait for their target to be switched on."""
PATIENCE = timedelta(days=5)
APART = timedelta(hours=12)
"""Two bad moments five days apart are not five bad days: earlier failures must lie at least so far apart."""


@dataclass(frozen=True, slots=True)
class Standing:
    """One target as it stands. `failing_since`: the first of the failures since the last success."""

    name: str
    disabled_at: datetime | None = None
    cause: str | None = None
    failing_since: datetime | None = None
    last_failure_at: datetime | None = None
    last_success_at: datetime | None = None
    failures: int = 0


_COLUMNS = tuple(targets.c[name] for name in Standing.__slots__)


def get(db: Database, name: str) -> Standing:
    """A target nobody has called yet stands well."""
    with db.read() as conn:
        row = conn.execute(select(*_COLUMNS).where(targets.c.name == name)).first()
    return Standing(name) if row is None else Standing(*row)


def standings(db: Database) -> dict[str, Standing]:
    """All that were ever called, by name."""
    with db.read() as conn:
        rows = conn.execute(select(*_COLUMNS).order_by(targets.c.name)).all()
    return {row.name: Standing(*row) for row in rows}


def succeeded(db: Database, name: str) -> None:
    """It took an event: all earlier failures are forgotten."""
    with db.write() as conn:
        now = db.now(conn)
        _make(conn, name)
        _set(conn, name, failing_since=None, failures=0, last_success_at=now)


def failed(db: Database, name: str, why: str) -> bool:
    """It did not take an event. Returns whether it is switched off, now or since before."""
    with db.write() as conn:
        now = db.now(conn)
        row = _locked(conn, name)
        since = row.failing_since or now
        _set(conn, name, failing_since=since, last_failure_at=now, failures=row.failures + 1)
        if row.disabled_at is None and _is_enough(row, now):
            _set(conn, name, disabled_at=now, cause=storable.text(f"only failures since {since:%Y-%m-%d}: {why}", 500))
            return True
        return row.disabled_at is not None


def disable(db: Database, name: str, why: str) -> bool:
    """Switch it off; False when it was off already."""
    with db.write() as conn:
        row = _locked(conn, name)
        if row.disabled_at is None:
            _set(conn, name, disabled_at=db.now(conn), cause=storable.text(why, 500))
        return row.disabled_at is None


def enable(db: Database, name: str, *, actor: str) -> list[int]:
    """Switch it on, with a clean slate, and let go what waited for that; returns the ids of these effects.

    They are due now, with their whole schedule and their whole time before them.
    """
    with db.write() as conn:
        now = db.now(conn)
        _make(conn, name)
        _set(conn, name, disabled_at=None, cause=None, failing_since=None, failures=0)
        released = (
            update(effects)
            .where(effects.c.lane == f"event:{name}", effects.c.state == "no_target", effects.c.cause == DISABLED)
            .values(state="pending", cause=None, detail=None, attempts=0, first_tried_at=None, next_at=now, wake_at=now,
                    expires_at=now + lifetime(EffectKind.EVENT))
            .returning(effects.c.id)
        )  # fmt: skip
        ids = sorted(conn.execute(released).scalars())
        audit.note(conn, [(f"e{each}", 0) for each in ids], now=now, outcome="released", detail=actor)
    return ids


def _is_enough(row: Any, now: datetime) -> bool:
    if row.failing_since is None or row.last_failure_at is None:
        return False
    return bool(now - row.failing_since >= PATIENCE and row.last_failure_at - row.failing_since >= APART)


def _make(conn: Connection, name: str) -> None:
    insert_rows(conn, targets, [{"name": name}], ignore=True)


def _locked(conn: Connection, name: str) -> Any:
    _make(conn, name)
    return conn.execute(select(targets).where(targets.c.name == name).with_for_update()).one()


def _set(conn: Connection, name: str, **values: Any) -> None:
    conn.execute(update(targets).where(targets.c.name == name).values(values))
