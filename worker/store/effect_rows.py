"""What an effect's row looks like, and reading it: for operators, and for who performs it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import literal_column, select, text

from worker.domain.effects import CUSTOMER_FACING, Effect, EffectKind
from worker.store.database import Database
from worker.store.schema import effects

COLLECTING = timedelta(seconds=10)  # how long a late notice waits for others of its team
# literal, never a parameter: a prepared statement must still match the partial indexes
DUE = text("effects.state IN ('pending','retry')")
LIVE = "('pending','retry','performing')"
WAITING = text("effects.state IN ('pending','retry','approval','no_target')")
PERFORMING = literal_column("effects.state") == literal_column("'performing'")


@dataclass(frozen=True, slots=True)
class StoredEffect:
    """One effect in any state."""

    id: int
    ticket_id: int
    kind: EffectKind
    decision: str
    lane: str
    payload: Mapping[str, Any]
    state: str
    attempts: int
    next_at: datetime
    expires_at: datetime
    cause: str | None
    detail: str | None
    result: Any
    created_at: datetime
    first_tried_at: datetime | None
    done_at: datetime | None


_COLUMNS = tuple(effects.c[name] for name in StoredEffect.__slots__)


def lifetime(kind: EffectKind) -> timedelta:
    """How long an effect may wait: what a customer sees goes stale sooner, an event lives as long as its schedule."""
    if kind is EffectKind.EVENT:
        return timedelta(days=7)  # ten tries take up to 128 h when every answer asks for more time
    return timedelta(hours=24 if kind in CUSTOMER_FACING else 72)


def first_at(effect: Effect, now: datetime) -> datetime:
    """When it is due first: what is told late may wait for its like, so that one notice tells of all of them."""
    is_late = effect.kind is EffectKind.OPERATOR_NOTICE and bool(effect.payload.get("late"))
    return now + COLLECTING if is_late else now


def get(db: Database, effect_id: int) -> StoredEffect | None:
    """The effect with this id."""
    with db.read() as conn:
        row = conn.execute(select(*_COLUMNS).where(effects.c.id == effect_id)).first()
    return None if row is None else _stored(row)


def list_effects(
    db: Database, *, state: str | None = None, kind: str | None = None, ticket: int | None = None, limit: int = 50
) -> list[StoredEffect]:
    """The newest first."""
    query = select(*_COLUMNS).order_by(effects.c.id.desc()).limit(limit)
    if state is not None:
        query = query.where(effects.c.state == str(state))
    if kind is not None:
        query = query.where(effects.c.kind == str(kind))
    if ticket is not None:
        query = query.where(effects.c.ticket_id == ticket)
    with db.read() as conn:
        return [_stored(row) for row in conn.execute(query)]


def _stored(row: Any) -> StoredEffect:
    return StoredEffect(**{**row._mapping, "kind": EffectKind(row.kind)})
