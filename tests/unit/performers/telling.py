"""What the tests of events, notices and mail share: a real SQLite, one clock, a ticket, and no Chatwoot."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from tests.receiving import SECRET
from worker.clock import ManualClock
from worker.config import Settings
from worker.domain.effects import Effect, EffectKind, EffectState
from worker.domain.facts import Person, TicketKey
from worker.domain.policy import NoticePolicy, Target
from worker.domain.ticket import Status, Ticket
from worker.performing import perform_due
from worker.policy_file import load_policy
from worker.store import effects, tickets
from worker.store.database import Database
from worker.store.effects import StoredEffect

START = datetime(2026, 6, 18, 9, 0, tzinfo=UTC)
LEAD = "lead@desk.example.com"
MAYA = "maya@desk.example.com"


class Bench:
    """Time stands still until it is moved; the random draw is in the middle, so that schedules are nominal."""

    def __init__(self, folder: Path) -> None:
        self.clock = ManualClock(START)
        self.policy = load_policy(None)
        self.settings = Settings(
            data_dir=folder, effects="live", event_secrets=(("", SECRET),), notice_secrets=(SECRET,),
            mail_from="Desk <support@desk.example.com>",
        )  # fmt: skip
        self.db = Database.open(self.settings.database_url, clock=self.clock)
        self.db.migrate()
        self.draw: Callable[[], float] = lambda: 0.5
        self.ticket_id = self.ticket("root@customer.example")

    def ticket(self, thread: str, source: str = "email", **given: Any) -> int:
        """A ticket that came by mail."""
        key = TicketKey(source, thread)
        record = Ticket(key, START, START, status=Status.TRIAGED, requester=Person("1", "Lena", "l@c.example"), **given)
        with self.db.write() as conn:
            ticket_id = tickets.lock(conn, [key], now=START)[key].id
            tickets.save(conn, [(ticket_id, record)], policy_version="test", now=START)
        return ticket_id

    def target(self, url: str, name: str = "crm", **given: Any) -> None:
        """One more target, on this machine."""
        self.policy = replace(
            self.policy, targets=(*self.policy.targets, Target(name, url, **{"allow_private": True, **given}))
        )

    def notices(self, url: str = "") -> None:
        """Notices by webhook to this address."""
        self.policy = replace(self.policy, notices=NoticePolicy(webhook=url, allow_private=True))

    def set(self, **settings: Any) -> None:
        self.settings = replace(self.settings, **settings)

    def add(self, *wanted: Effect, ticket_id: int | None = None) -> list[int]:
        with self.db.write() as conn:
            rows = [(ticket_id or self.ticket_id, effect) for effect in wanted]
            return effects.add(conn, rows, states=lambda _: EffectState.PENDING, now=self.clock.now())

    def perform(self) -> int:
        return perform_due(
            self.db, lambda: None, self.policy, self.settings, clock=self.clock, draw=self.draw, seconds=60
        )

    def effect(self, effect_id: int) -> StoredEffect:
        found = effects.get(self.db, effect_id)
        assert found is not None
        return found

    def tries(self, effect_id: int, most: int = 40) -> list[float]:
        """Perform until it ends or waits for a person; returns the seconds between the tries."""
        waits: list[float] = []
        for _ in range(most):
            self.perform()
            stored = self.effect(effect_id)
            if stored.state != "retry":
                break
            waits.append((stored.next_at - self.clock.now()).total_seconds())
            self.clock.advance(stored.next_at - self.clock.now())
        return waits


@contextmanager
def a_bench(folder: Path) -> Iterator[Bench]:
    made = Bench(folder)
    try:
        yield made
    finally:
        made.db.dispose()


def an_event(n: int = 1, target: str = "crm", kind: str = "ticket.resolved", **data: Any) -> Effect:
    payload = {"target": target, "type": kind, "at": START.isoformat(), "data": data or {"resolution": n}}
    return Effect(EffectKind.EVENT, f"{target}:{kind}:{n}", payload)


def a_notice(decision: str = "escalated:refund:1", **given: Any) -> Effect:
    usual = {"subject": "Escalated: refund", "text": "Please look.", "to": [LEAD], "team": "billing", "late": False}
    return Effect(EffectKind.OPERATOR_NOTICE, decision, {**usual, **given})


def a_reply(n: int = 1, **given: Any) -> Effect:
    usual = {"text": "Refunded.", "actor": "maya", "to": "lena@customer.example", "subject": "Charged twice"}
    return Effect(EffectKind.REPLY, f"act:{n}", {**usual, **given})


def hours(number: float) -> timedelta:
    return timedelta(hours=number)
