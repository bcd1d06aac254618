"""What a replay would do, found out without doing it: parse, decide, compare; nothing is written."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from worker.domain.decide import decide, outcome_of
from worker.domain.view import Given
from worker.domain.wording import failure
from worker.doors import homes
from worker.errors import Unparsable, WorkError
from worker.intake.registry import parse
from worker.placing import choose, followed, taken_over
from worker.store import letters, people
from worker.store.database import is_connection_lost
from worker.store.ticket_reads import generations, get, last_survey_at
from worker.store.tickets import known, load_facts

if TYPE_CHECKING:
    from collections.abc import Sequence

    from worker.config import Settings
    from worker.domain.facts import Fact, Parsed, TicketKey
    from worker.domain.policy import Policy
    from worker.store.database import Database
    from worker.store.letters import DeliveryRow
    from worker.store.ticket_rows import StoredTicket


@dataclass(frozen=True, slots=True)
class Rehearsal:
    """How a replay would end. `outcome` is processed, ignored, stale, duplicate or dead; `steps` say what follows."""

    delivery: int
    outcome: str
    why: str
    ticket: int | None = None
    steps: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class _Place:
    """Where the facts would go: to a ticket with what is known of it, or to one that would be opened for them."""

    key: TicketKey
    known: Sequence[Fact] = ()
    stored: StoredTicket | None = None
    follows: StoredTicket | None = None


def rehearse(db: Database, row: DeliveryRow, *, policy: Policy, settings: Settings) -> Rehearsal:
    """Replay this delivery on paper, against the ticket as it stands now."""
    raw = letters.raw(db, row.id)
    if raw is None:
        return Rehearsal(row.id, "dead", "its raw request is no longer kept")
    if raw.truncated:
        return Rehearsal(row.id, "dead", "it was too large and only its beginning is kept")
    try:
        parsed = parse(
            row.source,
            row.endpoint,
            raw.headers,
            raw.body,
            received_at=row.received_at,
            sent_at=row.sent_at,
            account_id=settings.chatwoot_account_id,
        )
        if parsed.ticket is None and parsed.ticket_id is None:
            return Rehearsal(row.id, "ignored", parsed.ignored or f"{parsed.event} needs nothing")
        return _decide(db, row, parsed, policy)
    except Exception as exc:  # what breaks on this one would bury it again, and says nothing about the others
        if is_connection_lost(exc):
            raise
        return Rehearsal(row.id, "dead", f"{exc.cause if isinstance(exc, WorkError) else 'error'}: {failure(exc)}")


def _decide(db: Database, row: DeliveryRow, parsed: Parsed, policy: Policy) -> Rehearsal:
    place = _place(db, parsed)
    before = place.stored.ticket if place.stored is not None else None
    new_keys = {fact.key for fact in parsed.facts} - {fact.key for fact in place.known}
    new = [fact for fact in parsed.facts if fact.key in new_keys]
    asked = place.follows.ticket if place.follows is not None else before
    with db.read() as conn:
        surveyed_at = last_survey_at(conn, asked.requester if asked is not None else None)
        known_of = Given(people.roster(conn, lock=False), surveyed_at)
        decision = decide(before, place.key, [*place.known, *new], policy=policy, known=known_of, now=db.now(conn))
    outcome = outcome_of(parsed, new_keys, before, decision.ticket)
    steps = [f"{event.name}: {event.reason}" for event in decision.events]
    steps += [f"would ask for {effect.kind} ({effect.decision})" for effect in decision.effects]
    why = f"{parsed.event}, {len(new)} of {len(parsed.facts)} facts are new"
    if place.follows is not None:
        why += f"; it would open a follow-up of t{place.follows.id}"
    ticket = place.stored.id if place.stored is not None else None
    return Rehearsal(row.id, outcome, why, ticket, tuple(steps) if new else ())


def _place(db: Database, parsed: Parsed) -> _Place:
    """As `worker.placing` would choose. Raises Unparsable for the id of a ticket that does not exist."""
    if parsed.ticket is None:
        stored = get(db, parsed.ticket_id) if parsed.ticket_id is not None else None
        if stored is None:
            raise Unparsable(f"there is no ticket t{parsed.ticket_id}", cause="no_such_ticket")
        with db.read() as conn:
            return _Place(stored.key, load_facts(conn, [stored.id]).get(stored.id, ()), stored)
    with db.read() as conn:
        unknown = {parsed.ticket} - known(conn, [parsed.ticket])
        key = homes(conn, [parsed], list(unknown)).of(parsed.ticket)
        found = generations(conn, key)
        facts = load_facts(conn, [one.id for one in found])
    if not found:
        return _Place(key)
    chosen, opening = choose(found, parsed.facts)
    noted = facts.get(chosen.id, [])
    if not opening:
        return _Place(key, noted, chosen)
    late = taken_over(noted, opening)
    if chosen is found[-1]:
        return _Place(key, [followed(chosen, opening), *late], follows=chosen)
    follower = found[found.index(chosen) + 1]
    return _Place(key, [*facts.get(follower.id, []), *late], follower)
