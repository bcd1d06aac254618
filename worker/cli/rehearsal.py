"""What a replay would do, found out without doing it: parse, decide, compare; nothing is written."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from worker.domain.decide import decide, outcome_of
from worker.domain.facts import Parsed
from worker.domain.view import Given
from worker.errors import Unparsable
from worker.intake.registry import parse
from worker.store import letters, people
from worker.store.ticket_reads import by_key, facts_of, get, last_survey_at

if TYPE_CHECKING:
    from worker.config import Settings
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
    except Unparsable as exc:
        return Rehearsal(row.id, "dead", f"{exc.cause}: {exc}")
    if parsed.ticket is None and parsed.ticket_id is None:
        return Rehearsal(row.id, "ignored", parsed.ignored or f"{parsed.event} needs nothing")
    return _decide(db, row, parsed, policy)


def _decide(db: Database, row: DeliveryRow, parsed: Parsed, policy: Policy) -> Rehearsal:
    stored = _ticket(db, parsed)
    if stored is None and parsed.ticket is None:
        return Rehearsal(row.id, "dead", f"no_such_ticket: there is no ticket t{parsed.ticket_id}")
    before = stored.ticket if stored is not None else None
    known = [each.fact for each in facts_of(db, stored.id)] if stored is not None else []
    new_keys = {fact.key for fact in parsed.facts} - {fact.key for fact in known}
    key = stored.key if stored is not None else parsed.ticket
    if key is None:
        raise ValueError("a ticket without a key")
    new = [fact for fact in parsed.facts if fact.key in new_keys]
    with db.read() as conn:
        surveyed_at = last_survey_at(conn, before.requester if before is not None else None)
        known_of = Given(people.roster(conn, lock=False), surveyed_at)
        decision = decide(before, key, [*known, *new], policy=policy, known=known_of, now=db.now(conn))
    outcome = outcome_of(parsed, new_keys, before, decision.ticket)
    steps = [f"{event.name}: {event.reason}" for event in decision.events]
    steps += [f"would ask for {effect.kind} ({effect.decision})" for effect in decision.effects]
    why = f"{parsed.event}, {len(new)} of {len(parsed.facts)} facts are new"
    return Rehearsal(row.id, outcome, why, stored.id if stored is not None else None, tuple(steps) if new else ())


def _ticket(db: Database, parsed: Parsed) -> StoredTicket | None:
    if parsed.ticket is not None:
        return by_key(db, parsed.ticket)
    return get(db, parsed.ticket_id) if parsed.ticket_id is not None else None
