"""Telling our own echo from a change by hand: what the source shows because we wrote it is nobody else's doing."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from worker.domain.facts import Act, Escalated, Person, Snapshot
from worker.domain.priority import PRIORITIES
from worker.domain.story import Assignment, Story


def shown_assignee(story: Story) -> tuple[Person | None, datetime | None]:
    """The agent the source shows, and since when; a bot is nobody.

    When the team becomes the one we wrote, Chatwoot takes off an agent who is no member: that is nobody's change, and
    lasts until our agent, whom we write next, shows.
    """
    shown: Person | None = None
    changed_at: datetime | None = None
    seen_before: Person | None = None
    team_before: Person | None = None
    for shot in story.snapshots:
        seen = None if shot.assignee_is_bot else shot.assignee
        if seen != seen_before and not (seen is None and _followed_our_team(shot, team_before, story.assignments)):
            shown, changed_at = seen, shot.at
        seen_before, team_before = seen, shot.team
    return shown, changed_at


def priority_by_hand(story: Story) -> tuple[str | None, datetime | None]:
    """The priority that somebody set in the source, and when; what it shows because we wrote it does not count."""
    ours: list[Act | Escalated] = [act for act in story.acts if act.priority]
    ours += [up for up in story.escalated if up.priority]
    ours.sort(key=lambda one: (one.at, one.key))
    by_hand: tuple[str | None, datetime | None] = (None, None)
    shown: str | None = None
    changed_at: datetime | None = None
    for shot in story.snapshots:
        if shot.priority == shown:
            continue
        if not _is_priority_echo(shot, ours, changed_at):
            by_hand = (shot.priority, shot.at)
        shown, changed_at = shot.priority, shot.at
    return by_hand


def _followed_our_team(shot: Snapshot, team_before: Person | None, assignments: Sequence[Assignment]) -> bool:
    team = shot.team.id if shot.team is not None else None
    if team is None or team == (team_before.id if team_before is not None else None):
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
