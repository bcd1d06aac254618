"""The JSON of deliveries, tickets, effects and the ledger: names are a promise, kept in one place."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from worker.domain.facts import Person
    from worker.domain.ticket import Clock, Resolution
    from worker.store.effects import StoredEffect
    from worker.store.ledger import Ledger
    from worker.store.letters import DeliveryRow
    from worker.store.ticket_rows import StoredTicket

Shape = dict[str, Any]


def delivery(row: DeliveryRow) -> Shape:
    """One delivery."""
    return {
        "id": row.id,
        "source": row.source,
        "event": row.event,
        "state": row.state,
        "outcome": row.outcome,
        "attempts": row.attempts,
        "delivery_key": row.dedupe_key,
        "received_at": row.received_at,
        "done_at": row.done_at,
        "ticket_id": row.ticket_id,
        "duplicate_of": row.duplicate_of,
        "cause": row.cause,
    }


def ticket(stored: StoredTicket) -> Shape:
    """One ticket; before its first decision only its identity is known."""
    record = stored.ticket
    shape: Shape = dict.fromkeys(_TICKET)
    shape |= {"id": stored.id, "source": stored.key.source, "external_id": stored.key.external_id}
    shape |= {"generation": stored.generation, "status": "new", "tags": [], "fields": {}, "sla": []}
    if record is None:
        return shape
    for name in ("subject", "priority", "score", "category", "channel", "reopen_count", "created_at", "updated_at"):
        shape[name] = getattr(record, name)
    resolved = record.resolutions[-1] if record.resolutions else None
    shape |= {
        "status": record.status.value,
        "requester": {"name": record.requester.name, "email": record.requester.email} if record.requester else None,
        "assignee": person(record.assignee),
        "team": person(record.team),
        "tags": list(record.tags),
        "resolution": None if resolved is None or resolved.reopened_at else _resolution(resolved),
        "escalation": {"level": 0, "reason": None},
        "sla": [clock(each) for each in record.clocks],
        "closed_at": next((edge.at for edge in reversed(record.edges) if edge.after == "closed"), None),
    }
    return shape


_TICKET = (
    "id", "source", "external_id", "generation", "subject", "status", "priority", "score", "category", "channel",
    "requester", "organization", "assignee", "team", "tags", "fields", "resolution", "escalation", "reopen_count",
    "sla", "created_at", "updated_at", "closed_at",
)  # fmt: skip


def _resolution(run: Resolution) -> Shape:
    return {"ordinal": run.ordinal, "resolved_at": run.resolved_at}


def clock(each: Clock) -> Shape:
    """One SLA clock as the ticket shows it."""
    return {
        "metric": each.metric,
        "deadline_at": each.deadline_at,
        "warned_at": None,
        "met_at": each.met_at,
        "breached_at": each.breached_at,
        "paused": each.paused,
    }


def person(who: Person | None) -> Shape | None:
    """An agent or a team."""
    return None if who is None else {"id": who.id, "name": who.name}


def effect(row: StoredEffect) -> Shape:
    """One effect."""
    return {
        "id": row.id,
        "kind": str(row.kind),
        "key": row.decision,
        "ticket_id": row.ticket_id,
        "state": row.state,
        "attempts": row.attempts,
        "next_at": row.next_at,
        "expires_at": row.expires_at,
        "cause": row.cause,
    }


def ledger(books: Ledger, *, spooled: int) -> Shape:
    """The books, and beside them what still lies in the spool."""
    return {**asdict(books), "spooled": spooled}
