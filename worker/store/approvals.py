"""Templates that a person let go once for all: what waits for approval with such a text goes, and what comes later."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, select, update

from worker.domain.effects import Effect, EffectKind, EffectState
from worker.domain.templates import digest, template_of
from worker.store import audit, storable
from worker.store.bulk import insert_rows
from worker.store.database import Database
from worker.store.effect_flood import TOO_MANY
from worker.store.effect_rows import lifetime
from worker.store.locks import lock_name
from worker.store.schema import approvals, effects

LEAST_PREFIX = 6  # of a template's name, where a person writes it
_LONGEST = 100_000
_LOCK = 7_201_005  # what is just being wished for must be seen by who approves or revokes: they wait for each other


@dataclass(frozen=True, slots=True)
class Approval:
    """One template, who let it go and, when it was taken back, by whom."""

    template: str
    kind: EffectKind
    text: str
    actor: str
    at: datetime
    revoked_at: datetime | None
    revoked_by: str | None


class Approved:
    """Whether an effect's template is approved. Looks into the store once, and only when it is asked."""

    def __init__(self, conn: Connection) -> None:
        self._conn = conn
        self._known: frozenset[str] | None = None

    def __call__(self, effect: Effect) -> bool:
        text = template_of(effect.kind, effect.payload)
        if text is None:
            return False
        if self._known is None:
            lock_name(self._conn, _LOCK, shared=True)
            in_force = select(approvals.c.template).where(approvals.c.revoked_at.is_(None))
            self._known = frozenset(self._conn.execute(in_force).scalars())
        return digest(effect.kind, text) in self._known


def allow(db: Database, kind: EffectKind, text: str, *, actor: str) -> list[int]:
    """Approve a template, and release what waits with it; returns the ids of the released effects.

    What waits because its ticket had too many effects goes on waiting.
    """
    name = digest(kind, text)
    with db.write() as conn:
        lock_name(conn, _LOCK)
        now = db.now(conn)
        given = {"actor": storable.text(actor, 200), "at": now, "revoked_at": None, "revoked_by": None}
        row = {"template": name, "kind": kind.value, "text": storable.text(text, _LONGEST), **given}
        insert_rows(conn, approvals, [row], ignore=True)
        was_revoked = (approvals.c.template == name, approvals.c.revoked_at.is_not(None))
        conn.execute(update(approvals).where(*was_revoked).values(given))
        waiting = _of_template(conn, kind, name, (EffectState.APPROVAL,))
        values = {"state": "pending", "next_at": now, "wake_at": now, "cause": None, "expires_at": now + lifetime(kind)}
        return _move(conn, waiting, values, now=now, outcome="approved", detail=f"{actor}: template {name[:12]}")


def revoke(db: Database, template: str, *, actor: str) -> list[int]:
    """Take an approval back, and have what has not gone out yet wait again; returns the ids of those effects."""
    with db.write() as conn:
        lock_name(conn, _LOCK)
        now = db.now(conn)
        in_force = (approvals.c.template == template, approvals.c.revoked_at.is_(None))
        values = {"revoked_at": now, "revoked_by": storable.text(actor, 200)}
        kind = conn.execute(update(approvals).where(*in_force).values(values).returning(approvals.c.kind)).scalar()
        if kind is None:
            return []
        held = _of_template(conn, EffectKind(kind), template, (EffectState.PENDING, EffectState.RETRY))
        back = {"state": "approval", "cause": None}
        return _move(conn, held, back, now=now, outcome="held", detail=f"{actor}: template {template[:12]} revoked")


def all_approvals(db: Database) -> list[Approval]:
    """All that ever were, the newest first."""
    with db.read() as conn:
        rows = conn.execute(select(approvals).order_by(approvals.c.at.desc(), approvals.c.template)).all()
    return [Approval(**{**row._mapping, "kind": EffectKind(row.kind)}) for row in rows]


def _of_template(conn: Connection, kind: EffectKind, name: str, states: Sequence[EffectState]) -> list[int]:
    """Effects in these states with this template; few wait at a time, so their texts are compared here."""
    query = select(effects.c.id, effects.c.payload, effects.c.cause)
    rows = conn.execute(query.where(effects.c.kind == kind.value, effects.c.state.in_([each.value for each in states])))
    same = []
    for row in rows:
        text = template_of(kind, row.payload)
        if text is not None and digest(kind, text) == name and row.cause != TOO_MANY:
            same.append(row.id)
    return same


def _move(
    conn: Connection, ids: Sequence[int], values: Mapping[str, object], *, now: datetime, outcome: str, detail: str
) -> list[int]:
    moved = update(effects).where(effects.c.id.in_(sorted(ids)), effects.c.state != "performing").values(values)
    rows = sorted(conn.execute(moved.returning(effects.c.id, effects.c.attempts)).all())
    audit.note(conn, [(f"e{row.id}", row.attempts) for row in rows], now=now, outcome=outcome, detail=detail)
    return [row.id for row in rows]
