"""Telling our own echo from a change by hand: what the source shows because we wrote it is nobody else's doing."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from worker.domain.facts import Act, Escalated, Person, Snapshot
from worker.domain.priority import PRIORITIES
from worker.domain.story import Assignment, Story

IN_FLIGHT = timedelta(minutes=1)
"""A call that was under way when we decided anew has shown by then: it ends after 20 s, and clocks differ a little."""


@dataclass(slots=True)
class Writes:
    """What we decided to write into one register of the source, in order of time, and how much of it has shown."""

    decided: list[tuple[datetime, Hashable]] = field(default_factory=list)
    _shown: int = 0  # so many have: the writes of a conversation are made one after the other

    def shows_late(self, value: Hashable, at: datetime) -> bool:
        """Whether the register turned to this value because of a write that was under way when we decided anew.

        The newer write follows it, so it is nobody's change. To be asked of every change that shows, in order.
        """
        known = [place for place, (when, _) in enumerate(self.decided) if when <= at]
        found = next((n for n in reversed(known) if n >= self._shown and self.decided[n][1] == value), None)
        if found is None:
            return False
        self._shown = found + 1
        return found != known[-1] and at - self.decided[found + 1][0] <= IN_FLIGHT


def shown_assignee(story: Story) -> tuple[Person | None, datetime | None]:
    """The agent the source shows, and since when; a bot is nobody, and a late write of ours shows nobody new.

    When the team becomes the one we wrote, Chatwoot takes off an agent who is no member: that is nobody's change, and
    lasts until our agent, whom we write next, shows.
    """
    writes = Writes([(one.at, _id(one.agent)) for one in story.assignments if one.tells_agent])

    def is_ours(shot: Snapshot, before: Snapshot | None) -> bool:
        seen = _agent(shot)
        if writes.shows_late(_id(seen), shot.at):
            return True
        return seen is None and _followed_our_team(shot, before, story.assignments)

    return _last_change(story.snapshots, _agent, is_ours)


def shown_team(story: Story) -> tuple[Person | None, datetime | None]:
    """The team the source shows, and since when; a late write of ours shows no new one."""
    writes = Writes([(one.at, _id(one.team)) for one in story.assignments if one.team is not None])
    return _last_change(
        story.snapshots, lambda shot: shot.team, lambda shot, _: writes.shows_late(_id(shot.team), shot.at)
    )


def priority_by_hand(story: Story) -> tuple[str | None, datetime | None]:
    """The priority that somebody set in the source, and when; what it shows because we wrote it does not count."""
    ours: list[Act | Escalated] = [act for act in story.acts if act.priority]
    ours += [up for up in story.escalated if up.priority]
    ours.sort(key=lambda one: (one.at, one.key))
    by_hand: tuple[str | None, datetime | None] = (None, None)
    shown: str | None = None
    changed_at: datetime | None = None
    writes = Writes([(one.at, one.priority) for one in ours])
    for shot in story.snapshots:
        if shot.priority == shown:
            continue
        if not writes.shows_late(shot.priority, shot.at) and not _is_priority_echo(shot, ours, changed_at):
            by_hand = (shot.priority, shot.at)
        shown, changed_at = shot.priority, shot.at
    return by_hand


def _last_change(
    snapshots: Sequence[Snapshot],
    value: Callable[[Snapshot], Person | None],
    is_ours: Callable[[Snapshot, Snapshot | None], bool],
) -> tuple[Person | None, datetime | None]:
    """What others last changed a register to, and when; a first snapshot that shows nothing changed nothing."""
    shown: Person | None = None
    changed_at: datetime | None = None
    before: Snapshot | None = None
    for shot in snapshots:
        seen = value(shot)
        if seen != (value(before) if before is not None else None) and not is_ours(shot, before):
            shown, changed_at = seen, shot.at
        before = shot
    return shown, changed_at


def _agent(shot: Snapshot) -> Person | None:
    return None if shot.assignee_is_bot else shot.assignee


def _id(person: Person | None) -> str | None:
    return person.id if person is not None else None


def _followed_our_team(shot: Snapshot, before: Snapshot | None, assignments: Sequence[Assignment]) -> bool:
    team = _id(shot.team)
    if team is None or (before is not None and team == _id(before.team)):
        return False
    ours = next((one for one in reversed(assignments) if one.at <= shot.at), None)
    return ours is not None and ours.agent is not None and ours.team is not None and ours.team.id == team


def _is_priority_echo(shot: Snapshot, ours: Sequence[Act | Escalated], changed_at: datetime | None) -> bool:
    """An act is written as it is. An escalation raises to at least its priority: the first that is no lower is it."""
    last = next((one for one in reversed(ours) if one.at <= shot.at), None)
    if last is None or shot.priority not in PRIORITIES or last.priority not in PRIORITIES:
        return False
    if isinstance(last, Act):
        return shot.priority == last.priority
    is_first = changed_at is None or changed_at <= last.at
    return is_first and PRIORITIES.index(shot.priority) >= PRIORITIES.index(last.priority)
