"""Notices that are told together: those of one team that are late anyway, gathered under the claim of one of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Connection, case, func, literal, null, select, text, update

from worker.domain.effects import NOTICE, EffectKind
from worker.store import audit
from worker.store.database import Database
from worker.store.effect_rows import DUE, LIVE, PERFORMING
from worker.store.effects import CLAIM_LOCK, ClaimedEffect
from worker.store.locks import lock_name
from worker.store.schema import effects
from worker.store.types import UtcTime

LEASE = timedelta(seconds=60)
MOST = 500  # notices told by one
PAUSE = timedelta(minutes=1)
"""How long gathered notices wait when telling failed; the one they were gathered for tries sooner, and takes them."""

_COLUMNS = tuple(
    effects.c[name]
    for name in ("id", "ticket_id", "decision", "payload", "state", "attempts", "created_at", "expires_at", "result")
)


@dataclass(frozen=True, slots=True)
class Gathered:
    """One further notice, now under the claim of the first."""

    id: int
    ticket_id: int
    decision: str
    payload: Any
    attempts: int


def gather(db: Database, claimed: ClaimedEffect) -> list[Gathered]:
    """Claim all other waiting late notices of the same team, whenever they are due, as this one is claimed.

    A ticket's notices stay in order: one that stands behind another that is not gathered is left alone. So is one that
    was told in part.
    """
    with db.write() as conn:
        lock_name(conn, CLAIM_LOCK)
        now = db.now(conn)
        chosen = _chosen(conn, claimed, now)
        if chosen:
            first = func.coalesce(effects.c.first_tried_at, literal(now, UtcTime()))
            taken = {"state": "performing", "attempts": effects.c.attempts + 1, "claim": claimed.claim}
            until = {"lease_until": now + LEASE, "first_tried_at": first}
            take = update(effects).where(DUE, _among(chosen)).values(**taken, **until).returning(effects.c.id)
            ours = set(conn.execute(take).scalars())  # without those that somebody called off meanwhile
            chosen = [one for one in chosen if one.id in ours]
    return chosen


def cancel(db: Database, claimed: ClaimedEffect, gathered: Sequence[Gathered], *, detail: str) -> None:
    """They are not wanted any more."""
    with db.write() as conn:
        now = db.now(conn)
        _end(conn, claimed, gathered, now=now, state="cancelled", cause="stale", detail=detail, done_at=now)


def release(db: Database, claimed: ClaimedEffect, gathered: Sequence[Gathered]) -> None:
    """Nobody was told: they wait again, and have used no try."""
    with db.write() as conn:
        now = db.now(conn)
        first = case((effects.c.attempts == 1, null()), else_=effects.c.first_tried_at)
        again = {"attempts": effects.c.attempts - 1, "first_tried_at": first}
        later = {"next_at": now + PAUSE, "wake_at": now + PAUSE}
        _end(conn, claimed, gathered, now=now, state="retry", cause="grouped", **again, **later)


def keep(db: Database, claimed: ClaimedEffect, gathered: Sequence[Gathered], result: Any) -> None:
    """Remember, in the middle of a try, what has been done of it.

    The gathered ones have been told with it, in the same transaction: whoever dies here leaves nothing to tell twice.
    """
    grouped = {"grouped_into": f"e{claimed.id}"}
    with db.write() as conn:
        now = db.now(conn)
        _end(conn, claimed, gathered, now=now, state="done", cause=None, result=grouped, done_at=now)
        mine = (PERFORMING, effects.c.id == claimed.id, effects.c.claim == claimed.claim)
        conn.execute(update(effects).where(*mine).values(result=result))


def _chosen(conn: Connection, claimed: ClaimedEffect, now: datetime) -> list[Gathered]:
    live = text(f"effects.state IN {LIVE}")
    rows = conn.execute(select(*_COLUMNS).where(live, effects.c.lane == NOTICE).order_by(effects.c.id)).all()
    others = [row for row in rows if row.id != claimed.id]
    held = {row.ticket_id for row in others if row.state == "performing"}
    chosen: list[Gathered] = []
    for row in others:
        is_like = bool(row.payload.get("late")) and row.payload.get("team") == claimed.payload.get("team")
        if row.ticket_id in held or not is_like or row.result is not None or row.expires_at <= now:
            held.add(row.ticket_id)
        elif len(chosen) < MOST:
            chosen.append(Gathered(row.id, row.ticket_id, row.decision, row.payload, row.attempts + 1))
    return chosen


def _end(
    conn: Connection, claimed: ClaimedEffect, gathered: Sequence[Gathered], *, now: datetime, state: str, **values: Any
) -> None:
    if not gathered:
        return
    mine = (PERFORMING, effects.c.claim == claimed.claim, _among(gathered))
    values = {"state": state, "claim": None, "lease_until": None, **values}
    conn.execute(update(effects).where(*mine).values(values))
    subjects = [(f"e{one.id}", one.attempts) for one in gathered]
    audit.note(conn, subjects, now=now, outcome=state, cause=values.get("cause"), detail=f"with e{claimed.id}")


def _among(gathered: Sequence[Gathered]) -> ColumnElement[bool]:
    is_one: ColumnElement[bool] = effects.c.id.in_([one.id for one in gathered])
    return (effects.c.kind == EffectKind.OPERATOR_NOTICE.value) & is_one
