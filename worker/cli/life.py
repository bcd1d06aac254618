"""Collecting the life of a delivery or a ticket into lines, in order of time."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from worker.cli import shapes, words
from worker.errors import NotFound
from worker.store import audit, effects, letters, tickets, timers

if TYPE_CHECKING:
    from worker.store.database import Database
    from worker.store.effects import StoredEffect
    from worker.store.letters import DeliveryRow

MOST = 10_000
AT_ONCE = timedelta(seconds=5)  # what an effect came to so soon is told where it was asked for


@dataclass(frozen=True, slots=True)
class Line:
    """One thing that happened: when, in which stage, what, why, and what caused it.

    Programs get every line. A person is told `also` with the line, and spared those that are `told_elsewhere`.
    """

    at: datetime
    stage: str
    what: str
    reason: str
    cause: str = ""
    data: dict[str, Any] = field(default_factory=dict)
    order: int = 0
    also: str = ""
    told_elsewhere: bool = False

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
    said = _said(db, row.ticket_id).get(f"d{number}", "") if row.ticket_id is not None else ""
    lines = [*_delivery(row, said), *_tries(db, f"d{number}", "delivery", last=row.outcome or row.state)]
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
    said = _said(db, number)
    for row in letters.list_deliveries(db, ticket=number, limit=MOST):
        lines += _delivery(row, said.get(f"d{row.id}", ""))
    lines += _events(db, number)
    lines += _timers(db, number)
    for effect in effects.list_effects(db, ticket=number, limit=MOST):
        lines += _effect(effect)
        lines += _tries(db, f"e{effect.id}", "effect", last=effect.state)
    clocks = stored.ticket.clocks if stored.ticket is not None else ()
    told = ({"ordinal": each.ordinal, "policy": each.policy, "target_seconds": each.target_seconds,
             **shapes.clock(each)} for each in clocks)  # fmt: skip
    return Life(shapes.ticket(stored), tuple(sorted(lines, key=lambda line: line.at)), tuple(told))


def _said(db: Database, ticket: int) -> dict[str, str]:
    """By delivery: who wrote or answered in it, if anybody did."""
    found = ((each.cause, words.said(each.fact)) for each in tickets.facts_of(db, ticket))
    return {cause: sentence for cause, sentence in found if sentence}


def _delivery(row: DeliveryRow, said: str) -> Iterator[Line]:
    sent = f", {words.lasted(row.sent_at, row.received_at)} after it was sent" if row.sent_at else ""
    ended = f"{words.outcome(row)}, after {words.lasted(row.received_at, row.done_at)}" if row.done_at else row.state
    event = f"{row.event or 'a request'} from {row.source}{f': {said}' if said else ''}"
    slow = row.done_at is not None and row.done_at - row.received_at > AT_ONCE
    yield Line(
        row.received_at,
        "receipt",
        f"d{row.id} received",
        event + (sent if slow else ""),
        data={"delivery": row.id, "delivery_key": row.dedupe_key, "size": row.size, "sent_at": row.sent_at},
        order=row.id,
        also=ended if slow or row.done_at is None else words.outcome(row),
    )
    if row.done_at is not None:
        yield Line(row.done_at, "delivery", f"d{row.id} {row.outcome or row.state}", ended, order=row.id,
                   data={"delivery": row.id, "event": row.event, "ticket_id": row.ticket_id},
                   told_elsewhere=True)  # fmt: skip


def _events(db: Database, ticket: int) -> Iterator[Line]:
    for event in tickets.events_of(db, ticket):
        yield Line(event.at, event.stage, event.name, event.reason, event.cause,
                   {**event.data, "recorded_at": event.recorded_at, "policy": event.policy_version},
                   order=event.id)  # fmt: skip


def _timers(db: Database, ticket: int) -> Iterator[Line]:
    for timer in timers.list_timers(db, ticket_id=ticket, limit=MOST):
        what, why = f"timer {timer.kind}", words.timer(timer.kind, timer.key)
        data = {"timer": timer.id, "key": timer.key, "due_at": timer.due_at, "state": timer.state}
        if timer.fired_at is not None:
            late = words.lasted(timer.due_at, timer.fired_at)
            yield Line(timer.fired_at, "timer", f"{what} fired", f"{why}; {late} after it was due",
                       data=data)  # fmt: skip
        elif timer.state == "pending":
            yield Line(timer.due_at, "timer", f"{what} pending", why, data=data)
        else:
            yield Line(timer.due_at, "timer", f"{what} cancelled", f"{why}; no longer needed", data=data,
                       told_elsewhere=True)  # fmt: skip


def _effect(effect: StoredEffect) -> Iterator[Line]:
    data = {"effect": effect.id, "decision": effect.decision, "payload": dict(effect.payload)}
    standing, done_at = words.standing(effect), effect.done_at
    at_once = done_at is not None and (done_at - effect.created_at) <= AT_ONCE
    if done_at is not None:
        standing += "" if at_once else f", after {words.lasted(effect.created_at, done_at)}"
    yield Line(effect.created_at, "effect", f"e{effect.id} {effect.kind} asked for", words.asked_for(effect),
               data=data, order=effect.id, also="" if done_at is not None and not at_once else standing)  # fmt: skip
    if done_at is not None:
        yield Line(done_at, "effect", f"e{effect.id} {effect.kind} {effect.state}", standing, data=data,
                   order=effect.id, told_elsewhere=at_once)  # fmt: skip


def _tries(db: Database, subject: str, stage: str, *, last: str | None = None) -> Iterator[Line]:
    """Every try; the one that ended it as `last` is told with the end itself."""
    tries = audit.attempts_of(db, subject)
    for each in tries:
        why = words.cause(each.cause, each.detail) or "well"
        yield Line(each.at, stage, f"{subject} try {each.n}: {each.outcome}", why,
                   told_elsewhere=each is tries[-1] and each.outcome == last)  # fmt: skip


def in_order(lines: Iterable[Line]) -> list[Line]:
    """As a person reads them: by the second, and within it as we came to know of it."""
    return sorted(lines, key=lambda line: (line.at.replace(microsecond=0), *_recorded(line), line.order))


def _recorded(line: Line) -> tuple[datetime, int]:
    """In the order we did it: events may be about an earlier time."""
    return line.data.get("recorded_at", line.at), _RANKS.get(line.stage, 1)


_RANKS = {"receipt": 0, "timer": 0, "effect": 2, "delivery": 3}
