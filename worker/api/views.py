"""Looking: lists, one ticket with its whole history, and the figures of the queue."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from worker import shapes
from worker.api.queries import cursor_of, page_of
from worker.desk import Desk
from worker.domain.acting import legal_verbs
from worker.domain.facts import Message
from worker.errors import NotFound
from worker.store import activities, effects, people, ticket_search, tickets
from worker.store.ticket_search import Figures, Queue
from worker.store.tickets import StoredTicket

MOST_EFFECTS = 1000


def listed(desk: Desk, query: Mapping[str, Sequence[str]]) -> shapes.Shape:
    """One page of tickets, the newest first. Raises Invalid."""

    def roster() -> Any:
        with desk.db.read() as conn:
            return people.roster(conn, lock=False)

    page = page_of(query, roster)
    rows = ticket_search.search(desk.db, page.wanted, limit=page.limit + 1, before=page.before)
    shown, rest = rows[: page.limit], rows[page.limit :]
    return {"tickets": [shapes.ticket(row) for row in shown], "next": cursor_of(shown[-1].id) if rest else None}


def shown(desk: Desk, ticket_id: int) -> shapes.Shape:
    """A ticket with everything that is known of it. Raises NotFound."""
    row = tickets.get(desk.db, ticket_id)
    if row is None:
        raise NotFound(f"There is no ticket t{ticket_id}.")
    written = [one.fact for one in tickets.facts_of(desk.db, ticket_id) if isinstance(one.fact, Message)]
    asked = effects.list_effects(desk.db, ticket=ticket_id, limit=MOST_EFFECTS)
    return shapes.ticket(row) | _record(row) | {
        "history": [shapes.event(one) for one in tickets.events_of(desk.db, ticket_id)],
        "messages": [shapes.message(one) for one in written],
        "effects": [shapes.effect(one) for one in reversed(asked)],
        "activities": [shapes.activity(one) for one in activities.list_activities(desk.db, ticket=ticket_id)],
    }  # fmt: skip


def queue(desk: Desk) -> shapes.Shape:
    """The figures of all open tickets and of each team's."""
    found = ticket_search.queue(desk.db)
    by_team = [{"team": None if i is None else {"id": i, "name": name}, **_figures(found, figures)}
               for i, name, figures in found.teams]  # fmt: skip
    return {"as_of": found.as_of, **_figures(found, found.total), "by_team": by_team}


def _record(row: StoredTicket) -> shapes.Shape:
    record = row.ticket
    return {
        "description": record.description if record else "",
        "internal": record.internal if record else False,
        "language": record.language if record else "",
        "previous": record.previous if record else None,
        "proposed_close": (record.proposed_close or None) if record else None,
        "score_reasons": list(record.score_reasons) if record else [],
        "verbs": [verb.value for verb in legal_verbs(record.status)] if record else [],
        "clocks": [shapes.clock_in_full(one) for one in record.clocks] if record else [],
    }


def _figures(found: Queue, figures: Figures) -> shapes.Shape:
    oldest = figures.oldest_at
    return {
        "depth": figures.depth,
        "unassigned": figures.unassigned,
        "waiting": figures.waiting,
        "oldest_at": oldest,
        "oldest_seconds": None if oldest is None else max(0, round((found.as_of - oldest).total_seconds())),
        "at_risk": figures.at_risk,
        "breached": figures.breached,
        "by_priority": figures.priorities,
    }
