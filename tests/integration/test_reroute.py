"""An agent goes offline and the waiting ticket moves; one comes online and the queue is served. In one process, with
the practice Chatwoot, on both databases."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from worker.clients.chatwoot import ChatwootClient
from worker.clock import ManualClock
from worker.config import Settings
from worker.desk import Desk
from worker.domain.policy import AgentRule, Policy
from worker.domain.ticket import Ticket
from worker.firing import fire_due
from worker.performing import perform_due
from worker.policy_file import load_policy
from worker.practice.server import TOKEN, PracticeChatwoot
from worker.processing import drain
from worker.roster import refresh_roster
from worker.store import tickets, timers
from worker.store.database import Database
from worker.store.inbox import Receipt, accept
from worker.wake import RecordingWaker

MORNING = datetime(2026, 6, 18, 9, 0, tzinfo=UTC)
POLICY = replace(load_policy(None), escalation=())
MAYA, JONAS, PRIYA = 7, 8, 9  # Maya and Priya are the billing team


class Office:
    """A desk and its Chatwoot, one clock for both; nothing happens by itself."""

    def __init__(self, folder: Path, url: str, practice: PracticeChatwoot, clock: ManualClock, policy: Policy) -> None:
        self.practice, self.clock, self._heard = practice, clock, 0
        settings = Settings(
            data_dir=folder, database_url=url, effects="live", chatwoot_url=practice.url, chatwoot_token=TOKEN
        )
        self.db = Database.open(url, clock=clock)
        self.db.migrate()
        self.desk = Desk(settings=settings, policy=policy, db=self.db, wake=RecordingWaker())
        self.client = ChatwootClient(practice.url, 1, TOKEN, clock=clock)

    def close(self) -> None:
        self.client.close()
        self.db.dispose()

    def writes(self, text: str, name: str = "Lena Fischer") -> int:
        """A customer opens a conversation, and everything that follows at once; returns its ticket."""
        number = self.practice.customer_opens(name, f"{name[:4].strip().lower()}@customer.example", text)
        self.settle()
        (found,) = [one.id for one in tickets.list_tickets(self.db) if one.key.external_id == f"1/{number}"]
        return found

    def minute(self, times: int = 1) -> None:
        """A minute, as the scheduler makes it: the roster is refreshed, what is due fires, effects are performed."""
        for _ in range(times):
            self.clock.advance(60)
            refresh_roster(self.db, self.client, self.desk.policy)
            fire_due(self.desk, seconds=20)
            self.settle()

    def settle(self) -> None:
        """What Chatwoot said is heard, and what we ask is done, until it is quiet."""
        while True:
            assert self.practice.sender.wait_idle()
            sent = list(self.practice.sender.sent)[self._heard :]
            self._heard += len(sent)
            if sent:
                accept(self.db, [self._receipt(one.delivery_id, one.body) for one in sent])
            drain(self.desk, seconds=20)
            perform_due(self.db, lambda: self.client, self.desk.policy, self.desk.settings, clock=self.clock)
            if not sent:
                return

    def _receipt(self, key: str, body: bytes) -> Receipt:
        return Receipt(key, "chatwoot", "account", key, key, {}, body, self.clock.now())

    def ticket(self, ticket_id: int) -> Ticket:
        found = tickets.get(self.db, ticket_id)
        assert found is not None
        assert found.ticket is not None
        return found.ticket

    def holder(self, ticket_id: int) -> str | None:
        assignee = self.ticket(ticket_id).assignee
        return assignee.id if assignee is not None else None

    def told(self, ticket_id: int, name: str) -> list[str]:
        return [event.reason for event in tickets.events_of(self.db, ticket_id) if event.name == name]


def _offices(folder: Path, url: str, policy: Policy) -> Iterator[Office]:
    clock = ManualClock(MORNING)
    with PracticeChatwoot(clock=clock, sender_threads=1, requests_per_minute=100_000) as practice:
        made = Office(folder, url, practice, clock, policy)
        made.minute()
        yield made
        made.close()


@pytest.fixture
def office(tmp_path: Path, database_url: str) -> Iterator[Office]:
    yield from _offices(tmp_path, database_url, POLICY)


@pytest.fixture
def small(tmp_path: Path, database_url: str) -> Iterator[Office]:
    """Where an agent can hold two tickets."""
    rules = tuple(AgentRule(str(number), capacity=2) for number in (MAYA, JONAS, PRIYA))
    yield from _offices(tmp_path, database_url, replace(POLICY, agents=rules))


class TestAway:
    def test_the_waiting_ticket_moves_ten_minutes_after_its_agent_left(self, office: Office) -> None:
        ticket = office.writes("A question about my invoice")
        other = office.writes("I have one about my invoice as well", "Omar Haddad")
        office.practice.agent_replies(int(office.ticket(other).key.external_id[2:]), MAYA, "Which one?")
        office.settle()
        assert office.holder(ticket) == office.holder(other) == str(MAYA)

        office.practice.set_availability(MAYA, "offline")
        office.practice.set_availability(PRIYA, "online")
        office.minute(10)
        before = office.holder(ticket)
        office.minute()

        assert (before, office.holder(ticket), office.holder(other)) == (str(MAYA), str(PRIYA), str(MAYA))
        conversation = office.practice.world.conversation(int(office.ticket(ticket).key.external_id[2:]))
        assert conversation.assignee is not None
        assert conversation.assignee.id == PRIYA
        [reason] = office.told(ticket, "ticket.rerouted")
        assert reason.startswith("Maya Ortiz went offline at 09:02 UTC and the customer waits since 09:01 UTC; ")
        assert office.ticket(ticket).assignee_by == "routing"

    def test_with_nobody_there_it_stays_says_so_once_and_moves_to_the_first_who_comes(self, office: Office) -> None:
        ticket = office.writes("A question about my invoice")
        office.practice.set_availability(MAYA, "offline")

        office.minute(20)
        fired = [one for one in timers.list_timers(office.db, ticket_id=ticket) if one.kind == "reroute"]
        kept = office.told(ticket, "ticket.not_rerouted")
        office.practice.set_availability(PRIYA, "online")
        office.minute()

        assert [(one.key, one.state) for one in fired] == [("away", "fired")]
        assert len(kept) == 1
        assert kept[0].endswith("nobody else can take it (1 busy, 1 offline), so it stays with Maya Ortiz")
        assert office.holder(ticket) == str(PRIYA)

    def test_who_comes_back_in_time_keeps_it(self, office: Office) -> None:
        ticket = office.writes("A question about my invoice")
        office.practice.set_availability(PRIYA, "online")

        for _ in range(3):
            office.practice.set_availability(MAYA, "offline")
            office.minute(9)
            office.practice.set_availability(MAYA, "online")
            office.minute()

        assert office.holder(ticket) == str(MAYA)
        assert office.told(ticket, "ticket.rerouted") == []

    def test_what_somebody_gave_by_hand_is_left_where_it_is(self, office: Office) -> None:
        ticket = office.writes("A question about my invoice")
        office.practice.set_availability(PRIYA, "online")
        number = int(office.ticket(ticket).key.external_id[2:])
        office.clock.advance(1)
        office.practice.chat.assign(number, JONAS)
        office.settle()
        office.practice.set_availability(JONAS, "offline")

        office.minute(15)

        assert (office.holder(ticket), office.ticket(ticket).assignee_by) == (str(JONAS), "source")


class TestQueue:
    def test_it_is_served_the_most_urgent_first_as_far_as_there_is_room(self, small: Office) -> None:
        small.practice.set_availability(MAYA, "offline")
        small.minute()
        calm = small.writes("About my invoice", "Anna A")
        urgent = small.writes("My payment failed, urgent, asap, invoice", "Bert B")
        second = small.writes("My invoice again", "Cleo C")
        assert {small.holder(one) for one in (calm, urgent, second)} == {None}

        small.practice.set_availability(PRIYA, "online")
        small.minute()

        assert [small.holder(one) for one in (calm, urgent, second)] == [str(PRIYA), str(PRIYA), None]
        [reason] = small.told(urgent, "ticket.rerouted")
        assert reason.startswith("it waited in the queue of billing since 09:02 UTC; rule 'money to billing'")

    def test_what_is_resolved_makes_room_at_the_next_refresh(self, small: Office) -> None:
        held = [small.writes(f"About invoice {n}", f"Ann{n}") for n in range(2)]
        waits = small.writes("About my invoice", "Zoe Z")
        assert ([small.holder(one) for one in held], small.holder(waits)) == ([str(MAYA)] * 2, None)

        small.practice.resolve(int(small.ticket(held[0]).key.external_id[2:]))
        small.settle()
        before = small.holder(waits)
        small.minute()

        assert (before, small.holder(waits)) == (None, str(MAYA))

    def test_an_hour_without_room_costs_the_queue_nothing(self, small: Office) -> None:
        small.practice.set_availability(MAYA, "offline")
        small.minute()
        ticket = small.writes("About my invoice")
        events = len(tickets.events_of(small.db, ticket))

        small.minute(30)

        assert [one for one in timers.list_timers(small.db, ticket_id=ticket) if one.kind == "reroute"] == []
        assert {one.stage for one in tickets.events_of(small.db, ticket)[events:]} <= {"sla"}

    def test_one_that_nobody_there_may_take_does_not_stop_the_others(self, small: Office) -> None:
        small.practice.set_availability(JONAS, "offline")
        small.practice.set_availability(MAYA, "offline")
        small.minute()
        technical = small.writes("Outage: everything is down, 503, urgent asap", "Anna A")
        billing = small.writes("About my invoice", "Bert B")

        small.practice.set_availability(PRIYA, "online")
        small.minute()

        assert (small.holder(technical), small.holder(billing)) == (None, str(PRIYA))


class TestRoster:
    def test_the_policys_words_about_an_agent_go_with_it(self, tmp_path: Path, database_url: str) -> None:
        rules = (AgentRule("MAYA@northwind.example", ("refunds",), 3, True), AgentRule("8", ("german",)))
        (office,) = _offices(tmp_path, database_url, replace(POLICY, agents=rules))

        from worker.store import people

        db = Database.open(database_url, clock=office.clock)
        with db.read() as conn:
            found = {one.person.id: one for one in people.roster(conn, lock=False).agents}
        db.dispose()

        assert (found["7"].skills, found["7"].capacity, found["7"].senior) == (("refunds",), 3, True)
        assert (found["8"].skills, found["8"].capacity, found["8"].senior) == (("german",), None, False)
        assert found["10"].away_since == MORNING + timedelta(minutes=1)
