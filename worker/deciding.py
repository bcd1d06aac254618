"""Decide locked tickets anew and store everything that follows, in the caller's transaction."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial

from sqlalchemy.engine import Connection

from worker.desk import Desk
from worker.domain.decide import decide
from worker.domain.effects import CHATWOOT
from worker.domain.facts import Fact, Matched
from worker.domain.people import due_sighting
from worker.domain.ticket import Decision
from worker.knowing import CROWD, Knowledge
from worker.performing import initial_state
from worker.store import activities, aliases, contacts, effects, load, tickets, timers
from worker.store.approvals import Approved
from worker.store.effect_flood import Parked, park_excess
from worker.store.effect_targets import retarget
from worker.store.tickets import StoredTicket


@dataclass(frozen=True, slots=True)
class Decided:
    """The decisions of one transaction by ticket id, and what was really new of them."""

    decisions: Mapping[int, Decision] = field(default_factory=dict)
    effect_ids: tuple[int, ...] = ()
    events: tuple[str, ...] = ()
    parked: tuple[Parked, ...] = ()


def decide_all(
    conn: Connection,
    desk: Desk,
    held: Sequence[StoredTicket],
    *,
    causes: Mapping[int, str],
    now: datetime,
    holds: bool = False,
) -> Decided:
    """Decide each of these locked tickets from all its facts, as of `now`, and store what follows.

    With `holds`, or if they are few, nobody else assigns meanwhile; a crowd may raise Overtaken (`worker.knowing`).
    """
    if not held:
        return Decided()
    known = tickets.load_facts(conn, [one.id for one in held])
    matches = _matches(conn, desk, held, known, now=now)
    knowledge = Knowledge(conn, matches, now=now, policy=desk.policy, holds=holds or len(held) < CROWD)
    decisions: dict[int, Decision] = {}
    for one in held:
        facts, about = known.get(one.id, []), knowledge.about(one.id)
        decision = decide(one.ticket, one.key, facts, policy=desk.policy, known=about, now=now)
        decisions[one.id] = decision
        knowledge.reserve(one.id, one.ticket, decision)
    done = _store(conn, desk, held, decisions, causes=causes, now=now)
    knowledge.keep()
    return done


def _matches(
    conn: Connection, desk: Desk, held: Sequence[StoredTicket], known: Mapping[int, Sequence[Fact]], *, now: datetime
) -> dict[int, Matched]:
    """Whom the requesters are, of those tickets where that is to be found out."""
    due = {one.id: due_sighting(one.ticket, known.get(one.id, ())) for one in held}
    wanted = {ticket_id: sighting for ticket_id, sighting in due.items() if sighting is not None}
    return contacts.match_all(conn, wanted, organizations=desk.policy.organizations, now=now)


def _sources(conn: Connection, held: Sequence[StoredTicket]) -> dict[int, str]:
    """Where each ticket can be answered: by its own source, or in the conversation by which it came as well."""
    reachable = aliases.known_from(conn, [one.id for one in held if one.key.source != CHATWOOT], CHATWOOT)
    return {one.id: CHATWOOT if one.id in reachable else one.key.source for one in held}


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
    sources = _sources(conn, held)
    tickets.add_facts(conn, [(i, fact, "routing") for i, d in decisions.items() for fact in d.facts])
    tickets.save(conn, [(i, d.ticket) for i, d in decisions.items()], policy_version=version, now=now)
    load.note(conn, [(one.ticket, decisions[one.id].ticket) for one in held])
    rows = [(i, event, causes.get(i, "now")) for i, d in decisions.items() for event in d.events]
    new_events = tickets.add_events(conn, rows, policy_version=version, now=now)
    activities.add(conn, [(i, one) for i, d in decisions.items() for one in d.activities], now=now)
    activities.cancel(conn, [(i, one) for i, d in decisions.items() for one in d.ended], now=now)
    timers.sync(conn, [(i, d.timers) for i, d in decisions.items()], now=now)
    effect_ids: list[int] = []
    approved = Approved(conn)
    for source in sorted(set(sources.values())):
        wanted = [(i, effect) for i, d in decisions.items() if sources[i] == source for effect in d.effects]
        states = partial(
            initial_state, ticket_source=source, settings=desk.settings, policy=desk.policy, approved=approved
        )
        if source == CHATWOOT and (late := [one.id for one in held if one.key.source != sources[one.id]]):
            effect_ids += retarget(conn, late, states=states, now=now)
        effect_ids += effects.add(conn, wanted, states=states, now=now)
    parked = tuple(park_excess(conn, effect_ids, now=now))
    names = tuple(f"{name}:{key.partition(':')[0]}" if name == "sla.breached" else name for _, name, key in new_events)
    return Decided(decisions=decisions, effect_ids=tuple(effect_ids), events=names, parked=parked)
