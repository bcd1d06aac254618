"""Effects: asked for in the transaction that decided, performed one at a time per ticket, each under its own lease."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, case, exists, func, literal, or_, select, text, update

from worker.domain.effects import CHATWOOT, SUPERSEDES, Effect, EffectKind, EffectState
from worker.store import audit, storable
from worker.store.bulk import among, given_rows, given_values, insert_rows
from worker.store.claims import Fenced
from worker.store.database import Database
from worker.store.effect_acts import approve, cancel
from worker.store.effect_rows import DUE, PERFORMING, WAITING, StoredEffect, first_at, get, lifetime, list_effects
from worker.store.locks import lock_name
from worker.store.schema import effects
from worker.store.types import UtcTime
from worker.store.waking import wake

__all__ = (
    "ClaimedEffect", "Fenced", "StoredEffect", "add", "approve", "cancel", "claim_one", "done_at", "due_and_unwoken",
    "expire", "get", "list_effects", "reap", "settle", "told",
)  # fmt: skip

GRACE = timedelta(seconds=1)  # who decided wakes the performers; the scheduler only what nobody took by then
MOST_ATTEMPTS = 16  # an effect that keeps killing its worker never reaches the retry policy: it ends here
CLAIM_LOCK = 7_201_002


@dataclass(frozen=True, slots=True)
class ClaimedEffect:
    """One effect to perform now. `maybe_done`: an earlier attempt may have succeeded without our knowing."""

    id: int
    ticket_id: int
    kind: EffectKind
    decision: str
    payload: Mapping[str, Any]
    attempts: int
    claim: str
    created_at: datetime
    first_tried_at: datetime
    maybe_done: bool
    lane: str = CHATWOOT


def add(
    conn: Connection,
    rows: Sequence[tuple[int, Effect]],
    *,
    states: Callable[[Effect], EffectState],
    now: datetime,
) -> list[int]:
    """Ask for (ticket id, effect); what was asked before stays as it is. Returns the ids of the new ones.

    A kind that sets a field cancels older ones of the same ticket that have not been performed.
    """
    wanted = {
        (ticket_id, effect.kind.value, storable.key(effect.decision, 100)): effect
        for ticket_id, effect in reversed(rows)
    }
    values = [
        {"ticket_id": ticket_id, "kind": kind, "decision": decision, "payload": dict(effect.payload),
         "lane": storable.key(effect.lane, 80), "state": states(effect).value,
         "next_at": first_at(effect, now), "wake_at": first_at(effect, now) + GRACE,
         "expires_at": now + lifetime(effect.kind), "created_at": now}
        for (ticket_id, kind, decision), effect in reversed(wanted.items())
    ]  # fmt: skip
    new = insert_rows(conn, effects, values, returning=("id", "ticket_id", "kind"), ignore=True)
    if setting := [row for row in new if row.kind in SUPERSEDES]:
        _supersede(conn, setting, now)
    return sorted(row.id for row in new)


def done_at(conn: Connection, ticket_id: int, kind: EffectKind, decision: str) -> datetime | None:
    """When this effect was performed; None while it was not."""
    query = select(effects.c.done_at).where(
        effects.c.ticket_id == ticket_id,
        effects.c.kind == kind.value,
        effects.c.decision == storable.key(decision, 100),
        effects.c.state == EffectState.DONE.value,
    )
    at: datetime | None = conn.execute(query).scalar()
    return at


def told(conn: Connection, ticket_id: int, about: str) -> tuple[str, ...]:
    """The decisions, beginning with `about`, of the ticket's notes and notices that somebody may have read.

    Performed, or tried at least: of a try that was cut off nobody knows whether it arrived.
    """
    query = select(effects.c.decision).where(
        effects.c.ticket_id == ticket_id,
        effects.c.kind.in_([EffectKind.PRIVATE_NOTE.value, EffectKind.OPERATOR_NOTICE.value]),
        effects.c.decision.startswith(about, autoescape=True),
        or_(effects.c.state == EffectState.DONE.value, effects.c.first_tried_at.is_not(None)),
        effects.c.state != EffectState.DRY_RUN.value,
    )
    return tuple(sorted(set(conn.execute(query).scalars())))


def claim_one(db: Database, *, lease: timedelta = timedelta(seconds=60)) -> ClaimedEffect | None:
    """The effect that is due longest, of a ticket and lane without an older one to perform or one in performance."""
    token = uuid.uuid4().hex
    with db.write() as conn:
        lock_name(conn, CLAIM_LOCK)  # one claim at a time: two could otherwise take two effects of one ticket
        now = db.now(conn)
        chosen = (
            select(effects.c.id)
            .where(DUE, effects.c.next_at <= now, effects.c.expires_at > now, ~_is_behind_another())
            .order_by(effects.c.next_at, effects.c.id)
            .limit(1)
            .with_for_update(skip_locked=True)
        )
        first = func.coalesce(effects.c.first_tried_at, literal(now, UtcTime()))
        taken = (
            update(effects)
            .where(among(conn, effects.c.id, chosen))
            .values(state="performing", attempts=effects.c.attempts + 1, claim=token, lease_until=now + lease,
                    first_tried_at=first)
            .returning(effects.c.id, effects.c.ticket_id, effects.c.kind, effects.c.decision, effects.c.payload,
                       effects.c.attempts, effects.c.created_at, effects.c.first_tried_at, effects.c.lane)
        )  # fmt: skip
        row = conn.execute(taken).first()
    if row is None:
        return None
    return ClaimedEffect(
        row.id, row.ticket_id, EffectKind(row.kind), row.decision, row.payload, row.attempts, token, row.created_at,
        row.first_tried_at, maybe_done=row.attempts > 1, lane=row.lane,
    )  # fmt: skip


def settle(
    db: Database,
    claimed: ClaimedEffect,
    *,
    state: EffectState,
    cause: str | None = None,
    detail: str | None = None,
    next_at: datetime | None = None,
    result: Any = None,
    refund: bool = False,
) -> None:
    """Store how the attempt ended, with a line in the audit trail. Raises Fenced if the effect is not ours any more.

    `refund`: nothing was sent, so it does not count as an attempt.
    """
    with db.write() as conn:
        now = db.now(conn)
        at = now if next_at is None else next_at
        attempts = claimed.attempts - 1 if refund else claimed.attempts
        final = state in (EffectState.DONE, EffectState.CANCELLED, EffectState.DEAD, EffectState.DRY_RUN)
        values: dict[str, Any] = {
            "state": state.value, "cause": storable.optional_text(cause, 40), "lease_until": None, "claim": None,
            "detail": storable.optional_text(detail, 1000), "attempts": attempts,
            "done_at": now if final else None, "next_at": at, "wake_at": at,
        }  # fmt: skip
        if attempts == 0:
            values["first_tried_at"] = None
        if result is not None:  # else what an earlier try has kept stays
            values["result"] = result
        mine = (PERFORMING, effects.c.id == claimed.id, effects.c.claim == claimed.claim)
        if conn.execute(update(effects).where(*mine).values(values)).rowcount != 1:
            raise Fenced(f"e{claimed.id} was taken over")
        subject = [(f"e{claimed.id}", claimed.attempts)]
        audit.note(conn, subject, now=now, outcome=state.value, cause=cause, detail=detail)


def expire(db: Database) -> list[int]:
    """Cancel what has waited too long; returns the ids."""
    with db.write() as conn:
        now = db.now(conn)
        return _cancel(conn, effects.c.expires_at <= now, cause="expired", now=now)


def reap(db: Database) -> list[int]:
    """Take back what outlived its lease, to be tried again; returns the ids. Its outcome is unknown: it counts.

    For the scheduler alone, which watches the clock that leases run by: a step of it must not start a second call.
    """
    worn_out = effects.c.attempts >= MOST_ATTEMPTS
    with db.write() as conn:
        now = db.now(conn)
        at = literal(now, UtcTime())
        expired = select(effects.c.id).where(PERFORMING, effects.c.lease_until <= now).with_for_update(skip_locked=True)
        reaped = conn.execute(
            update(effects)
            .where(among(conn, effects.c.id, expired))
            .values(state=case((worn_out, "dead"), else_="retry"),
                    cause=case((worn_out, "poison"), else_="lease_expired"),
                    done_at=case((worn_out, at), else_=None), claim=None, lease_until=None, next_at=now, wake_at=now)
            .returning(effects.c.id, effects.c.attempts)
        ).all()  # fmt: skip
        audit.note(conn, [(f"e{row.id}", row.attempts) for row in reaped], now=now, outcome="lease_expired")
    return sorted(row.id for row in reaped)


def due_and_unwoken(db: Database, *, limit: int = 500, again_after: timedelta) -> list[int]:
    """Ids that are due and that nobody has been woken for lately; not again before `again_after`."""
    return wake(db, effects, DUE, limit=limit, again_after=again_after)


def _supersede(conn: Connection, new: Sequence[Any], now: datetime) -> None:
    """Of each ticket and kind only the newest is still wanted."""
    newest = {(row.ticket_id, row.kind): row.id for row in sorted(new, key=lambda row: row.id)}
    given = given_rows(conn, effects, ("id", "ticket_id", "kind"))
    same = (effects.c.ticket_id == given.c.ticket_id, effects.c.kind == given.c.kind)
    older = select(effects.c.id).where(*same, effects.c.id < given.c.id, WAITING)
    rows = [{"id": id_, "ticket_id": ticket_id, "kind": kind} for (ticket_id, kind), id_ in newest.items()]
    if overtaken := conn.execute(older, given_values(conn, rows)).scalars().all():
        _cancel(conn, effects.c.id.in_(overtaken), cause="superseded", now=now)


def _is_behind_another() -> Any:
    other = effects.alias("other")
    live = text("other.state IN ('pending','retry','performing')")
    is_first = (other.c.id < effects.c.id) | (other.c.state == "performing")
    same = (other.c.ticket_id == effects.c.ticket_id) & (other.c.lane == effects.c.lane)
    return exists(select(1).where(same, live, is_first)).correlate(effects)


def _cancel(conn: Connection, *which: Any, cause: str, now: datetime) -> list[int]:
    cancelled = update(effects).where(WAITING, *which).values(state="cancelled", cause=cause, done_at=now)
    return sorted(conn.execute(cancelled.returning(effects.c.id)).scalars())
