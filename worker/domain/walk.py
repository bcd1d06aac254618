"""The way a ticket went through its statuses: every edge legal, every edge with the fact that caused it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime

from worker.domain.facts import Message, Snapshot
from worker.domain.story import Reply, Story
from worker.domain.ticket import Edge, Resolution, Status, path

Pause = tuple[datetime, datetime | None, str]

_PAUSES = {"pending": "with_bot", "snoozed": "snoozed"}
_UNANSWERED = (Status.NEW, Status.TRIAGED)


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
    _register: str = ""  # the status of the last snapshot, in the source's word
    _reopened_by_message: bool = False

    def request(self, message: Message, *, alone: bool) -> None:
        """The customer wrote: a resolved ticket opens again; without any snapshot the message is the ticket."""
        if self.status is Status.RESOLVED:
            self._go(Status.IN_PROGRESS, message.at, message.key)
            self._reopened_by_message = True
        elif alone and self.status is Status.NEW:
            self._go(Status.TRIAGED, message.at, message.key)

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
        target = _ARRIVALS[shot.status]
        if target is not Status.RESOLVED:
            self._go(self._open_status(target), shot.at, shot.key)
        elif not self._is_old_resolve(shot):
            self._go(Status.RESOLVED, shot.at, shot.key)
        self._register = shot.status

    def _open_status(self, target: Status | None) -> Status:
        """`pending` (None) keeps the status, but what is with the bot again is not resolved."""
        if target is Status.PENDING_CUSTOMER:
            return target
        if self.status in _UNANSWERED and target is not None:
            return Status.IN_PROGRESS if self.replied else Status.TRIAGED
        return self.status if target is None and self.status is not Status.RESOLVED else Status.IN_PROGRESS

    def _is_old_resolve(self, shot: Snapshot) -> bool:
        """Chatwoot stores a reply before it reopens the conversation: a snapshot taken in between still says resolved.

        It is told from a new resolve by `waiting_since`, which resolving clears.
        """
        return self._reopened_by_message and self._register == "resolved" and shot.waiting_since is not None

    def _pause(self, shot: Snapshot, created_at: datetime) -> None:
        why = _PAUSES.get(shot.status)
        current = self.paused[-1] if self.paused and self.paused[-1][1] is None else None
        if current is not None and current[2] != why:
            self.paused[-1] = (current[0], shot.at, current[2])
        if why is not None and (current is None or current[2] != why):
            began_so = not self._register and why == "with_bot"  # the bot has it from the beginning
            self.paused.append((created_at if began_so else shot.at, None, why))

    def _go(self, wanted: Status, at: datetime, cause: str) -> None:
        for status in path(self.status, wanted):
            self.edges.append(Edge(self.status, status, at, cause))
            if self.status is Status.RESOLVED:
                run = self.resolutions[-1]
                self.resolutions[-1] = Resolution(run.ordinal, run.resolved_at, at)
                self.reopen_count += 1
            if status is Status.RESOLVED:
                self.resolutions.append(Resolution(len(self.resolutions) + 1, at))
                self._reopened_by_message = False
            self.status = status


_ARRIVALS: dict[str, Status | None] = {
    "open": Status.IN_PROGRESS,
    "pending": None,
    "snoozed": Status.PENDING_CUSTOMER,
    "resolved": Status.RESOLVED,
}


def walk(story: Story) -> Walk:
    """Walk the whole story. At the same microsecond a message comes before a reply, and both before a snapshot."""
    way = Walk()
    alone = not story.snapshots
    for _, _, _, fact in sorted(_steps(story), key=lambda step: step[:3]):
        match fact:
            case Message():
                way.request(fact, alone=alone)
            case Reply():
                way.reply(fact)
            case Snapshot():
                way.snapshot(fact, story.created_at)
    return way


def _steps(story: Story) -> Iterator[tuple[datetime, int, str, Message | Reply | Snapshot]]:
    for message in story.requests:
        yield message.at, 0, message.id, message
    for reply in story.replies:
        yield reply.at, 1, reply.cause, reply
    for shot in story.snapshots:
        yield shot.at, 2, shot.digest, shot
