"""What an operator does with effects: let them go or call them off. Each act is in the audit trail."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import case, literal, update

from worker.domain.effects import CUSTOMER_FACING, EffectKind
from worker.store import audit
from worker.store.database import Database
from worker.store.effect_rows import WAITING, lifetime
from worker.store.schema import effects
from worker.store.types import UtcTime


def approve(db: Database, ids: Sequence[int], *, actor: str) -> list[int]:
    """Let those go that wait for approval or for a target; they are due now, and have their whole time again."""
    with db.write() as conn:
        now = db.now(conn)
        slow, fast, longest = (
            literal(now + lifetime(kind), UtcTime())
            for kind in (EffectKind.PRIVATE_NOTE, EffectKind.SURVEY, EffectKind.EVENT)
        )
        is_event = effects.c.kind == EffectKind.EVENT.value
        is_customer_facing = effects.c.kind.in_(sorted(kind.value for kind in CUSTOMER_FACING))
        approved = (
            update(effects)
            .where(effects.c.id.in_(sorted(ids)), effects.c.state.in_(("approval", "no_target")))
            .values(state="pending", next_at=now, wake_at=now, cause=None,
                    expires_at=case((is_customer_facing, fast), (is_event, longest), else_=slow))
            .returning(effects.c.id, effects.c.attempts)
        )  # fmt: skip
        rows = sorted(conn.execute(approved).all())
        audit.note(conn, [(f"e{row.id}", row.attempts) for row in rows], now=now, outcome="approved", detail=actor)
    return [row.id for row in rows]


def cancel(db: Database, ids: Sequence[int], *, actor: str, reason: str) -> list[int]:
    """Call off those that have not been performed; one in performance is left to end. Returns the cancelled ids."""
    with db.write() as conn:
        now = db.now(conn)
        cancelled = (
            update(effects)
            .where(WAITING, effects.c.id.in_(sorted(ids)))
            .values(state="cancelled", cause="operator", detail=reason, done_at=now)
            .returning(effects.c.id, effects.c.attempts)
        )
        rows = sorted(conn.execute(cancelled).all())
        subjects = [(f"e{row.id}", row.attempts) for row in rows]
        audit.note(conn, subjects, now=now, outcome="cancelled", cause="operator", detail=f"{actor}: {reason}")
    return [row.id for row in rows]
