"""What happens within one millisecond, as Chatwoot tells it: a message's time is cut, a conversation's is not."""

from __future__ import annotations

from typing import Any

from tests.builders import T0, a_policy
from worker.clock import ManualClock
from worker.domain.facts import Fact, TicketKey
from worker.domain.fold import fold
from worker.domain.ticket import Status, Ticket
from worker.intake import chatwoot
from worker.intake.reading import Arrival
from worker.practice import payloads
from worker.practice.chat import Chat
from worker.practice.world import World


class Heard:
    """A practice Chatwoot whose events are read as they would be behind the door."""

    def __init__(self) -> None:
        self.clock = ManualClock(T0)
        self.world = World(self.clock)
        self.facts: list[Fact] = []
        self.chat = Chat(self.world, self._announce)

    def _announce(self, event: str, payload: dict[str, Any]) -> None:
        body = payloads.body({**payload, "event": event})
        self.facts += chatwoot.parse(body, Arrival(self.clock.now(), None, 1, {})).facts

    def ticket(self, number: int) -> Ticket:
        return fold(TicketKey("chatwoot", f"1/{number}"), self.facts, a_policy(), as_of=self.clock.now())


def test_a_customer_who_writes_right_after_an_agent_opens_a_resolved_ticket_once() -> None:
    heard = Heard()
    number = heard.chat.open("Lena", "lena@customer.example", "Where is my parcel?").id
    heard.clock.advance(1)
    heard.chat.set_status(number, "resolved")
    heard.clock.advance(1)
    heard.chat.reply(number, heard.world.agents[7], "It should be with you by now.")
    heard.chat.customer(number, "It is not!")

    ticket = heard.ticket(number)

    assert (ticket.status, ticket.reopen_count, len(ticket.resolutions)) == (Status.IN_PROGRESS, 1, 1)
