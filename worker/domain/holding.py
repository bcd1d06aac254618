"""Who has a ticket, and how pressing it is: of what the source shows and what we decided, the latest change wins."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from worker.domain.echo import priority_by_hand, shown_assignee, shown_team
from worker.domain.facts import Person
from worker.domain.priority import PRIORITIES, Given
from worker.domain.story import Story


@dataclass(frozen=True, slots=True)
class Holding:
    """The agent and the team, and by whom the agent was chosen: source, routing, escalation or operator."""

    assignee: Person | None
    by: str
    team: Person | None


def holding(story: Story) -> Holding:
    """What the source shows is our echo when it shows what we decided; a change after our decision was by hand.

    Routing chooses only for tickets that nobody has: somebody chosen by hand before it, but heard of later, stays,
    unless routing took it from that very agent.
    """
    shown, changed_at = shown_assignee(story)
    ours = next((one for one in reversed(story.assignments) if one.tells_agent), None)
    team = _team(story)
    queued_at = _queued_for_a_senior(story, team)
    if shown is None and queued_at is not None and changed_at is not None and changed_at > queued_at:
        return Holding(None, "escalation", team)
    if ours is None:
        return Holding(shown, "source" if shown is not None else "", team)
    echoes = {one.agent.id for one in story.assignments if one.agent is not None}
    taken_from = ours.instead_of.id if ours.instead_of is not None else None
    by_hand = shown is not None and shown.id not in echoes and shown.id != taken_from
    if changed_at is None or (changed_at <= ours.at and not (by_hand and ours.by == "routing")):
        return Holding(ours.agent, ours.by if ours.agent is not None else "", team)
    if shown is not None and ours.agent is not None and shown.id == ours.agent.id:
        return Holding(shown, ours.by, team)
    was_queued_since = shown is None and story.assignments[-1].at >= changed_at
    return Holding(shown, "" if was_queued_since else "source", team)


def _queued_for_a_senior(story: Story, team: Person | None) -> datetime | None:
    """When an escalation put it into its team's queue; the source then takes off an agent who is no member."""
    last = story.assignments[-1] if story.assignments else None
    if last is None or last.by != "escalation" or last.agent is not None or last.team is None:
        return None
    return last.at if team is not None and team.id == last.team.id else None


def chosen_at(story: Story) -> datetime | None:
    """When somebody was last chosen for it, or it was put into a queue, by us or by hand; None when never."""
    _, changed_at = shown_assignee(story)
    times = [at for at in (changed_at, *(one.at for one in story.assignments)) if at is not None]
    return max(times, default=None)


def given_priority(story: Story) -> Given | None:
    """A priority that somebody set, in the source or by our own doors, and the least that an escalation asks for."""
    found = [(act.at, act.key, act.priority, f"set by {act.actor}") for act in story.acts if act.priority]
    shown, changed_at = priority_by_hand(story)
    if shown in PRIORITIES and changed_at is not None:
        found.append((changed_at, "", str(shown), "set in the source"))
    given = max(found, default=None)
    raised = [one for one in story.escalated if one.priority in PRIORITIES]
    highest = max(raised, key=lambda one: PRIORITIES.index(one.priority), default=None)
    if highest is not None:
        is_lower = given is None or PRIORITIES.index(given[2]) < PRIORITIES.index(highest.priority)
        if is_lower and (given is None or given[0] <= highest.at):
            least = given[2] if given is not None else ""
            return Given(highest.priority, f"raised by the escalation {highest.rule!r}", is_least=not least)
    return None if given is None else Given(given[2], given[3])


def _team(story: Story) -> Person | None:
    shown, changed_at = shown_team(story)
    ours = next((one for one in reversed(story.assignments) if one.team is not None), None)
    if ours is None or (changed_at is not None and changed_at > ours.at):
        return shown
    return ours.team
