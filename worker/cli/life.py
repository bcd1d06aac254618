"""Collecting the life of a delivery or a ticket into lines, in order of time."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from worker import shapes
from worker.cli import effect_words, event_words, words
from worker.domain.activities import SURVEY
from worker.domain.facts import Act
from worker.errors import NotFound
from worker.store import activities, aliases, audit, effects, letters, ticket_reads, tickets, timers

if TYPE_CHECKING:
    from worker.domain.facts import Fact, TicketKey
    from worker.domain.ticket import Clock
    from worker.store.database import Database
    from worker.store.effects import StoredEffect
    from worker.store.letters import DeliveryRow
    from worker.store.ticket_reads import StoredFact
    from worker.store.ticket_rows import StoredTicket

MOST = 10_000
OURSELVES = "hookdesk"  # who ended an activity, when no person did
AT_ONCE = timedelta(seconds=5)  # what an effect came to so soon is told where it was asked for


@dataclass(frozen=True, slots=True)
class Line:
    """One thing that happened: when, in which stage, what, why, and what caused it.

    Programs get every line. A person is told `also` with the line, `details` below it, and spared those that are
    `told_elsewhere`.
    """

    at: datetime
    stage: str
    what: str
    reason: str
    cause: str = ""
    data: dict[str, Any] = field(default_factory=dict)
    order: int = 0
    also: str = ""
    details: tuple[str, ...] = ()
    words: str = ""
    told_elsewhere: bool = False

    @property
    def told(self) -> str:
        """`what`, as people say it."""
        return self.words or self.what

    def shape(self) -> dict[str, Any]:
        """Its JSON."""
        return {"kind": "line", "at": self.at, "stage": self.stage, "what": self.what, "words": self.told,
                "reason": self.reason, "cause": self.cause, "data": self.data}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Life:
    """What it is now, what happened in order of time, and of a ticket its row and the one that follows it."""

    head: dict[str, Any]
    lines: tuple[Line, ...]
    stored: StoredTicket | None = None
    following: int | None = None
    others: tuple[TicketKey, ...] = ()  # under which the same request came by other doors

    @property
    def clocks(self) -> tuple[Clock, ...]:
        """The SLA clocks of a ticket."""
        record = self.stored.ticket if self.stored is not None else None
        return record.clocks if record is not None else ()


def life_of_delivery(db: Database, number: int) -> Life:
    """Receipt, tries, outcome, and what it did to its ticket. Raises NotFound."""
    row = letters.get_delivery(db, number)
    if row is None:
        raise NotFound(f"There is no delivery d{number}. `hookdesk deliveries` lists them.")
    known = tickets.facts_of(db, row.ticket_id) if row.ticket_id is not None else []
    said = _said(known).get(f"d{number}", "")
    lines = [*_delivery(row, said), *_tries(db, f"d{number}", "delivery", last=row.outcome or row.state)]
    if row.ticket_id is not None:
        caused = f"d{number}"
        lines += [line for line in _events(db, row.ticket_id, {}) if line.cause == caused]
    return Life(shapes.delivery(row), tuple(sorted(lines, key=_recorded)))


def life_of_ticket(db: Database, number: int) -> Life:
    """Every delivery, event, timer and effect of it. Raises NotFound."""
    stored = tickets.get(db, number)
    if stored is None:
        raise NotFound(f"There is no ticket t{number}. `hookdesk tickets` lists them.")
    lines: list[Line] = []
    known = tickets.facts_of(db, number)
    said = _said(known)
    for row in letters.list_deliveries(db, ticket=number, limit=MOST):
        lines += _delivery(row, said.get(f"d{row.id}", ""))
    lines += _events(db, number, {each.fact.key: each.fact for each in known})
    lines += _timers(db, number)
    for effect in effects.list_effects(db, ticket=number, limit=MOST):
        lines += _effect(effect)
        lines += _tries(db, f"e{effect.id}", "effect", last=effect.state)
    lines += _follow_ups(db, number)
    in_time = tuple(sorted(lines, key=lambda line: line.at))
    others = aliases.aliases_of(db, number)
    return Life(shapes.ticket(stored), in_time, stored, ticket_reads.following(db, stored), others)


def _said(known: Iterable[StoredFact]) -> dict[str, str]:
    """By delivery: who wrote or answered in it, if anybody did."""
    found = ((each.cause, words.said(each.fact)) for each in known)
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


def _events(db: Database, ticket: int, known: Mapping[str, Fact]) -> Iterator[Line]:
    """The log; and a line of its own where another version of the policy begins to decide."""
    policy = ""
    for event in tickets.events_of(db, ticket):
        if policy and event.policy_version != policy:
            yield Line(event.recorded_at, "policy", "policy changed", f"from here on {event.policy_version} decides, "
                       f"{policy} before", data={"policy": event.policy_version}, order=event.id)  # fmt: skip
        policy = event.policy_version
        act = known.get(event.key)
        said = words.quoted(act.text).removeprefix(": ") if isinstance(act, Act) else ""
        yield Line(event.at, event.stage, event.name, event.reason, event.cause,
                   {**event.data, "recorded_at": event.recorded_at, "policy": event.policy_version},
                   order=event.id, also=said, details=tuple(event_words.numbers(event.data)),
                   words=event_words.what(event.name))  # fmt: skip


def _follow_ups(db: Database, ticket: int) -> Iterator[Line]:
    """What somebody still has to do, and what a person has done; the rest stands in the log."""
    for one in activities.list_activities(db, ticket=ticket, limit=MOST):
        data = {"activity": one.id, "key": one.key, "due_at": one.due_at, "state": one.state}
        kind = one.kind.replace("_", " ")
        if one.state == "open":
            who = f"for {one.assignee or 'nobody yet'}" if one.kind != SURVEY else "the customer's to answer"
            yield Line(one.due_at, "csat", f"a{one.id} {kind} due", f"{one.reason}; {who}", data=data, order=one.id)
        elif one.done_by != OURSELVES and one.done_at is not None:
            note = f": {one.note}" if one.note else ""
            yield Line(one.done_at, "csat", f"a{one.id} {kind} {one.state}", f"by {one.done_by}{note}", data=data,
                       order=one.id)  # fmt: skip


def _timers(db: Database, ticket: int) -> Iterator[Line]:
    for timer in timers.list_timers(db, ticket_id=ticket, limit=MOST):
        what, why = f"timer {timer.kind}", words.timer(timer.kind, timer.key)
        data = {"timer": timer.id, "key": timer.key, "due_at": timer.due_at, "state": timer.state}
        if timer.fired_at is not None:
            late = words.lasted(timer.due_at, timer.fired_at)
            yield Line(timer.fired_at, "timer", f"{what} fired", f"{why}; {late} after it was due", data=data,
                       words="timer fired")  # fmt: skip
        elif timer.state == "pending":
            yield Line(timer.due_at, "timer", f"{what} pending", why, data=data, words="timer waits")
        else:
            yield Line(timer.due_at, "timer", f"{what} cancelled", f"{why}; no longer needed", data=data,
                       words="timer cancelled", told_elsewhere=True)  # fmt: skip


def _effect(effect: StoredEffect) -> Iterator[Line]:
    data = {"effect": effect.id, "decision": effect.decision, "payload": dict(effect.payload)}
    standing, done_at = effect_words.standing(effect), effect.done_at
    name, told = f"e{effect.id} {effect.kind}", f"e{effect.id} {effect_words.KINDS[effect.kind]}"
    at_once = done_at is not None and (done_at - effect.created_at) <= AT_ONCE
    if done_at is not None:
        standing += "" if at_once else f", after {words.lasted(effect.created_at, done_at)}"
    yield Line(effect.created_at, "effect", f"{name} asked for", effect_words.asked_for(effect), data=data,
               order=effect.id, also="" if done_at is not None and not at_once else standing, words=told)  # fmt: skip
    if done_at is not None:
        yield Line(done_at, "effect", f"{name} {effect.state}", standing, data=data, order=effect.id,
                   words=f"{told}: {effect.state}", told_elsewhere=at_once)  # fmt: skip


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


_RANKS = {"receipt": 0, "timer": 0, "policy": 0, "effect": 2, "delivery": 3}
