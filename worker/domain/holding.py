"""Who has a ticket, and how pressing it is: of what the source shows and what we decided, the latest change wins."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from itertools import pairwise

from worker.domain.echo import Showing, Writes, priority_by_hand, shown_agent
from worker.domain.facts import Person, Snapshot
from worker.domain.priority import PRIORITIES, Given, is_lower
from worker.domain.story import Assignment, Story

_NEXT = timedelta(microseconds=1)
BY_HAND = "source"  # by a person there, or by a rule of the source's own


@dataclass(frozen=True, slots=True)
class Holding:
    """The agent and the team, and by whom the agent was chosen: source, routing, escalation or operator.

    `chosen_at` is when somebody was last chosen, or it was put into a queue, by us or by hand; None when never.
    """

    assignee: Person | None = None
    by: str = ""
    team: Person | None = None
    chosen_at: datetime | None = None


def holding(story: Story) -> Holding:
    """What we decided and what the source shows, one after the other, each by its own time."""
    ours = _in_time(story)
    hands = _Hands.of(ours)
    waiting = ours[::-1]
    for shot in story.snapshots:
        while waiting and waiting[-1].at < shot.at:
            hands.decide(waiting.pop())
        hands.show(shot)
    for one in reversed(waiting):
        hands.decide(one)
    return hands.held


def _in_time(story: Story) -> list[Assignment]:
    """Our choices, with the time by which they come among the snapshots.

    One that the source showed before its time, though that was not known when it was made, was made just before that:
    our clock was ahead. But it comes after the choice before it, of which that may be the echo.
    """
    found: list[Assignment] = []
    for one in story.assignments:
        floor = max(one.after, found[-1].at) if one.after is not None and found else one.after
        shown_at = _shown_at(one, story.snapshots, floor) if floor is not None and story.snapshots else None
        found.append(one if shown_at is None else replace(one, at=shown_at - _NEXT))
    return found


def _shown_at(one: Assignment, snapshots: Sequence[Snapshot], floor: datetime) -> datetime | None:
    if snapshots[-1].at <= floor:
        return None
    shots = (shot.at for before, shot in pairwise(snapshots) if floor < shot.at < one.at and _shows(one, before, shot))
    return next(shots, None)


def _shows(one: Assignment, before: Snapshot, shot: Snapshot) -> bool:
    team, agent = id_of(one.team), id_of(one.agent)
    is_team = team is not None and team == id_of(shot.team) != id_of(before.team)
    return is_team or (agent is not None and agent == id_of(shown_agent(shot)) != id_of(shown_agent(before)))


@dataclass(slots=True)
class _Hands:
    """Whose hands a ticket is in, step by step."""

    agents: Writes
    teams: Writes
    held: Holding = field(default=Holding())
    last: Assignment | None = None
    choice: Assignment | None = None  # the last that says who has it
    is_void: bool = False  # the last decision of ours came too late
    before: Snapshot | None = None

    @classmethod
    def of(cls, ours: Sequence[Assignment]) -> _Hands:
        """At the beginning, with what we are going to decide."""
        agents = Writes([(one.at, id_of(one.agent)) for one in ours if one.tells_agent])
        return cls(agents, teams=Writes([(one.at, id_of(one.team)) for one in ours if one.team is not None]))

    def decide(self, one: Assignment) -> None:
        """Our own decision. Routing chooses only for tickets that nobody has: who was chosen by hand before it, but
        heard of later, stays, unless routing took it from that very agent."""
        held, team = self.held, one.team or self.held.team
        self.last, self.choice = one, one if one.tells_agent else self.choice
        self.is_void = one.by == "routing" and self._is_picked_from(one)
        if self.is_void:
            self.agents.call_off(one.at)
            self.teams.call_off(one.at)
            self.held = replace(held, chosen_at=one.at)
        elif one.tells_agent:
            self.held = Holding(one.agent, one.by if one.agent is not None else "", team, one.at)
        else:  # a queue
            self.held = Holding(held.assignee, held.by if held.assignee is not None else "", team, one.at)

    def _is_picked_from(self, one: Assignment) -> bool:
        has_it = self.held.assignee if self.held.by == BY_HAND else None
        return has_it is not None and has_it.id not in (id_of(one.agent), id_of(one.instead_of))

    def show(self, shot: Snapshot) -> None:
        """What the source shows; what of it we wrote is nobody else's doing. A new name is no other team or agent."""
        before, self.before = self.before, shot
        team = self._show_team(shot, before)
        seen = shown_agent(shot)
        if id_of(seen) == id_of(shown_agent(before) if before is not None else None):
            if seen is not None and id_of(seen) == id_of(self.held.assignee):
                self.held = replace(self.held, assignee=seen)
            return
        showing = self.agents.show(id_of(seen), shot.at)
        is_dropped = seen is None and team in (Showing.OURS, Showing.LATE) and self._drops()
        if showing is not Showing.LATE and not is_dropped:
            self.held = self._changed(seen, shot, is_ours=showing is Showing.OURS)

    def _show_team(self, shot: Snapshot, before: Snapshot | None) -> Showing | None:
        """None where it is the same as before."""
        if id_of(shot.team) == id_of(before.team if before is not None else None):
            if shot.team is not None and id_of(shot.team) == id_of(self.held.team):
                self.held = replace(self.held, team=shot.team)
            return None
        showing = self.teams.show(id_of(shot.team), shot.at)
        if showing is not Showing.LATE:
            self.held = replace(self.held, team=shot.team)
        return showing

    def _changed(self, seen: Person | None, shot: Snapshot, *, is_ours: bool) -> Holding:
        """A choice by hand undoes what we decided about the team, unless that shows."""
        held = self.held
        if id_of(seen) == id_of(held.assignee):
            return Holding(seen, held.by, held.team, shot.at)
        if is_ours and self.choice is not None:
            return Holding(seen, self.choice.by if seen is not None else "", held.team, shot.at)
        if seen is None and self._waits_for_a_senior():
            return Holding(None, "escalation", held.team, shot.at)
        self.teams.call_off(shot.at)
        return Holding(seen, BY_HAND, shot.team, shot.at)

    def _drops(self) -> bool:
        """When the team becomes the one we wrote, Chatwoot takes off an agent who is no member: nobody changed that.

        Our agent, whom we write next, follows; whoever picked it meanwhile is put back.
        """
        return self.last is not None and (self.last.agent is not None or self.is_void)

    def _waits_for_a_senior(self) -> bool:
        """An escalation put it into its team's queue; the source then takes off an agent who is no member."""
        last = self.last
        if last is None or last.by != "escalation" or last.agent is not None or last.team is None:
            return False
        return last.team.id == id_of(self.held.team)


def id_of(person: Person | None) -> str | None:
    """None for nobody."""
    return person.id if person is not None else None


def given_priority(story: Story) -> Given | None:
    """A priority that somebody set, in the source or by our own doors, and the least that an escalation after it asks
    for."""
    found = [(act.at, act.key, act.priority, f"set by {act.actor}") for act in story.acts if act.priority]
    shown, changed_at = priority_by_hand(story)
    if shown in PRIORITIES and changed_at is not None:
        found.append((changed_at, "", str(shown), "set in the source"))
    given = max(found, default=None)
    raised = [one for one in story.escalated if one.priority in PRIORITIES and (given is None or one.at >= given[0])]
    highest = max(raised, key=lambda one: PRIORITIES.index(one.priority), default=None)
    if highest is not None and (given is None or is_lower(given[2], highest.priority)):
        why, unwritten = f"raised by the escalation {highest.rule!r}", highest.key if highest.written == "" else ""
        return Given(highest.priority, why, is_least=given is None, unwritten=unwritten)
    return None if given is None else Given(given[2], given[3])
