"""What the tests of two doors share: requests by each of them, and a desk that hears of them."""

from __future__ import annotations

import itertools
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from tests.contract.builders import NOON
from worker.config import Settings
from worker.deciding import decide_all
from worker.desk import Desk
from worker.domain.facts import Author, Message, Parsed, Person, Snapshot, TicketKey
from worker.domain.policy import Policy
from worker.domain.ticket import Ticket
from worker.placing import place
from worker.policy_file import load_policy
from worker.store import tickets
from worker.store.database import Database
from worker.wake import RecordingWaker

TEXT = "The parcel 4711 has not arrived.\nWhere is it?"
LENA = Person(None, "Lena Fischer", "lena@customer.example")
FORM, MAIL, CHAT, API = (
    TicketKey(*key) for key in (("form", "s1"), ("email", "m1"), ("chatwoot", "1/312"), ("api", "k1"))
)


def at(minutes: float) -> datetime:
    return NOON + timedelta(minutes=minutes)


def a_request(key: TicketKey, minute: float = 0, **changes: Any) -> Parsed:
    """A form, a mail or an act that begins a ticket."""
    message = Message(id=f"{key.source}-{minute:g}", at=at(minute), author=Author.CUSTOMER, text=TEXT, by=LENA)
    return Parsed(f"{key.source}.received", key, (replace(message, **changes),))


def a_conversation(key: TicketKey = CHAT, minute: float = 0, text: str = TEXT, **changes: Any) -> Parsed:
    """What Chatwoot tells of a conversation that begins, with its first message quoted."""
    requester = Person("41", "Lena", "Lena@Customer.example")
    shot = Snapshot(
        at=at(minute), status="open", created_at=at(minute), requester=requester, channel="web_widget", text=text,
        digest=key.external_id,
    )  # fmt: skip
    return Parsed("conversation_created", key, (replace(shot, **changes),))


class Place:
    """A desk that hears of things and decides at once."""

    def __init__(self, db: Database, folder: Path, policy: Policy | None = None) -> None:
        self.db = db
        settings = Settings(data_dir=folder, effects="approve", chatwoot_url="http://chat.example", chatwoot_token="t")
        self.desk = Desk(settings, policy or load_policy(None), db, RecordingWaker())
        self._deliveries = itertools.count(1)

    def hears(self, *read: Parsed, now: datetime = NOON) -> list[int | None]:
        """One batch; the ticket of each."""
        with self.db.write() as conn:
            stored = place(conn, read, now=now)
            rows = [
                (one.id, fact, f"d{next(self._deliveries)}")
                for one, parsed in zip(stored, read, strict=True)
                if one is not None
                for fact in parsed.facts
            ]
            tickets.add_facts(conn, rows)
            held = {one.id: one for one in stored if one is not None}
            decide_all(conn, self.desk, [held[i] for i in sorted(held)], causes={}, now=now)
        return [one.id if one is not None else None for one in stored]

    def ticket(self, ticket_id: int | None) -> Ticket:
        assert ticket_id is not None
        found = tickets.get(self.db, ticket_id)
        assert found is not None
        assert found.ticket is not None
        return found.ticket

    def told(self, ticket_id: int | None, name: str) -> list[str]:
        assert ticket_id is not None
        return [line.reason for line in tickets.events_of(self.db, ticket_id) if line.name == name]
