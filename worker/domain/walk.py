"""The way a ticket went through its statuses: every edge legal, every edge with the fact that caused it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from operator import itemgetter

from worker.domain.confirming import is_confirmation
from worker.domain.echo import Showing, Writes
from worker.domain.facts import Act, Closed, Message, Snapshot, Verb
from worker.domain.own import FOLLOWED
from worker.domain.policy import ClosingPolicy
from worker.domain.story import Reply, Story
from worker.domain.ticket import Edge, Resolution, Status, path

Pause = tuple[datetime, datetime | None, str]

_PAUSES = {"pending": "with_bot", "snoozed": "snoozed"}
_UNANSWERED = (Status.NEW, Status.TRIAGED)
_AT_WORK = (Status.IN_PROGRESS, Status.PENDING_CUSTOMER)
_EXACT = timedelta(milliseconds=1)
"""A message's time is cut to this, a snapshot's is not: one from just before the message seems to be later."""


@dataclass(slots=True)
class Walk:
    """Where the walk stands; after `walk` it is the whole way."""

    status: Status = Status.NEW
    with_bot: bool = False
    replied: bool = False
    reopen_count: int = 0
    edges: list[Edge] = field(default_factory=list)
    resolutions: list[Resolution] = field(default_factory=list)
    paused: list[Pause] = field(default_factory=list)
    confirmations: list[Message] = field(default_factory=list)
    confirmed_at: datetime | None = None  # of the resolution that stands
    _closing: ClosingPolicy = field(default=ClosingPolicy())
    _register: str = ""  # the status of the last snapshot, in the source's word
    _reopened_at: datetime | None = None  # by a message of the customer, and not resolved since
    _acted: bool = False  # we resolved or reopened it, and the source does not show that yet
    _writes: Writes = field(default_factory=Writes)  # of the status
    _follows: bool = False  # a follow-up of a closed ticket, not yet begun
    _thanked: bool = False  # a confirmation came, which opens the conversation in the source by itself

    @classmethod
    def begun(cls, story: Story, closing: ClosingPolicy) -> Walk:
        """A follow-up begins where the conversation was resolved, everything else from nothing."""
        if story.followed is None:
            return cls(_closing=closing)
        return cls(_closing=closing, _register="resolved", _follows=True)

    def request(self, message: Message, *, alone: bool) -> None:
        """The customer wrote: a resolved ticket opens again, unless they only say that it is solved.

        Without any snapshot the message is the ticket.
        """
        if self.status is Status.RESOLVED and is_confirmation(message, self._closing):
            self.confirmations.append(message)
            self.confirmed_at = self.confirmed_at or message.at
            self._thanked = True
        elif self.status is Status.RESOLVED:
            self._go(Status.IN_PROGRESS, message.at, message.key)
            self._reopened_at = message.at
        elif alone and self.status is Status.PENDING_CUSTOMER:
            self._go(Status.IN_PROGRESS, message.at, message.key)
        elif (alone or self._follows) and self.status is Status.NEW:
            self._go(Status.TRIAGED, message.at, message.key)
            self._reopened_at = message.at if self._follows else None

    def reply(self, reply: Reply) -> None:
        """A human answered in public."""
        self.replied = True
        if self.status in _UNANSWERED and not self.with_bot:
            self._go(Status.IN_PROGRESS, reply.at, reply.cause)

    def snapshot(self, shot: Snapshot, created_at: datetime) -> None:
        """The source's own status; a word we do not know changes nothing."""
        if shot.status not in _ARRIVALS:
            return
        self._pause(shot, created_at)
        self.with_bot = shot.status == "pending"
        if shot.status != self._register and self._writes.show(shot.status, shot.at) is Showing.LATE:
            self._register = shot.status
            return
        self._acted = self._acted and shot.status == self._register
        if self._acted:
            return  # it tells of another change, from before our own is visible there
        if self._is_opened_by_thanks(shot):
            self._register = shot.status
            return
        target = _ARRIVALS[shot.status]
        if target is not Status.RESOLVED:
            self._go(self._open_status(target), shot.at, shot.key)
        elif not self._is_old_resolve(shot):
            self._go(Status.RESOLVED, shot.at, shot.key)
        self._register = shot.status

    def act(self, act: Act, *, alone: bool) -> None:
        """A verb by our own doors. What is not legal any more, because of what was heard late, changes nothing."""
        if (act.verb is Verb.CREATE and act.text == "" and alone and self.status is Status.NEW) or (
            act.verb is Verb.TRIAGE and self.status is Status.NEW
        ):
            self._go(Status.TRIAGED, act.at, act.key)
        elif act.verb is Verb.ASSIGN and act.agent is not None and self.status in _UNANSWERED:
            self._go(Status.IN_PROGRESS, act.at, act.key)
        elif act.verb is Verb.REPLY and alone and self.status is Status.IN_PROGRESS:
            self._go(Status.PENDING_CUSTOMER, act.at, act.key)
        elif act.verb is Verb.RESOLVE and self.status in (*_UNANSWERED, *_AT_WORK):
            self._go(Status.RESOLVED, act.at, act.key)
            self._writes_status("resolved", act.at)
        elif act.verb is Verb.REOPEN and self.status is Status.RESOLVED:
            self._go(Status.IN_PROGRESS, act.at, act.key)
            self._writes_status("open", act.at)

    def _writes_status(self, status: str, at: datetime) -> None:
        self._acted = True
        self._writes.decided.append((at, status))

    def close(self, closed: Closed) -> None:
        """Our own decision, if the resolution it speaks of still stands: a reply heard of late takes it back.

        Not once another ticket follows: two open ones of a conversation would be one that nobody looks after.
        """
        if closed.by == FOLLOWED:
            self._go(Status.CLOSED, closed.at, closed.key)
        current = self.resolutions[-1] if self.resolutions else None
        if self.status is Status.RESOLVED and current is not None and current.ordinal == closed.resolution:
            self._go(Status.CLOSED, closed.at, closed.key)

    def _open_status(self, target: Status | None) -> Status:
        """`pending` (None) keeps the status, but what is with the bot again is not resolved."""
        if target is Status.PENDING_CUSTOMER:
            return target
        if self.status in _UNANSWERED and target is not None:
            return Status.IN_PROGRESS if self.replied else Status.TRIAGED
        return self.status if target is None and self.status is not Status.RESOLVED else Status.IN_PROGRESS

    def _is_old_resolve(self, shot: Snapshot) -> bool:
        """Chatwoot stores a reply before it reopens the conversation: a snapshot taken in between still says resolved.

        It is told from a new resolve by `waiting_since`, which resolving clears. One from before the reply, but of the
        same millisecond, shows nobody waiting either; nobody can have opened and resolved the conversation since.
        """
        if self._reopened_at is None or self._register != "resolved":
            return False
        return shot.waiting_since is not None or shot.at < self._reopened_at + _EXACT

    def _is_opened_by_thanks(self, shot: Snapshot) -> bool:
        """A source opens a conversation for every message of the customer, also for a confirmation.

        That is over once it shows the conversation resolved again; somebody who snoozes it has looked at it.
        """
        is_again_resolved = shot.status == "resolved" and self._register in ("open", "pending")
        self._thanked = self._thanked and not is_again_resolved and shot.status != "snoozed"
        return self._thanked and shot.status in ("open", "pending")

    def _pause(self, shot: Snapshot, created_at: datetime) -> None:
        why = _PAUSES.get(shot.status)
        current = self.paused[-1] if self.paused and self.paused[-1][1] is None else None
        if current is not None and current[2] != why:
            self.paused[-1] = (current[0], shot.at, current[2])
        if why is not None and (current is None or current[2] != why):
            began_so = not self._register and why == "with_bot"  # the bot has it from the beginning
            self.paused.append((created_at if began_so else shot.at, None, why))

    def _go(self, wanted: Status, at: datetime, cause: str) -> None:
        if self.status is Status.CLOSED:
            return  # what comes after the end and opens nothing is only noted
        for status in path(self.status, wanted):
            self.edges.append(Edge(self.status, status, at, cause))
            if self.status is Status.RESOLVED and status is not Status.CLOSED:
                run = self.resolutions[-1]
                self.resolutions[-1] = Resolution(run.ordinal, run.resolved_at, at)
                self.reopen_count += 1
                self.confirmed_at, self._thanked = None, False
            if status is Status.RESOLVED:
                self.resolutions.append(Resolution(len(self.resolutions) + 1, at))
                self._reopened_at = None
            self.status = status


_ARRIVALS: dict[str, Status | None] = {
    "open": Status.IN_PROGRESS,
    "pending": None,
    "snoozed": Status.PENDING_CUSTOMER,
    "resolved": Status.RESOLVED,
}


def walk(story: Story, closing: ClosingPolicy) -> Walk:
    """Walk the whole story. At the same microsecond a message comes before a reply, and both before a snapshot.

    `closing` says which messages are nothing but a confirmation.
    """
    way = Walk.begun(story, closing)
    alone = not story.snapshots
    for _, _, _, fact in sorted(_steps(story), key=itemgetter(0, 1, 2)):
        match fact:
            case Message():
                way.request(fact, alone=alone)
            case Reply():
                way.reply(fact)
            case Snapshot():
                way.snapshot(fact, story.created_at)
            case Act():
                way.act(fact, alone=alone)
            case Closed():
                way.close(fact)
    return way


def _steps(story: Story) -> Iterator[tuple[datetime, int, str, Message | Reply | Snapshot | Act | Closed]]:
    for message in story.requests:
        yield message.at, 0, message.id, message
    for reply in story.replies:
        yield reply.at, 1, reply.cause, reply
    for shot in story.snapshots:
        yield shot.at, 2, shot.digest, shot
    for act in story.acts:
        yield act.at, 3, act.key, act
    for closed in story.closed:
        yield closed.at, 5 if closed.by == FOLLOWED else 4, closed.key, closed
