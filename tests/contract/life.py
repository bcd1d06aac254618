"""A desk on a real store that hears facts one delivery at a time, fires what is due and performs what it is told to."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from sqlalchemy import update

from tests.contract.builders import NOON, a_key, accepted
from worker import shapes
from worker.clock import ManualClock
from worker.config import Settings
from worker.desk import Desk
from worker.domain.effects import EffectKind
from worker.domain.facts import Author, Fact, Message, Parsed, Person, Snapshot, TicketKey
from worker.domain.policy import Policy
from worker.domain.ticket import Ticket
from worker.firing import fire_due
from worker.settling import settle
from worker.store import claims, effects, letters, tickets, timers
from worker.store.claims import Claimed
from worker.store.database import Database
from worker.store.schema import effects as effect_rows
from worker.store.ticket_reads import StoredEvent
from worker.wake import RecordingWaker

LENA = Person("41", "Lena Fischer", "lena@customer.example")
Read = Sequence[tuple[Claimed, Parsed]]
MINUTE, DAY = timedelta(minutes=1), timedelta(days=1)


def at(minute: float) -> datetime:
    return NOON + minute * MINUTE


def a_request(minute: float, text: str = "hello", **given: object) -> Message:
    """The customer writes."""
    values = {"id": f"m{minute:g}", "at": at(minute), "author": Author.CUSTOMER, "text": text, "by": LENA, **given}
    return Message(**values)  # type: ignore[arg-type]


def an_answer(minute: float, text: str = "Sent anew.") -> Message:
    """An agent answers."""
    return a_request(minute, text, id=f"r{minute:g}", author=Author.AGENT, by=Person("7", "Maya"))


def a_state(minute: float, status: str = "open", **given: object) -> Snapshot:
    """The source's registers."""
    values = {"at": at(minute), "status": status, "created_at": NOON, "requester": LENA, **given}
    return Snapshot(**values)  # type: ignore[arg-type]


@dataclass(frozen=True, slots=True)
class Life:
    """The whole of settling and firing, without the network."""

    db: Database
    clock: ManualClock
    desk: Desk

    @classmethod
    def begun(cls, db: Database, clock: ManualClock, policy: Policy, folder: Path) -> Life:
        settings = Settings(data_dir=folder, chatwoot_url="http://chat.example.com", chatwoot_token="t")
        return cls(db, clock, Desk(settings=settings, policy=policy, db=db, wake=RecordingWaker()))

    def restarted(self) -> Life:
        """The same store, with nothing kept in memory."""
        return Life(self.db, self.clock, Desk(self.desk.settings, self.desk.policy, self.db, RecordingWaker()))

    def hear(self, *facts: Fact, key: TicketKey | None = None, now: float | None = None) -> int | None:
        """One delivery that tells these facts, processed at that minute; returns its ticket."""
        if now is not None:
            self.move_to(at(now))
        accepted(self.db)
        [claimed] = claims.claim(self.db, limit=1, lease=MINUTE)
        with self.db.write() as conn:
            settle(conn, self.desk, [(claimed, Parsed("message_created", key or a_key(1), facts))])
        row = letters.get_delivery(self.db, claimed.id)
        assert row is not None
        return row.ticket_id

    def wait_until(self, moment: datetime) -> None:
        """Fire every timer at its time, as the scheduler would."""
        while (due := timers.next_due(self.db)) is not None and due <= moment:
            self.move_to(due)
            fire_due(self.desk, seconds=5)
        self.move_to(moment)

    def move_to(self, moment: datetime) -> None:
        """Time passes without anybody looking; it never goes back."""
        self.clock.advance(max(timedelta(0), moment - self.clock.now()))

    def perform(self, kind: EffectKind) -> int:
        """Count the waiting effects of that kind as performed now."""
        with self.db.write() as conn:
            mine = effect_rows.c.kind == kind.value, effect_rows.c.state.in_(("pending", "approval"))
            done = update(effect_rows).where(*mine).values(state="done", done_at=self.clock.now())
            return conn.execute(done).rowcount

    def ticket(self, number: int = 1) -> Ticket:
        stored = tickets.get(self.db, number)
        assert stored is not None
        assert stored.ticket is not None
        return stored.ticket

    def json(self, number: int = 1) -> dict[str, object]:
        stored = tickets.get(self.db, number)
        assert stored is not None
        return shapes.ticket(stored)

    def events(self, name: str, number: int = 1) -> list[StoredEvent]:
        return [one for one in tickets.events_of(self.db, number) if one.name == name]

    def asked_for(self, number: int = 1) -> Counter[tuple[str, str]]:
        """Effects by kind and decision, in any state."""
        rows = effects.list_effects(self.db, ticket=number, limit=1000)
        return Counter((one.kind.value, one.decision) for one in rows)


def new_tickets(life: Life, first: int, count: int) -> Read:
    """That many claimed deliveries, each of a customer nobody knew."""
    accepted(life.db, count)
    claimed = claims.claim(life.db, limit=count, lease=MINUTE)
    return [(one, _told(first + n)) for n, one in enumerate(claimed)]


def _told(number: int) -> Parsed:
    who = Person(str(number), f"Customer {number}")
    return Parsed("message_created", a_key(number), (a_state(0, requester=who), a_request(1, by=who)))
