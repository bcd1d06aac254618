"""The outgoing side on a bench: real SQLite, a practice Chatwoot, one clock for both, and effects to perform."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from worker.clients.chatwoot import ChatwootClient
from worker.clock import ManualClock
from worker.config import Settings
from worker.domain.effects import Effect, EffectKind, EffectState
from worker.domain.facts import Person, TicketKey
from worker.domain.ticket import Resolution, Status, Ticket
from worker.performing import perform_due
from worker.policy_file import load_policy
from worker.practice.server import TOKEN, PracticeChatwoot
from worker.store import effects, tickets
from worker.store.database import Database
from worker.store.effects import StoredEffect

START = datetime(2026, 6, 18, 9, 0, tzinfo=UTC)
SECRET = "a-link-secret-that-is-long-enough-for-anything"
MAYA, JONAS, BILLING = Person("7", "Maya Ortiz"), Person("8", "Jonas Weber"), Person("2", "billing")
NOTE = Effect(EffectKind.PRIVATE_NOTE, "note:1", {"text": "Routed to billing: rule invoices."})
TEAM = Effect(EffectKind.ASSIGN_TEAM, "routed:1", {"team_id": "2", "team": "billing"})
AGENT = Effect(EffectKind.ASSIGN_AGENT, "routed:1", {"agent_id": "7", "agent": "Maya Ortiz"})
SURVEY = Effect(EffectKind.SURVEY, "resolution:1", {"text": "How did we do? {link}", "resolution": 1})


class Bench:
    """One database, one practice Chatwoot and a ticket of it; time stands still until it is moved."""

    def __init__(self, folder: Path, practice: PracticeChatwoot, clock: ManualClock) -> None:
        self.clock, self.practice = clock, practice
        self.policy = load_policy(None)
        self.settings = Settings(
            data_dir=folder, effects="live", chatwoot_url=practice.url, chatwoot_token=TOKEN,
            link_secrets=(SECRET,), public_url="https://desk.example/",
        )  # fmt: skip
        self.db = Database.open(self.settings.database_url, clock=clock)
        self.db.migrate()
        self.client = ChatwootClient(practice.url, 1, TOKEN, clock=clock, total_seconds=2.0)
        self.draw: Callable[[], float] = lambda: 0.5
        self.conversation, self.key, self.ticket_id = self.open()

    def open(self) -> tuple[int, TicketKey, int]:
        """Another conversation and its ticket."""
        conversation = self.practice.customer_opens("Lena Fischer", "lena@customer.example", "Charged twice")
        key = TicketKey("chatwoot", f"1/{conversation}")
        return conversation, key, self.store(Ticket(key, START, START, status=Status.TRIAGED))

    def close(self) -> None:
        self.client.close()
        self.db.dispose()

    def store(self, ticket: Ticket) -> int:
        with self.db.write() as conn:
            ticket_id = tickets.lock(conn, [ticket.key], now=self.clock.now())[ticket.key].id
            tickets.save(conn, [(ticket_id, ticket)], policy_version="test", now=self.clock.now())
        return ticket_id

    def assign(self, agent: Person, team: Person | None = None) -> None:
        """The ticket is theirs, as far as we know."""
        self.store(Ticket(self.key, START, START, status=Status.TRIAGED, assignee=agent, team=team))

    def resolve(self) -> None:
        self.store(Ticket(self.key, START, START, status=Status.RESOLVED, resolutions=(Resolution(1, START),)))

    def add(self, *wanted: Effect, state: EffectState = EffectState.PENDING, ticket_id: int | None = None) -> list[int]:
        with self.db.write() as conn:
            rows = [(ticket_id or self.ticket_id, effect) for effect in wanted]
            return effects.add(conn, rows, states=lambda _: state, now=self.clock.now())

    def perform(self, **changes: Any) -> int:
        settings = replace(self.settings, **changes)
        return perform_due(
            self.db, lambda: self.client, self.policy, settings, clock=self.clock, draw=self.draw, seconds=60
        )

    def effect(self, effect_id: int) -> StoredEffect:
        found = effects.get(self.db, effect_id)
        assert found is not None
        return found

    def live(self) -> list[StoredEffect]:
        """Those that are still to be performed."""
        states = ("pending", "retry", "performing")
        return [row for state in states for row in effects.list_effects(self.db, state=state, limit=1000)]

    def run(self, hours: float) -> int:
        """Perform, and jump to when the next one is due, until none is left or so many hours have gone by; returns
        how many turns that took."""
        end, turns = self.clock.now() + timedelta(hours=hours), 0
        while live := self.live():
            turns += 1
            if self.perform():
                continue
            later = [row.next_at for row in live if row.next_at > self.clock.now()]
            if not later or min(later) > end:
                break
            self.clock.advance(min(later) - self.clock.now())
        self.clock.advance(max(end - self.clock.now(), timedelta(0)) if live else 0)
        return turns


@contextmanager
def a_bench(folder: Path) -> Iterator[Bench]:
    """A fresh one."""
    clock = ManualClock(START)
    with PracticeChatwoot(clock=clock, stall_seconds=8, sender_threads=1, requests_per_minute=10_000) as practice:
        made = Bench(folder, practice, clock)
        try:
            yield made
        finally:
            made.close()
