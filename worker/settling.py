"""The one writer of tickets: under their locks, add facts, decide anew, store everything that follows."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy.engine import Connection

from worker import log, metrics
from worker.deciding import Decided, decide_all
from worker.desk import Desk
from worker.domain.facts import Fact, Parsed, Snapshot
from worker.domain.outcome import outcome_of
from worker.placing import place
from worker.store import claims, tickets
from worker.store.claims import Claimed, Finished
from worker.store.effect_flood import TOO_MANY, Parked
from worker.store.tickets import StoredTicket

logger = log.get(__name__)


@dataclass(frozen=True, slots=True)
class Outcome:
    """How one delivery ended, for metrics and logs."""

    delivery: int
    source: str
    outcome: str


@dataclass(frozen=True, slots=True)
class Settled:
    """What one transaction stored; counted only after its commit."""

    finished: tuple[Outcome, ...] = ()
    waited_seconds: tuple[float, ...] = ()
    effect_ids: tuple[int, ...] = ()
    events: tuple[str, ...] = field(default=())
    parked: tuple[Parked, ...] = ()

    def count(self) -> None:
        """Tell the metrics what was committed."""
        for one in self.parked:
            metrics.EFFECTS.labels(kind=one.kind, outcome="parked").inc()
            logger.warning("effect_parked", effect=one.id, ticket=one.ticket_id, kind=one.kind, cause=TOO_MANY)
        for name in self.events:
            if name.startswith("sla.breached:"):
                metrics.SLA_BREACHES.labels(kind=name.removeprefix("sla.breached:")).inc()
            elif name == "ticket.escalated":
                metrics.ESCALATIONS.inc()
            elif name == "csat.asked":
                metrics.CSAT_SENT.inc()
            elif name == "csat.answered":
                metrics.CSAT_RESPONSES.labels(outcome="recorded").inc()


def settle(conn: Connection, desk: Desk, read: Sequence[tuple[Claimed, Parsed]], *, holds: bool = False) -> Settled:
    """Everything that follows from these deliveries, in the caller's transaction.

    Raises Fenced if one is not ours, and Overtaken unless it `holds` the roster.
    """
    stored = place(conn, [parsed for _, parsed in read], now=desk.db.now(conn))
    now = desk.db.now(conn)  # after the wait for the locks: never earlier than what another writer decided
    fresh = tickets.add_facts(conn, list(_fact_rows(read, stored)))
    touched = {ticket_id for ticket_id, _ in fresh}
    held = {one.id: one for one in stored if one is not None}
    causes = _causes(read, stored, fresh)
    decided = decide_all(conn, desk, [held[i] for i in sorted(touched)], causes=causes, now=now, holds=holds)
    newest: dict[int, datetime] = {}  # of this batch so far, by ticket id: the deliveries are in order of arrival
    lines = [
        _finished(one, parsed, ticket, fresh, decided, newest)
        for (one, parsed), ticket in zip(read, stored, strict=True)
    ]
    claims.finish_all(conn, lines)
    return Settled(
        finished=tuple(Outcome(one.id, one.source, line.outcome) for (one, _), line in zip(read, lines, strict=True)),
        waited_seconds=tuple(max(0.0, (now - one.received_at).total_seconds()) for one, _ in read),
        effect_ids=decided.effect_ids,
        events=decided.events,
        parked=decided.parked,
    )


def _fact_rows(
    read: Sequence[tuple[Claimed, Parsed]], stored: Sequence[StoredTicket | None]
) -> Iterable[tuple[int, Fact, str]]:
    for (one, parsed), ticket in zip(read, stored, strict=True):
        if ticket is not None:
            for fact in parsed.facts:
                yield ticket.id, fact, f"d{one.id}"


def _causes(
    read: Sequence[tuple[Claimed, Parsed]], stored: Sequence[StoredTicket | None], fresh: set[tuple[int, str]]
) -> dict[int, str]:
    """By ticket, the last delivery that told something new of it: what follows is never put down to a duplicate."""
    credited: set[tuple[int, str]] = set()
    causes: dict[int, str] = {}
    for ticket_id, fact, delivery in _fact_rows(read, stored):
        known = (ticket_id, fact.key)
        if known in fresh and known not in credited:
            credited.add(known)
            causes[ticket_id] = delivery
    return causes


def _finished(
    one: Claimed,
    parsed: Parsed,
    held: StoredTicket | None,
    fresh: set[tuple[int, str]],
    decided: Decided,
    newest: dict[int, datetime],
) -> Finished:
    """The outcome of one delivery. A fact that two of them carry is credited to the first: the other is a duplicate."""
    if held is None:
        return Finished(one, outcome="ignored", event=parsed.event, ticket_id=None, cause=parsed.ignored)
    new_keys = {fact.key for fact in parsed.facts if (held.id, fact.key) in fresh}
    fresh -= {(held.id, key) for key in new_keys}
    decision = decided.decisions.get(held.id)
    after = decision.ticket if decision is not None else held.ticket
    outcome = outcome_of(parsed, new_keys, held.ticket, after, known_at=newest.get(held.id))
    for fact in parsed.facts:
        if isinstance(fact, Snapshot):
            newest[held.id] = max(fact.at, newest.get(held.id, fact.at))
    return Finished(one, outcome=outcome, event=parsed.event, ticket_id=held.id, cause=None)
