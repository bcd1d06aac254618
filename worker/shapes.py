"""The JSON of deliveries, tickets, effects and the ledger: names are a promise, kept in one place."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from worker.domain.facts import Message, Person
    from worker.domain.ticket import Clock, Ticket
    from worker.store.activities import StoredActivity
    from worker.store.effects import StoredEffect
    from worker.store.ledger import Ledger
    from worker.store.letters import DeliveryRow
    from worker.store.ticket_reads import StoredEvent
    from worker.store.ticket_rows import StoredTicket

Shape = dict[str, Any]


def dumps(shape: Mapping[str, Any]) -> str:
    """A shape as one line of JSON."""
    return json.dumps(shape, default=plain, ensure_ascii=False)


def plain(value: Any) -> Any:
    """What json cannot write by itself; times as ISO in UTC with microseconds, so that they sort as text."""
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
    if isinstance(value, timedelta):
        return value.total_seconds()
    if isinstance(value, set | frozenset):
        return sorted(value)
    return str(value)


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
    shape |= {"reopen_count": 0, "escalation": {"level": 0, "reason": None}}
    if record is None:
        return shape
    for name in ("subject", "priority", "score", "category", "channel", "reopen_count", "created_at", "updated_at"):
        shape[name] = getattr(record, name)
    shape |= {
        "status": record.status.value,
        "requester": {"name": record.requester.name, "email": record.requester.email} if record.requester else None,
        "organization": record.organization or None,
        "assignee": person(record.assignee),
        "team": person(record.team),
        "tags": list(record.tags),
        "fields": dict(record.fields),
        "resolution": _resolution(record),
        "escalation": _escalation(record),
        "sla": [clock(each) for each in record.clocks],
        "closed_at": record.closed_at,
    }
    return shape


_TICKET = (
    "id", "source", "external_id", "generation", "subject", "status", "priority", "score", "category", "channel",
    "requester", "organization", "assignee", "team", "tags", "fields", "resolution", "escalation", "reopen_count",
    "sla", "created_at", "updated_at", "closed_at",
)  # fmt: skip


def _resolution(record: Ticket) -> Shape | None:
    """What was done; nothing while the ticket is open, or open again."""
    run = record.resolutions[-1] if record.resolutions else None
    if run is None or run.reopened_at is not None:
        return None
    return {"ordinal": run.ordinal, "resolved_at": run.resolved_at, "text": record.resolution_text or None}


def _escalation(record: Ticket) -> Shape:
    """The highest level reached, and why it went there last."""
    last = record.escalations[-1] if record.escalations else None
    level = max((each.level for each in record.escalations), default=0)
    return {"level": level, "reason": last.reason if last is not None else None}


def clock(each: Clock) -> Shape:
    """One SLA clock as the ticket shows it."""
    return {
        "metric": each.metric,
        "deadline_at": each.deadline_at,
        "warned_at": each.warned[-1][1] if each.warned else None,
        "met_at": each.met_at,
        "breached_at": each.breached_at,
        "paused": each.paused,
    }


def clock_in_full(each: Clock) -> Shape:
    """The same clock with what was promised."""
    return {"metric": each.metric, "ordinal": each.ordinal, "policy": each.policy, "started_at": each.started_at,
            "target_seconds": each.target_seconds} | clock(each)  # fmt: skip


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


def event(row: StoredEvent) -> Shape:
    """One line of a ticket's log."""
    return {
        "id": row.id,
        "name": row.name,
        "key": row.key,
        "at": row.at,
        "recorded_at": row.recorded_at,
        "stage": row.stage,
        "reason": row.reason,
        "cause": row.cause,
        "policy_version": row.policy_version,
        "data": dict(row.data),
    }


def message(each: Message) -> Shape:
    """What somebody wrote."""
    return {
        "id": each.id,
        "at": each.at,
        "author": each.author.value,
        "by": person(each.by),
        "private": each.private,
        "text": each.text,
    }


def activity(row: StoredActivity) -> Shape:
    """Something to do about a ticket."""
    return {
        "id": row.id,
        "kind": row.kind,
        "key": row.key,
        "ticket_id": row.ticket_id,
        "due_at": row.due_at,
        "state": row.state,
        "assignee": {"id": row.assignee_id, "name": row.assignee} if row.assignee_id or row.assignee else None,
        "reason": row.reason,
        "created_at": row.created_at,
        "done_at": row.done_at,
        "done_by": row.done_by,
        "note": row.note,
    }


def ledger(books: Ledger, *, spooled: int) -> Shape:
    """The books, and beside them what still lies in the spool."""
    return {**asdict(books), "spooled": spooled}
