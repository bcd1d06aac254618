"""The brake on a ticket that keeps asking for effects: an echo, or a rule at war with somebody else's automation."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection, func, select, update

from worker.domain.effects import EffectKind
from worker.store.bulk import one_of
from worker.store.schema import effects

TOO_MANY = "too_many"
MOST = 20  # effects of one ticket on one other side: events for three targets are no echo
WITHIN = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Parked:
    """An effect that waits for a person because its ticket had too many."""

    id: int
    ticket_id: int
    kind: str


def park_excess(conn: Connection, new: Sequence[int], *, now: datetime) -> list[Parked]:
    """Of these effects, just added under their tickets' locks, those beyond the limit go to approval as `too_many`.

    Never a reply: a person wrote it, and no rule writes any.
    """
    if not new:
        return []
    theirs = select(effects.c.ticket_id, effects.c.lane).where(one_of(conn, effects.c.id, new)).distinct().subquery()
    other = effects.alias("other")
    same = (other.c.ticket_id == theirs.c.ticket_id, other.c.lane == theirs.c.lane)
    recent = (*same, other.c.created_at > now - WITHIN)
    count = select(func.count()).select_from(other).where(*recent).scalar_subquery()  # each ticket's by the index
    rows = conn.execute(select(theirs.c.ticket_id, theirs.c.lane, count))
    crowded = {(ticket_id, lane): number for ticket_id, lane, number in rows if number > MOST}
    if not crowded:
        return []
    excess = _excess(conn, new, crowded)
    waiting = effects.c.state.in_(("pending", "approval")) & (effects.c.kind != EffectKind.REPLY.value)
    parked = update(effects).where(effects.c.id.in_(excess), waiting).values(state="approval", cause=TOO_MANY)
    held = conn.execute(parked.returning(effects.c.id, effects.c.ticket_id, effects.c.kind)).all()
    return [Parked(*row) for row in sorted(held)]


def _excess(conn: Connection, new: Sequence[int], crowded: dict[tuple[int, str], int]) -> list[int]:
    """The newest of each ticket and lane, as many as there are beyond the limit."""
    of: dict[tuple[int, str], list[int]] = {}
    rows = select(effects.c.id, effects.c.ticket_id, effects.c.lane).where(effects.c.id.in_(new)).order_by(effects.c.id)
    for effect_id, ticket_id, lane in conn.execute(rows):
        of.setdefault((ticket_id, lane), []).append(effect_id)
    return [effect_id for which, number in crowded.items() for effect_id in of[which][MOST - number :]]
