"""Effects that had nowhere to go, and now have: the same request came by a door that leads to a conversation."""

from __future__ import annotations

from collections.abc import Callable, Collection
from datetime import datetime

from sqlalchemy import Connection, select

from worker.domain.effects import CHATWOOT, Effect, EffectKind, EffectState
from worker.store.bulk import update_rows
from worker.store.effect_rows import lifetime
from worker.store.schema import effects


def retarget(
    conn: Connection, ticket_ids: Collection[int], *, states: Callable[[Effect], EffectState], now: datetime
) -> list[int]:
    """Let what waits for a conversation begin anew, in these locked tickets; returns the ids of what moved."""
    columns = (effects.c.id, effects.c.kind, effects.c.decision, effects.c.payload)
    of_these = (effects.c.ticket_id.in_(sorted(ticket_ids)), effects.c.lane == CHATWOOT)
    waiting = select(*columns).where(*of_these, effects.c.state == EffectState.NO_TARGET.value).order_by(effects.c.id)
    waiting = waiting.with_for_update()  # a person may be calling them off, or letting them go, just now
    found = [(row.id, Effect(EffectKind(row.kind), row.decision, row.payload)) for row in conn.execute(waiting)]
    moved = [(number, effect, state) for number, effect in found if (state := states(effect)) != EffectState.NO_TARGET]
    rows = [
        {"id": number, "state": state.value, "cause": None, "detail": None, "next_at": now, "wake_at": now,
         "expires_at": now + lifetime(effect.kind)}
        for number, effect, state in moved
    ]  # fmt: skip
    update_rows(conn, effects, rows)
    return [number for number, _, _ in moved]
