"""A person calls an effect off in the very moment in which it is taken up: it stays called off."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

from sqlalchemy import update

from tests.contract.builders import a_note, add_effects, claimed_effect, effect, ticket_ids, wait_for_a_lock
from worker.clock import ManualClock
from worker.domain.effects import Effect, EffectKind, EffectState
from worker.store import notices
from worker.store.database import Database
from worker.store.effect_rows import COLLECTING
from worker.store.effect_targets import retarget
from worker.store.schema import effects


def call_off_during(db: Database, effect_id: int, work: Callable[[], Any]) -> Any:
    """What `work` returns, begun in another thread while the row is cancelled and that is not yet committed."""
    found: list[Any] = []
    thread = threading.Thread(target=lambda: found.append(work()))
    with db.write() as conn:
        conn.execute(update(effects).where(effects.c.id == effect_id).values(state="cancelled", cause="operator"))
        thread.start()
        wait_for_a_lock(db)
    thread.join()
    return found[0]


def late() -> Effect:
    payload = {"subject": "s", "text": "t", "to": [], "team": "billing", "late": True}
    return Effect(EffectKind.OPERATOR_NOTICE, "sla:1", payload)


def test_a_notice_is_not_gathered(db: Database, clock: ManualClock) -> None:
    one, two, three = ticket_ids(db, 3)
    first, second, third = add_effects(db, [(one, late()), (two, late()), (three, late())])
    clock.advance(COLLECTING)
    claimed = claimed_effect(db)
    assert claimed.id == first

    gathered = call_off_during(db, second, lambda: notices.gather(db, claimed))

    assert [each.id for each in gathered] == [third]
    notices.keep(db, claimed, gathered, {"told": {}})
    assert (effect(db, second).state, effect(db, third).state) == ("cancelled", "done")


def test_what_waited_for_a_conversation_does_not_begin_anew(db: Database) -> None:
    (ticket,) = ticket_ids(db)
    first, second = add_effects(db, [(ticket, a_note("a")), (ticket, a_note("b"))], state=EffectState.NO_TARGET)

    def find_conversation() -> list[int]:
        with db.write() as conn:
            return retarget(conn, [ticket], states=lambda _: EffectState.PENDING, now=db.now(conn))

    assert call_off_during(db, first, find_conversation) == [second]

    assert (effect(db, first).state, effect(db, second).state) == ("cancelled", "pending")
