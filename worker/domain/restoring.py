"""What the source shows otherwise than it should, because two did not know of each other: put right.

A write of ours may undo what a person chose just before and we had not heard of. And what we hear of late may show that
a choice by hand, for which our own was called off, was over when we decided.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import timedelta

from worker.clock import to_micros
from worker.domain.echo import shown_agent
from worker.domain.effects import Effect, EffectKind
from worker.domain.facts import Snapshot
from worker.domain.handover import handing_over
from worker.domain.holding import BY_HAND, given_priority, id_of
from worker.domain.story import Assignment
from worker.domain.ticket import Ticket
from worker.domain.view import NOTHING, View, Wants

TOO_LATE = timedelta(days=1)
"""What the source has shown for so long is left as it is: people live with it."""


def wants(view: View) -> Wants:
    """Once for each decision whose write it was."""
    last, story = view.story.last, view.story
    if last is None or not (story.assignments or story.escalated) or view.now - last.at > TOO_LATE:
        return NOTHING
    return Wants(effects=(*_agent(view, last), *_priority(view, last)))


def _agent(view: View, last: Snapshot) -> Iterator[Effect]:
    """Who picked the ticket while we set its team: the source took them off as no member of that. And whom we chose."""
    ticket, ours = view.ticket, view.story.assignments
    if ours and ticket.assignee_by == BY_HAND and ticket.assignee is not None and shown_agent(last) is None:
        yield from handing_over(f"kept:{ours[-1].key}", None, ticket.assignee)
    if view.before is not None and _has_come_back(view.before, ticket, ours, last):
        yield from handing_over(f"kept:{ours[-1].key}@{to_micros(last.at)}", ticket.team, ticket.assignee)


def _has_come_back(before: Ticket, after: Ticket, ours: Sequence[Assignment], last: Snapshot) -> bool:
    """To what we decided earlier about team or agent, from something else, and the source does not show it."""
    known = next((n for n, one in enumerate(ours, start=1) if one.key == before.assignment), 0)
    teams = [id_of(one.team) for one in ours[:known] if one.team is not None]
    agents = [id_of(one.agent) for one in ours[:known] if one.tells_agent]
    is_newest = not any(one.team is not None for one in ours[known:])
    if teams and is_newest and id_of(last.team) != id_of(after.team) == teams[-1] != id_of(before.team):
        return True
    shown = id_of(shown_agent(last))
    return bool(agents) and shown != id_of(after.assignee) == agents[-1] != id_of(before.assignee)


def _priority(view: View, last: Snapshot) -> Iterator[Effect]:
    """A priority that somebody gave, or that an escalation thought was there already, if that comes out only now."""
    before, after = view.before, view.ticket
    if before is None or last.priority in (None, after.priority):
        return
    given = given_priority(view.story)
    if given is None or given.is_least:
        return
    is_decided_now = before.acts != after.acts or before.escalations != after.escalations
    if given.unwritten:
        yield Effect(EffectKind.SET_PRIORITY, f"kept:{given.unwritten}", {"priority": given.name})
    elif before.priority != after.priority and not is_decided_now:
        yield Effect(EffectKind.SET_PRIORITY, f"kept:priority@{to_micros(last.at)}", {"priority": given.name})
