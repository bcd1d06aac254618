"""Telling our own echo from a change by hand: what the source shows because we wrote it is nobody else's doing."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import Enum, auto

from worker.domain.facts import Escalated, Person, Snapshot
from worker.domain.story import Story

IN_FLIGHT = timedelta(seconds=5)
"""A call that was under way when we decided anew has shown by then, but for one that is slower than all others."""

UNHEARD = timedelta(minutes=1)
"""So much later we have heard of what was done by hand, and have called off what it overtook."""


class Showing(Enum):
    """What a change that the source shows is to us."""

    THEIRS = auto()
    OURS = auto()  # what we last decided
    LATE = auto()  # a write that was under way when we decided anew: the newer one follows, unless called off by hand


@dataclass(slots=True)
class Writes:
    """What we decided to write into one register of the source, in order of time, and how much of it has shown."""

    decided: list[tuple[datetime, str | None]] = field(default_factory=list)
    _shown: int = 0  # so many have: the writes of a conversation are made one after the other
    _called_off_at: datetime | None = None

    def show(self, value: str | None, at: datetime) -> Showing:
        """The register has turned to this value. To be told of every change that shows, in order."""
        known = [place for place, (when, _) in enumerate(self.decided) if when <= at]
        found = next((n for n in reversed(known) if n >= self._shown and self.decided[n][1] == value), None)
        showing = Showing.THEIRS if found is None else self._judged(found, known[-1], at)
        if found is not None:
            self._shown = found + 1
        if showing is Showing.THEIRS:
            self.call_off(at)
        return showing

    def _judged(self, found: int, newest: int, at: datetime) -> Showing:
        off_at = self._called_off_at
        if off_at is not None and off_at < self.decided[newest][0]:
            off_at = None  # decided anew since
        if found == newest:
            return Showing.THEIRS if off_at is not None and at - off_at > UNHEARD else Showing.OURS
        is_soon = at - self.decided[found + 1][0] <= IN_FLIGHT
        return Showing.LATE if is_soon and off_at is None else Showing.THEIRS

    @property
    def shown_at(self) -> datetime:
        """When what has shown last was decided."""
        return self.decided[self._shown - 1][0]

    def call_off(self, at: datetime) -> None:
        """What we decided before this is written no more, once we hear of it: somebody has set it by hand."""
        self._called_off_at = at


def shown_agent(shot: Snapshot) -> Person | None:
    """The agent that one snapshot shows; a bot is nobody."""
    return None if shot.assignee_is_bot else shot.assignee


def priority_by_hand(story: Story) -> tuple[str | None, datetime | None]:
    """The priority that somebody set in the source, and when; what it shows because we wrote it does not count."""
    ours = [(act.at, act.key, act.priority) for act in story.acts if act.priority]
    ours += [(up.at, up.key, written) for up in story.escalated if (written := _written(up))]
    writes = Writes([(at, priority) for at, _, priority in sorted(ours)])
    by_hand: tuple[str | None, datetime | None] = (None, None)
    shown: str | None = None
    for shot in story.snapshots:
        if shot.priority == shown:
            continue
        shown, showing = shot.priority, writes.show(shot.priority, shot.at)
        if showing is Showing.THEIRS:
            by_hand = (shot.priority, shot.at)
        elif showing is Showing.OURS and by_hand[1] is not None and by_hand[1] > writes.shown_at:
            by_hand = (None, None)  # our write came after it
    return by_hand


def _written(up: Escalated) -> str:
    return up.priority if up.written is None else up.written
