"""Everything the checker goes by, gathered once at rest: stored rows, the command line's answers, Chatwoot's state."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.integration.chaos import reference
from tests.integration.chaos.books import Books, Row
from tests.integration.chaos.journal import Journal
from worker.practice.server import PracticeChatwoot
from worker.practice.world import Conversation

DELIVERIES = "SELECT id, delivery_id, state, outcome, cause, duplicate_of FROM deliveries"
FACTS = "SELECT ticket_id, key, cause FROM facts WHERE kind = 'message'"
FACT_COUNT = "SELECT count(*) FROM facts WHERE kind IN ('message', 'snapshot', 'answer')"
EFFECTS = "SELECT id, ticket_id, kind, lane, state, cause, decision FROM effects"
TIMERS = "SELECT id, ticket_id, kind, key, due_at, state, fired_at FROM timers"
TICKETS = "SELECT id, external_id, generation FROM tickets"
NOTES = "SELECT what, row_id, old, new, due_at, at, is_early FROM chaos_notes"


@dataclass(frozen=True)
class Evidence:
    """One moment, at rest or after waiting for it in vain."""

    journal: Journal
    practice: PracticeChatwoot
    deliveries: list[Row]
    facts: list[Row]
    fact_count: int
    effects: list[Row]
    timers: list[Row]
    external: dict[int, str]
    notes: list[Row]
    unrest: dict[str, int]
    ledger: dict[str, Any]
    letters: list[dict[str, Any]]
    tickets: list[dict[str, Any]]
    roster: list[dict[str, Any]]
    wanted: dict[str, dict[str, Any]]
    differences: list[tuple[float, int]]
    clock_was_set_back: bool

    @property
    def conversations(self) -> dict[str, Conversation]:
        """What Chatwoot holds, by the external id of the ticket it should be."""
        account = self.practice.world.account["id"]
        return {f"{account}/{number}": c for number, c in self.practice.world.conversations.items()}

    def markers(self) -> Counter[str]:
        """How often each mark of ours stands on a message in Chatwoot."""
        held = (m for c in self.practice.world.conversations.values() for m in c.messages)
        return Counter(m.content_attributes["hookdesk"] for m in held if "hookdesk" in m.content_attributes)

    def messages(self) -> dict[str, set[str]]:
        """The stored message keys by external id."""
        found: dict[str, set[str]] = defaultdict(set)
        for ticket_id, key, _ in self.facts:
            found[self.external[ticket_id]].add(key)
        return found


def gather(
    books: Books,
    folder: Path,
    journal: Journal,
    practice: PracticeChatwoot,
    *,
    wanted: dict[str, dict[str, Any]],
    differences: list[tuple[float, int]],
    clock_was_set_back: bool = False,
) -> Evidence:
    """Read all of it. The rows are of one moment; the rest must be of the same if the system is at rest."""
    deliveries, facts, [(fact_count,)], effects, timers, tickets, notes = books.rows(
        DELIVERIES, FACTS, FACT_COUNT, EFFECTS, TIMERS, TICKETS, NOTES
    )
    [ledger] = reference.command(books.url, folder, "ledger", "--json")
    return Evidence(
        journal=journal.so_far(), practice=practice, deliveries=deliveries, facts=facts, fact_count=fact_count,
        effects=effects, timers=timers,
        external={row[0]: row[1] for row in tickets}, notes=notes, unrest=books.unrest(), ledger=ledger,
        letters=reference.command(books.url, folder, "dead-letters", "list", "--json", "--limit", "10000"),
        tickets=reference.tickets(books.url, folder), roster=reference.command(books.url, folder, "roster", "--json"),
        wanted=wanted, differences=differences, clock_was_set_back=clock_was_set_back,
    )  # fmt: skip
