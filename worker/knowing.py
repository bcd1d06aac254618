"""What a decision may ask of the rest of the desk, answered from the store in the transaction that decides.

No agent is given more than they can take by two who decide at once. Few decisions hold the roster from their first look
at it until the commit. A crowd of them does not, as all others would wait meanwhile: it holds the roster only for the
commit, and if somebody it chose cannot take that much any more, everything is decided again, holding it from the first
look on (`Overtaken`). Nor is a customer asked twice: who asks looks again before the commit, one at a time.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import TypeVar

from sqlalchemy.engine import Connection

from worker import log
from worker.domain.effects import EffectKind
from worker.domain.facts import Matched
from worker.domain.policy import Policy
from worker.domain.routing import Roster, capacity_of
from worker.domain.ticket import Decision, Ticket
from worker.store import activities, effects, people, tickets

CROWD = 8  # from so many decisions on

logger = log.get(__name__)
T = TypeVar("T")


class Overtaken(Exception):
    """Others were quicker: somebody we chose went away or was given more, or a customer we ask was asked. Roll back and
    decide again, which sees that."""


def again_if_overtaken(commit: Callable[[bool], T]) -> T:
    """What a transaction of decisions returns: it is told whether to hold the roster, at first not to."""
    try:
        return commit(False)
    except Overtaken as exc:
        logger.info("decided_again", reason=str(exc))
        return commit(True)


class Knowledge:
    """Shared by the decisions of one transaction, so that a batch of fifty does not all go to one agent."""

    def __init__(
        self, conn: Connection, matches: Mapping[int, Matched], *, now: datetime, policy: Policy, holds: bool
    ) -> None:
        self._conn, self._matches, self._now, self._policy = conn, matches, now, policy
        self._holds = holds or conn.dialect.name == "sqlite"  # who writes there holds everything
        self._roster: Roster | None = None
        self._away: Mapping[str, datetime] | None = None
        self._assigned: set[str] = set()
        self._asked: set[int | str] = set()  # contacts and requesters
        self._asking: dict[int, Ticket] = {}
        self._asked_at: dict[int, datetime | None] = {}  # by ticket, as it was when that was decided

    def about(self, ticket_id: int) -> Known:
        """The same, asked by the decision about this ticket."""
        return Known(self, ticket_id)

    def roster(self) -> Roster:
        """As it is now, with what this transaction has given away."""
        if self._roster is None:
            self._roster = people.roster(self._conn, lock=self._holds)
        return self._roster

    def away_since(self, agent_id: str) -> datetime | None:
        """One look for all the decisions of this transaction, without holding the roster."""
        if self._away is None:
            self._away = people.away(self._conn)
        return self._away.get(agent_id)

    def reserve(self, ticket_id: int, before: Ticket | None, decision: Decision) -> None:
        """Count an assignment of ours at once, and that a customer is asked."""
        ticket = decision.ticket
        if any(effect.kind is EffectKind.SURVEY for effect in decision.effects):
            self._asked.update(_names_of(ticket))
            self._asking[ticket_id] = ticket
        agent = ticket.assignee.id if ticket.assignee is not None else None
        is_ours = ticket.assignee_by in ("routing", "escalation", "operator")
        if agent is None or not is_ours or (before is not None and before.assignment == ticket.assignment):
            return
        self._assigned.add(agent)
        if self._roster is not None:
            was = before.assignee.id if before is not None and before.assignee is not None else None
            self._roster = self._roster.with_assigned(agent, self._now, instead_of=was)

    def keep(self) -> None:
        """Store who was assigned something; to be called once, when all is stored. Raises Overtaken."""
        if self._assigned:
            if not self._holds:
                people.hold(self._conn)
                self._look_again()
            people.note_assigned(self._conn, self._assigned, self._now)
        if self._asking:
            tickets.hold_customers(self._conn, {name for ticket in self._asking.values() for name in _names_of(ticket)})
            for ticket_id, ticket in self._asking.items():
                self._refuse_asked(ticket, self._asked_at.get(ticket_id))

    def _refuse_asked(self, ticket: Ticket, known: datetime | None) -> None:
        last = tickets.last_survey_at(
            self._conn, ticket.requester, contact=_contact_of(ticket), besides=list(self._asking)
        )  # fmt: skip
        if last is not None and (known is None or last > known):
            raise Overtaken("a customer was asked by others")

    def _look_again(self) -> None:
        """The stored load has by now both our own tickets and what others committed before we held the roster."""
        stored = {one.person.id: one for one in people.some(self._conn, self._assigned)}
        for seen in (one for one in self.roster().agents if one.person.id in self._assigned):
            agent = stored.get(seen.person.id)
            if agent is None or agent.availability != seen.availability:
                raise Overtaken(f"agent {seen.person.id} has gone")
            if agent.open_tickets > max(seen.open_tickets, capacity_of(agent, self._policy)):
                raise Overtaken(f"agent {seen.person.id} was given more by others")

    def last_survey_at(self, ticket_id: int, ticket: Ticket) -> datetime | None:
        if not self._asked.isdisjoint(_names_of(ticket)):
            return self._now
        last = tickets.last_survey_at(self._conn, ticket.requester, contact=_contact_of(ticket))
        self._asked_at[ticket_id] = last
        return last

    def matched(self, ticket_id: int) -> Matched | None:
        return self._matches.get(ticket_id)

    def done_at(self, ticket_id: int, kind: EffectKind, decision: str) -> datetime | None:
        return effects.done_at(self._conn, ticket_id, kind, decision)

    def told(self, ticket_id: int, about: str) -> tuple[str, ...]:
        return effects.told(self._conn, ticket_id, about)

    def is_still_to_do(self, ticket_id: int, kind: str, key: str) -> bool:
        return activities.is_open(self._conn, ticket_id, kind, key)


def _contact_of(ticket: Ticket) -> int | None:
    return ticket.matched.contact if ticket.matched is not None else None


def _names_of(ticket: Ticket) -> set[int | str]:
    """What the customer is known by: the contact, and the requester."""
    return {one for one in (_contact_of(ticket), tickets.requester_key(ticket.requester)) if one is not None}


class Known:
    """`domain.view.Known` of one ticket."""

    def __init__(self, knowledge: Knowledge, ticket_id: int) -> None:
        self._knowledge, self._ticket_id = knowledge, ticket_id

    def roster(self) -> Roster | None:
        return self._knowledge.roster()

    def away_since(self, agent_id: str) -> datetime | None:
        return self._knowledge.away_since(agent_id)

    def last_survey_at(self, ticket: Ticket) -> datetime | None:
        return self._knowledge.last_survey_at(self._ticket_id, ticket)

    def matched(self, ticket: Ticket) -> Matched | None:
        return self._knowledge.matched(self._ticket_id)

    def done_at(self, kind: EffectKind, decision: str) -> datetime | None:
        return self._knowledge.done_at(self._ticket_id, kind, decision)

    def told(self, about: str) -> tuple[str, ...]:
        return self._knowledge.told(self._ticket_id, about)

    def is_still_to_do(self, kind: str, key: str) -> bool:
        return self._knowledge.is_still_to_do(self._ticket_id, kind, key)
