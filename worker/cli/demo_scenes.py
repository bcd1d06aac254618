"""What the demo shows of Hookdesk: scenes that should happen, noticed by what its own records say of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING

from worker.cli.demo_cast import ESCALATED, HOLIDAY, REOPENED, REROUTED, SURVEYED, UNANSWERED
from worker.domain.skipped import skipped
from worker.domain.wording import hours
from worker.store.ticket_reads import events_of

if TYPE_CHECKING:
    from worker.domain.policy import Policy
    from worker.store.database import Database
    from worker.store.tickets import StoredTicket


@dataclass(slots=True)
class Scene:
    """One thing that should happen to one conversation. It has happened once `reasons` are there."""

    name: str
    title: str
    conversation: int
    event: str  # of the ticket's log
    remark: str  # what the screen says when it happens
    key: str = ""  # with which its key must end
    ticket: StoredTicket | None = None
    reasons: list[str] = field(default_factory=list)
    more: Callable[[StoredTicket], list[str]] = field(default=lambda _: [])  # what else is told

    def look(self, db: Database, ticket: StoredTicket) -> bool:
        """True at the moment it is first seen to have happened."""
        if self.reasons:
            return False
        log = (one for one in events_of(db, ticket.id) if one.name == self.event and one.key.endswith(self.key))
        found = [one.reason for one in log]
        if found:
            self.reasons, self.ticket = [*found, *self.more(ticket)], ticket
        return bool(found)


def scenes(policy: Policy) -> dict[str, Scene]:
    """All of them, in the order they are told in the end."""
    told = (
        Scene(
            "breach",
            "One promise was broken on purpose",
            UNANSWERED,
            "sla.breached",
            "breaches its first response: nobody answered in time (on purpose)",
        ),
        Scene(
            "escalated",
            "A refund went to a senior",
            ESCALATED,
            "ticket.escalated",
            "is about a refund: it is escalated",
        ),
        Scene(
            "holiday",
            "A clock skipped a holiday: tomorrow, in the calendar 'office'",
            HOLIDAY,
            "sla.started",
            "gets a clock that will skip a holiday",
            key="resolution:1",
            more=partial(_holidays, policy),
        ),
        Scene(
            "held_back",
            "A survey was held back, because the customer came back",
            REOPENED,
            "csat.cancelled",
            "was reopened before its survey went out: the survey is held back",
            key=":reopened",
        ),
        Scene(
            "rerouted",
            "A customer was waiting when their agent left, so somebody else took over",
            REROUTED,
            "ticket.rerouted",
            "moves to another agent: the one who had it has left",
        ),
        Scene(
            "surveyed",
            "One survey was answered",
            SURVEYED,
            "csat.answered",
            "has its survey answered, and the answer is recorded",
        ),
    )
    return {scene.name: scene for scene in told}


def _holidays(policy: Policy, ticket: StoredTicket) -> list[str]:
    """What holidays took out of its clocks, as `hookdesk sla explain` tells it too."""
    told: list[str] = []
    calendars = {promise.name: promise.calendar for promise in policy.sla}
    for clock in ticket.ticket.clocks if ticket.ticket is not None else ():
        if clock.deadline_at is not None and clock.policy in calendars:
            lost = skipped(calendars[clock.policy], clock.started_at, clock.deadline_at).holidays
            told += [f"{day} is a holiday: {hours(time.total_seconds())} of it do not count" for day, time in lost]
    return told
