"""The one writer of tickets: under their locks, add facts, decide anew, store everything that follows."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial

from sqlalchemy.engine import Connection

from worker import log, metrics
from worker.desk import Desk
from worker.domain.decide import decide, needs_routing
from worker.domain.facts import Fact, Parsed, Snapshot, TicketKey
from worker.domain.fold import fold
from worker.domain.outcome import outcome_of
from worker.domain.routing import Roster
from worker.domain.ticket import Decision, Ticket
from worker.errors import Unparsable
from worker.performing import initial_state
from worker.store import claims, effects, people, tickets, timers
from worker.store.claims import Claimed, Finished
from worker.store.effect_flood import TOO_MANY, Parked, park_excess
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
            elif name == "csat.asked":
                metrics.CSAT_SENT.inc()
            elif name == "csat.answered":
                metrics.CSAT_RESPONSES.labels(outcome="recorded").inc()


def settle(conn: Connection, desk: Desk, read: Sequence[tuple[Claimed, Parsed]]) -> Settled:
    """Everything that follows from these deliveries, in the caller's transaction. Raises Fenced if one is not ours."""
    stored = _lock(conn, read, now=desk.db.now(conn))
    now = desk.db.now(conn)  # after the wait for the locks: never earlier than what another writer decided
    fresh = tickets.add_facts(conn, list(_fact_rows(read, stored)))
    touched = {ticket_id for ticket_id, _ in fresh}
    held = {one.id: one for one in stored.values()}
    causes = _causes(read, stored, fresh)
    decided = decide_all(conn, desk, [held[i] for i in sorted(touched)], causes=causes, now=now)
    newest: dict[int, datetime] = {}  # of this batch so far, by ticket id: the deliveries are in order of arrival
    lines = [_finished(one, parsed, stored, fresh, decided, newest) for one, parsed in read]
    claims.finish_all(conn, lines)
    return Settled(
        finished=tuple(Outcome(one.id, one.source, line.outcome) for (one, _), line in zip(read, lines, strict=True)),
        waited_seconds=tuple(max(0.0, (now - one.received_at).total_seconds()) for one, _ in read),
        effect_ids=decided.effect_ids,
        events=decided.events,
        parked=decided.parked,
    )


@dataclass(frozen=True, slots=True)
class Decided:
    """The decisions of one transaction by ticket id, and what was really new of them."""

    decisions: Mapping[int, Decision] = field(default_factory=dict)
    effect_ids: tuple[int, ...] = ()
    events: tuple[str, ...] = ()
    parked: tuple[Parked, ...] = ()


def decide_all(
    conn: Connection, desk: Desk, held: Sequence[StoredTicket], *, causes: Mapping[int, str], now: datetime
) -> Decided:
    """Decide each of these locked tickets from all its facts, as of `now`, and store what follows."""
    if not held:
        return Decided()
    known = tickets.load_facts(conn, [one.id for one in held])
    roster: Roster | None = None
    decisions: dict[int, Decision] = {}
    for one in held:
        facts = known.get(one.id, [])
        ticket = fold(one.key, facts, desk.policy, as_of=now)
        if roster is None and needs_routing(ticket):
            roster = people.roster(conn, lock=True)
        last_survey_at = tickets.last_survey_at(conn, ticket.requester) if ticket.resolutions else None
        decision = decide(
            one.ticket,
            one.key,
            facts,
            policy=desk.policy,
            roster=roster,
            last_survey_at=last_survey_at,
            now=now,
            folded=ticket,
        )
        decisions[one.id] = decision
        roster = _reserve(conn, roster, one.ticket, decision, now=now)
    return _store(conn, desk, held, decisions, causes=causes, now=now)


def _reserve(
    conn: Connection, roster: Roster | None, before: Ticket | None, decision: Decision, *, now: datetime
) -> Roster | None:
    """Count an assignment at once, so that a batch of fifty does not all go to one agent."""
    routed = decision.ticket.routed
    is_new = routed is not None and (before is None or before.routed != routed)
    if roster is None or routed is None or not is_new or routed.agent is None or routed.agent.id is None:
        return roster
    people.note_assigned(conn, routed.agent.id, now)
    return roster.with_assigned(routed.agent.id, now)


def _store(
    conn: Connection,
    desk: Desk,
    held: Sequence[StoredTicket],
    decisions: Mapping[int, Decision],
    *,
    causes: Mapping[int, str],
    now: datetime,
) -> Decided:
    version = desk.policy.version
    sources = {one.id: one.key.source for one in held}
    tickets.add_facts(conn, [(i, fact, "routing") for i, d in decisions.items() for fact in d.facts])
    tickets.save(conn, [(i, d.ticket) for i, d in decisions.items()], policy_version=version, now=now)
    rows = [(i, event, causes.get(i, "now")) for i, d in decisions.items() for event in d.events]
    new_events = tickets.add_events(conn, rows, policy_version=version, now=now)
    timers.sync(conn, [(i, d.timers) for i, d in decisions.items()], now=now)
    effect_ids: list[int] = []
    for source in sorted(set(sources.values())):
        wanted = [(i, effect) for i, d in decisions.items() if sources[i] == source for effect in d.effects]
        states = partial(initial_state, ticket_source=source, settings=desk.settings, policy=desk.policy)
        effect_ids += effects.add(conn, wanted, states=states, now=now)
    parked = tuple(park_excess(conn, effect_ids, now=now))
    names = tuple(f"{name}:{key.partition(':')[0]}" if name == "sla.breached" else name for _, name, key in new_events)
    return Decided(decisions=decisions, effect_ids=tuple(effect_ids), events=names, parked=parked)


Place = TicketKey | int


def _has_ticket(parsed: Parsed) -> bool:
    return parsed.ticket is not None or parsed.ticket_id is not None


def _place(parsed: Parsed) -> Place:
    place = parsed.ticket if parsed.ticket is not None else parsed.ticket_id
    if place is None:
        raise ValueError("this delivery has no ticket")
    return place


def _lock(conn: Connection, read: Sequence[tuple[Claimed, Parsed]], *, now: datetime) -> dict[Place, StoredTicket]:
    """Lock every ticket these deliveries speak of; a survey names its ticket by id, everything else by key."""
    keys = {parsed.ticket for _, parsed in read if parsed.ticket is not None}
    ids = {parsed.ticket_id for _, parsed in read if parsed.ticket is None and parsed.ticket_id is not None}
    stored: dict[Place, StoredTicket] = {}
    for key, one in tickets.lock(conn, sorted(keys, key=_order), now=now, ids=ids).items():
        stored[key] = one
    for ticket_id, one in (tickets.lock_ids(conn, sorted(ids)) if ids else {}).items():
        stored[ticket_id] = one
    if missing := ids - stored.keys():
        raise Unparsable(f"an answer for a ticket that does not exist: {sorted(missing)}", cause="no_such_ticket")
    return stored


def _order(key: TicketKey) -> tuple[str, str]:
    return key.source, key.external_id


def _fact_rows(
    read: Sequence[tuple[Claimed, Parsed]], stored: Mapping[Place, StoredTicket]
) -> Iterable[tuple[int, Fact, str]]:
    for one, parsed in read:
        if _has_ticket(parsed):
            ticket_id = stored[_place(parsed)].id
            for fact in parsed.facts:
                yield ticket_id, fact, f"d{one.id}"


def _causes(
    read: Sequence[tuple[Claimed, Parsed]], stored: Mapping[Place, StoredTicket], fresh: set[tuple[int, str]]
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
    stored: Mapping[Place, StoredTicket],
    fresh: set[tuple[int, str]],
    decided: Decided,
    newest: dict[int, datetime],
) -> Finished:
    """The outcome of one delivery. A fact that two of them carry is credited to the first: the other is a duplicate."""
    if not _has_ticket(parsed):
        return Finished(one, outcome="ignored", event=parsed.event, ticket_id=None, cause=parsed.ignored)
    held = stored[_place(parsed)]
    new_keys = {fact.key for fact in parsed.facts if (held.id, fact.key) in fresh}
    fresh -= {(held.id, key) for key in new_keys}
    decision = decided.decisions.get(held.id)
    after = decision.ticket if decision is not None else held.ticket
    outcome = outcome_of(parsed, new_keys, held.ticket, after, known_at=newest.get(held.id))
    for fact in parsed.facts:
        if isinstance(fact, Snapshot):
            newest[held.id] = max(fact.at, newest.get(held.id, fact.at))
    return Finished(one, outcome=outcome, event=parsed.event, ticket_id=held.id, cause=None)
