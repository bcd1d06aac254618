"""What the aspects of a decision look at, and what each of them wants."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Protocol

from worker.domain.effects import Effect, EffectKind
from worker.domain.facts import Fact, Matched, TicketKey
from worker.domain.fold import fold_further
from worker.domain.policy import Policy
from worker.domain.promised import kept
from worker.domain.routing import Roster
from worker.domain.story import Story, tell
from worker.domain.ticket import Activity, Ended, Event, Ticket, Timer


class Known(Protocol):
    """What the rest of the desk knows, asked only where it matters: each answer costs a look into the store."""

    def roster(self) -> Roster | None:
        """Who could take the ticket, held for this decision until it is stored; None when nobody ever told us."""

    def away_since(self, agent_id: str) -> datetime | None:
        """Since when this agent is not online; None for one who is, or is unknown. Cheaper than `roster`."""

    def last_survey_at(self, ticket: Ticket) -> datetime | None:
        """When its requester was last asked."""

    def matched(self, ticket: Ticket) -> Matched | None:
        """Whom we know the requester to be; None without anything to know them by."""

    def done_at(self, kind: EffectKind, decision: str) -> datetime | None:
        """When this effect of the ticket was performed; None while it was not."""

    def told(self, about: str) -> tuple[str, ...]:
        """The decisions, beginning with `about`, of its notes and notices that were performed, or tried at least."""

    def is_still_to_do(self, kind: str, key: str) -> bool:
        """Whether this activity of the ticket is open: neither done nor called off, by us or by a person."""


@dataclass(frozen=True, slots=True)
class Given:
    """What is known, given beforehand: for deciding without a store."""

    who: Roster | None = None
    surveyed_at: datetime | None = None
    contact: Matched | None = None
    done: dict[tuple[EffectKind, str], datetime] = field(default_factory=dict)
    ended: frozenset[tuple[str, str]] = frozenset()  # activities

    def roster(self) -> Roster | None:
        return self.who

    def away_since(self, agent_id: str) -> datetime | None:
        agent = self.who.agent(agent_id) if self.who is not None else None
        return agent.away_since if agent is not None else None

    def last_survey_at(self, ticket: Ticket) -> datetime | None:
        return self.surveyed_at

    def matched(self, ticket: Ticket) -> Matched | None:
        return self.contact

    def done_at(self, kind: EffectKind, decision: str) -> datetime | None:
        return self.done.get((kind, decision))

    def told(self, about: str) -> tuple[str, ...]:
        return tuple(sorted({decision for _, decision in self.done if decision.startswith(about)}))

    def is_still_to_do(self, kind: str, key: str) -> bool:
        return (kind, key) not in self.ended


@dataclass(frozen=True, slots=True)
class View:
    """A ticket in the middle of a decision: as it was stored, as the facts tell it so far, and what else is known."""

    before: Ticket | None
    key: TicketKey
    facts: tuple[Fact, ...]
    story: Story
    ticket: Ticket
    policy: Policy
    known: Known
    now: datetime

    @property
    def moment(self) -> datetime:
        """When a decision is made: now, but after what a person decided at this very time, and after all that is known,
        if the source's clock is a little ahead.
        """
        ours = self.story.assignments
        is_a_persons = bool(ours) and ours[-1].by == "operator" and ours[-1].at == self.now
        latest = self.story.updated_at
        return just_after(latest, self.now) if is_a_persons or latest > self.now else self.now

    @property
    def known_until(self) -> datetime | None:
        """The newest snapshot that a decision knows, by the source's clock."""
        return self.story.last.at if self.story.last is not None else None

    def plus(self, facts: tuple[Fact, ...]) -> View:
        """The same with further facts, of our own."""
        known = (*self.facts, *facts)
        story = tell(known)
        ticket = fold_further(self.ticket, self.story, story, self.policy, as_of=self.now)
        ticket = kept(self.before, ticket, self.policy)
        return View(self.before, self.key, known, story, ticket, self.policy, self.known, self.now)


@dataclass(frozen=True, slots=True)
class Wants:
    """What one aspect wants; `facts` are its own decisions, which later aspects see in the ticket."""

    events: tuple[Event, ...] = ()
    timers: tuple[Timer, ...] = ()
    effects: tuple[Effect, ...] = ()
    facts: tuple[Fact, ...] = ()
    activities: tuple[Activity, ...] = ()
    ended: tuple[Ended, ...] = ()
    view: View | None = None  # the view with these facts, where the aspect has made it already


_NEXT = timedelta(microseconds=1)
_AHEAD = timedelta(minutes=1)  # so much the clock of a source is believed to be ahead of ours


def just_after(latest: datetime, now: datetime) -> datetime:
    """Now, but after the latest that is known: a decision is about the ticket as it stands, not as it stood before."""
    return latest + _NEXT if now < latest + _NEXT <= now + _AHEAD else now


Aspect = Callable[[View], Wants]
NOTHING = Wants()
