"""Collecting the life of a delivery or a ticket into lines, in order of time."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any

from worker.cli import shapes
from worker.errors import NotFound
from worker.store import audit, effects, letters, tickets, timers

if TYPE_CHECKING:
    from worker.store.database import Database
    from worker.store.effects import StoredEffect
    from worker.store.letters import DeliveryRow

MOST = 10_000


@dataclass(frozen=True, slots=True)
class Line:
    """One thing that happened: when, in which stage, what, why, and what caused it."""

    at: datetime
    stage: str
    what: str
    reason: str
    cause: str = ""
    data: dict[str, Any] = field(default_factory=dict)

    def shape(self) -> dict[str, Any]:
        """Its JSON."""
        return {"kind": "line", "at": self.at, "stage": self.stage, "what": self.what, "reason": self.reason,
                "cause": self.cause, "data": self.data}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Life:
    """What it is now, what happened in order of time, and its SLA clocks."""

    head: dict[str, Any]
    lines: tuple[Line, ...]
    clocks: tuple[dict[str, Any], ...] = ()


def life_of_delivery(db: Database, number: int) -> Life:
    """Receipt, tries, outcome, and what it did to its ticket. Raises NotFound."""
    row = letters.get_delivery(db, number)
    if row is None:
        raise NotFound(f"There is no delivery d{number}. `hookdesk deliveries` lists them.")
    lines = [*_delivery(row), *_tries(db, f"d{number}", "delivery")]
    if row.ticket_id is not None:
        caused = f"d{number}"
        lines += [line for line in _events(db, row.ticket_id) if line.cause == caused]
    return Life(shapes.delivery(row), tuple(sorted(lines, key=_recorded)))


def life_of_ticket(db: Database, number: int) -> Life:
    """Every delivery, event, timer and effect of it. Raises NotFound."""
    stored = tickets.get(db, number)
    if stored is None:
        raise NotFound(f"There is no ticket t{number}. `hookdesk tickets` lists them.")
    lines: list[Line] = []
    for row in letters.list_deliveries(db, ticket=number, limit=MOST):
        lines += _delivery(row)
    lines += _events(db, number)
    lines += _timers(db, number)
    for effect in effects.list_effects(db, ticket=number, limit=MOST):
        lines += _effect(effect)
        lines += _tries(db, f"e{effect.id}", "effect")
    clocks = stored.ticket.clocks if stored.ticket is not None else ()
    told = ({"ordinal": each.ordinal, "policy": each.policy, "target_seconds": each.target_seconds,
             **shapes.clock(each)} for each in clocks)  # fmt: skip
    return Life(shapes.ticket(stored), tuple(sorted(lines, key=lambda line: line.at)), tuple(told))


def _delivery(row: DeliveryRow) -> Iterator[Line]:
    what = f"d{row.id} received"
    sent = f", sent {abs((row.received_at - row.sent_at).total_seconds()):.1f} s before" if row.sent_at else ""
    yield Line(row.received_at, "receipt", what, f"{row.source}/{row.endpoint}, {row.size} bytes{sent}",
               data={"delivery": row.id, "delivery_key": row.dedupe_key})  # fmt: skip
    if row.done_at is not None:
        why = f"the same as d{row.duplicate_of}" if row.duplicate_of else row.detail or row.cause or row.event or ""
        waited = (row.done_at - row.received_at).total_seconds()
        yield Line(row.done_at, "delivery", f"d{row.id} {row.outcome or row.state}", f"{why}, {waited:.2f} s later",
                   data={"delivery": row.id, "event": row.event, "ticket_id": row.ticket_id})  # fmt: skip


def _events(db: Database, ticket: int) -> Iterator[Line]:
    for event in tickets.events_of(db, ticket):
        yield Line(event.at, event.stage, event.name, event.reason, event.cause,
                   {**event.data, "recorded_at": event.recorded_at, "policy": event.policy_version})  # fmt: skip


def _timers(db: Database, ticket: int) -> Iterator[Line]:
    for timer in timers.list_timers(db, ticket_id=ticket, limit=MOST):
        name = f"{timer.kind} {timer.key}"
        data = {"timer": timer.id, "due_at": timer.due_at, "state": timer.state}
        if timer.fired_at is not None:
            late = (timer.fired_at - timer.due_at).total_seconds()
            yield Line(timer.fired_at, "timer", f"timer fired: {name}", f"{late:.2f} s after it was due", data=data)
        elif timer.state == "pending":
            yield Line(timer.due_at, "timer", f"timer due: {name}", "pending", data=data)
        else:
            yield Line(timer.due_at, "timer", f"timer cancelled: {name}", "no longer needed", data=data)


def _effect(effect: StoredEffect) -> Iterator[Line]:
    data = {"effect": effect.id, "decision": effect.decision, "payload": dict(effect.payload)}
    yield Line(effect.created_at, "effect", f"e{effect.id} {effect.kind} asked for", f"decided as {effect.decision}",
               data=data)  # fmt: skip
    if effect.done_at is not None:
        why = effect.detail or effect.cause or f"after {effect.attempts} {'try' if effect.attempts == 1 else 'tries'}"
        yield Line(effect.done_at, "effect", f"e{effect.id} {effect.kind} {effect.state}", why, data=data)
    elif effect.state in ("approval", "no_target", "dry_run"):
        why = {"approval": "waits for `hookdesk effects approve`", "no_target": "nobody to send it to is configured",
               "dry_run": "nothing is sent in dry-run"}[effect.state]  # fmt: skip
        yield Line(effect.created_at, "effect", f"e{effect.id} {effect.kind} {effect.state}", why, data=data)


def _tries(db: Database, subject: str, stage: str) -> Iterator[Line]:
    for each in audit.attempts_of(db, subject):
        why = ": ".join(part for part in (each.cause, each.detail) if part) or "well"
        yield Line(each.at, stage, f"{subject} try {each.n}: {each.outcome}", why)


def _recorded(line: Line) -> tuple[datetime, int]:
    """What happened to a delivery, in the order we did it: events may be about an earlier time."""
    ranks = {"receipt": 0, "delivery": 2}
    return line.data.get("recorded_at", line.at), ranks.get(line.stage, 1)
