"""What store tests store, with defaults."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

from sqlalchemy import text

from worker.domain.effects import Effect, EffectKind, EffectState
from worker.domain.facts import Author, Message, Person, TicketKey
from worker.domain.ticket import Status, Ticket
from worker.store import effects, inbox, tickets
from worker.store.claims import Claimed, Finished
from worker.store.database import Database
from worker.store.effects import ClaimedEffect, StoredEffect
from worker.store.inbox import Accepted, Receipt

NOON = datetime(2026, 5, 4, 12, 0, tzinfo=UTC)
EFFECT_LEASE = timedelta(seconds=60)
_numbers = count(1)


def a_receipt(key: str | None = None, **changes: Any) -> Receipt:
    n = next(_numbers)
    receipt = Receipt(
        receipt_id=f"receipt-{n}",
        source="chatwoot",
        endpoint="main",
        delivery_id=f"delivery-{n}",
        dedupe_key=key if key is not None else f"key-{n:06}",  # in the order of making: a group is stored by key
        headers={"X-Chatwoot-Delivery": f"delivery-{n}"},
        body=b'{"event":"message_created"}',
        received_at=NOON,
    )
    return replace(receipt, **changes)


def accepted(db: Database, number: int = 1, **changes: Any) -> list[Accepted]:
    """That many different deliveries in the inbox."""
    return inbox.accept(db, [a_receipt(**changes) for _ in range(number)])


def processed(claimed: Claimed, **changes: Any) -> Finished:
    return replace(Finished(claimed, outcome="processed", event="message_created", ticket_id=None), **changes)


def a_key(number: int = 1) -> TicketKey:
    return TicketKey("chatwoot", f"1/{number}")


def a_ticket(key: TicketKey | None = None, **changes: Any) -> Ticket:
    ticket = Ticket(
        key=key or a_key(),
        created_at=NOON,
        updated_at=NOON,
        status=Status.TRIAGED,
        subject="Printer on fire",
        requester=Person(id="7", name="Ada", email="Ada@Example.com"),
    )
    return replace(ticket, **changes)


def a_message(number: int = 1, **changes: Any) -> Message:
    message = Message(id=str(number), at=NOON + timedelta(seconds=number), author=Author.CUSTOMER, text="help")
    return replace(message, **changes)


def ticket_ids(db: Database, number: int = 1) -> list[int]:
    """That many stored tickets."""
    with db.write() as conn:
        keys = [a_key(n) for n in range(1, number + 1)]
        locked = tickets.lock(conn, keys, now=NOON)
        rows = [(locked[key].id, a_ticket(key)) for key in keys]
        tickets.save(conn, rows, policy_version="v1", now=NOON)
    return [row[0] for row in rows]


def add_effects(
    db: Database, rows: Sequence[tuple[int, Effect]], *, state: EffectState = EffectState.PENDING
) -> list[int]:
    with db.write() as conn:
        return effects.add(conn, rows, states=lambda _: state, now=db.now(conn))


def a_note(decision: str = "sla:1", **payload: Any) -> Effect:
    return Effect(EffectKind.PRIVATE_NOTE, decision, payload or {"text": "hello\0\ud800"})


def an_assignment(n: int = 1) -> Effect:
    return Effect(EffectKind.ASSIGN_AGENT, f"routed:{n}", {"agent_id": str(n), "agent": "Ada"})


def a_survey(n: int = 1) -> Effect:
    return Effect(EffectKind.SURVEY, f"resolution:{n}", {"text": "How?", "resolution": n})


def claimed_effect(db: Database) -> ClaimedEffect:
    claimed = effects.claim_one(db, lease=EFFECT_LEASE)
    assert claimed is not None
    return claimed


def effect(db: Database, effect_id: int) -> StoredEffect:
    stored = effects.get(db, effect_id)
    assert stored is not None
    return stored


def wait_for_a_lock(db: Database) -> None:
    """Until somebody waits for what another transaction holds; on SQLite the second has not even begun."""
    until = time.monotonic() + 20
    query = text("SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'")
    while not db.is_sqlite:
        with db.read() as conn:
            if conn.execute(query).scalar_one():
                return
        if time.monotonic() > until:
            raise AssertionError("nobody waits")
