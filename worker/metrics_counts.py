"""What the metrics count over many rows, once a minute: effects that wait, and tickets by how they stand."""

from __future__ import annotations

from sqlalchemy import Connection, func, literal_column, select

from worker.domain.effects import CHATWOOT, EVENT, MAIL, NOTICE, EffectState
from worker.domain.standing import Standing
from worker.store.effect_flood import TOO_MANY
from worker.store.effect_rows import DUE, WAITING
from worker.store.schema import effects, tickets
from worker.store.targets import DISABLED
from worker.store.ticket_reads import OPEN

Reading = dict[tuple[str, ...], float]
"""One metric's samples: label values → value."""

_FINAL = (EffectState.DONE, EffectState.CANCELLED, EffectState.DRY_RUN)
_LANES = (CHATWOOT, MAIL, NOTICE, EVENT)
_WHYS = ("approval", TOO_MANY, "no_target", DISABLED)
# literal, never a parameter: beside these conditions the partial indexes of effects serve
_FOR_A_PERSON = literal_column("effects.state").in_((literal_column("'approval'"), literal_column("'no_target'")))
_FAILED = literal_column("effects.state") == literal_column("'retry'")


def effects_by_state(conn: Connection) -> Reading:
    """Those that are not finished."""
    query = select(effects.c.state, func.count()).where(effects.c.state.not_in(_FINAL)).group_by(effects.c.state)
    known: Reading = {(state.value,): 0.0 for state in EffectState if state not in _FINAL}
    return known | {(state,): float(n) for state, n in conn.execute(query)}


def effects_waiting(conn: Connection) -> tuple[Reading, Reading]:
    """Effects that wait for a person, by why: how many, and since when the oldest."""
    query = select(effects.c.state, effects.c.cause, func.count(), func.min(effects.c.created_at))
    counts: Reading = {(why,): 0.0 for why in _WHYS}
    oldest: Reading = dict(counts)
    for state, cause, n, since in conn.execute(query.where(WAITING, _FOR_A_PERSON).group_by("state", "cause")):
        why = (cause if cause in (TOO_MANY, DISABLED) else state,)
        at = since.timestamp()
        counts[why] = counts.get(why, 0.0) + n
        oldest[why] = min(oldest.get(why) or at, at)
    return counts, oldest


def oldest_retry(conn: Connection) -> Reading:
    """Since when the oldest failed effect is tried again and again, by the kind of other side."""
    since = func.min(func.coalesce(effects.c.first_tried_at, effects.c.created_at))
    oldest: Reading = {(lane,): 0.0 for lane in _LANES}
    for lane, at in conn.execute(select(effects.c.lane, since).where(DUE, _FAILED).group_by(effects.c.lane)):
        kind = (lane.partition(":")[0],)
        oldest[kind] = min(oldest.get(kind) or at.timestamp(), at.timestamp())
    return oldest


def open_tickets(conn: Connection) -> Reading:
    """Tickets that are not done, by how they stand with what was promised; by their index alone."""
    query = select(tickets.c.standing, func.count()).where(OPEN).group_by(tickets.c.standing)
    names = {one.value: one.value or "fine" for one in Standing}
    counted = {names.get(value, value): float(n) for value, n in conn.execute(query)}
    return {(name,): counted.get(name, 0.0) for name in names.values()}
