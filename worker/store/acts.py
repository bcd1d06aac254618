"""Acts that are stored already: what an idempotency key stands for."""

from __future__ import annotations

from sqlalchemy import Connection, select, union_all

from worker.domain.facts import Act, TicketKey
from worker.store import codec, storable
from worker.store.schema import facts, ticket_aliases, tickets
from worker.store.ticket_rows import stored_key


def find(conn: Connection, ticket_id: int, act_id: str) -> Act | None:
    """The act of this ticket with this id."""
    query = select(facts.c.kind, facts.c.data).where(facts.c.ticket_id == ticket_id, facts.c.key == _key(act_id))
    row = conn.execute(query).first()
    return None if row is None else _act(row.kind, row.data)


def creation(conn: Connection, key: TicketKey, act_id: str) -> tuple[int, Act] | None:
    """The act that created what is known under `key`, with its ticket's id: also where that was known already."""
    source, external_id = stored_key(key)
    own = select(tickets.c.id).where(tickets.c.source == source, tickets.c.external_id == external_id)
    other = select(ticket_aliases.c.ticket_id).where(
        ticket_aliases.c.source == source, ticket_aliases.c.external_id == external_id
    )
    ids = conn.execute(union_all(own, other)).scalars().all()
    query = select(facts.c.ticket_id, facts.c.kind, facts.c.data).where(
        facts.c.ticket_id.in_(ids), facts.c.key == _key(act_id)
    )
    row = conn.execute(query).first() if ids else None
    return None if row is None else (row.ticket_id, _act(row.kind, row.data))


def _key(act_id: str) -> str:
    return storable.key(f"act:{act_id}", 400)


def _act(kind: str, data: str) -> Act:
    fact = codec.load_fact(kind, data)
    if not isinstance(fact, Act):
        raise TypeError(f"a {kind} under the key of an act")
    return fact
