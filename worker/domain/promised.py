"""What was promised to a requester: the SLA policy that fits a ticket now, and that fitted when a clock was met.

A clock that runs is counted by the policy that fits now: a priority that changes moves its deadline. One that was met
is judged by the policy that fitted at that moment; what happens to the ticket later does not break a kept promise. Nor
does it mend or move a broken one: what was overdue when the priority was raised, as an escalation does, stays overdue
by the policy of before.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from functools import cache, lru_cache
from itertools import pairwise
from typing import TypeVar

from worker.domain import sla
from worker.domain.facts import Act, Escalated, Message, Person, Snapshot, TicketKey
from worker.domain.holding import given_priority, holding
from worker.domain.matching import prose
from worker.domain.policy import Policy, SlaPolicy
from worker.domain.priority import Circumstances, prioritise
from worker.domain.reading import channel_of, subject_of, texts_of, tier_of
from worker.domain.reopening import restarts
from worker.domain.story import Assignment, Reply, Story
from worker.domain.ticket import Clock, Resolution, Ticket
from worker.domain.walk import Walk

T = TypeVar("T", Message, Snapshot, Reply, Act, Escalated, Assignment)

_READ_TEXTS = 5  # of the customer's texts, for category and score
_READ_CHARACTERS = 2000  # of each
_AT_ONCE = timedelta(seconds=5)


@lru_cache(maxsize=256)  # the same texts are read again for each moment that is judged
def words_of(subject: str, texts: tuple[str, ...]) -> str:
    """What rules read of a request, made by `matching.prose`."""
    return prose(" . ".join((subject, *(text[:_READ_CHARACTERS] for text in texts[:_READ_TEXTS]))))


def name_of(team: Person | None) -> str | None:
    """What a policy calls a team."""
    return (team.name or team.id) if team is not None else None


def clocks_of(
    key: TicketKey, story: Story, way: Walk, policy: Policy, current: SlaPolicy | None, *, as_of: datetime
) -> tuple[Clock, ...]:
    """Every clock of the ticket; `current` is the policy that fits now."""
    runs = way.resolutions
    timeline: sla.Timeline | None = sla.Timeline(
        created_at=story.created_at,
        customer_messages=tuple(message.at for message in story.requests) or _presumed(story),
        human_replies=tuple(reply.at for reply in story.replies),
        paused=tuple(way.paused),
        resolved=tuple((run.resolved_at, run.reopened_at) for run in runs),
        restarts=restarts(runs, policy.reopen),
        auto_only=story.auto_only,
    )
    if policy.clocks_from is not None and timeline is not None and story.created_at < policy.clocks_from:
        timeline = _since(timeline, policy.clocks_from)
    if timeline is None:
        return ()

    @cache
    def fitted(at: datetime) -> SlaPolicy | None:
        return _fitted(key, story, runs, policy, at)

    hints = tuple(message.at for message in story.requests[:_READ_TEXTS])
    past = sla.Past(fitted, tuple(_turns(story, policy)), hints, policy.sla)
    return sla.clocks(timeline, current, as_of=as_of, past=past)


def decisive(story: Story, policy: Policy) -> tuple[object, ...]:
    """All that clocks hang on of what we decided ourselves about people and priority. Little of it moves a clock."""
    has_teams = any(each.teams for each in policy.sla)
    return (
        story.matched.tier if story.matched is not None else "",
        {(up.at, up.priority) for up in story.escalated if up.priority},
        [(one.at, one.team) for one in story.assignments] if has_teams else None,
    )


def kept(before: Ticket | None, ticket: Ticket, policy: Policy) -> Ticket:
    """The ticket with the clocks that were met under a policy which the file has changed since as they were judged.

    A running clock is counted by the file as it is now.
    """
    met = [clock for clock in before.clocks if clock.met_at is not None] if before is not None else []
    if not met:
        return ticket
    known = {sla.content_hash(each) for each in policy.sla}
    held = {clock.key: clock for clock in met if clock.policy_hash not in known}
    if not held:
        return ticket
    return replace(ticket, clocks=tuple(_judged(held.get(clock.key), clock) for clock in ticket.clocks))


def _judged(old: Clock | None, new: Clock) -> Clock:
    is_same = old is not None and (old.started_at, old.met_at) == (new.started_at, new.met_at)
    return old if old is not None and is_same and old.policy_hash else new


def _fitted(key: TicketKey, story: Story, runs: Sequence[Resolution], policy: Policy, at: datetime) -> SlaPolicy | None:
    """The policy that fitted when a clock was met: by everything that had happened by then, the answer just missing."""
    then = _until(story, at)
    has_teams = any(each.teams for each in policy.sla)
    channel, tier, team = channel_of(key, then), tier_of(then), name_of(holding(then).team) if has_teams else None
    given = given_priority(then)
    if given is not None and not given.is_least:
        return sla.pick(policy.sla, priority=given.name, tier=tier, channel=channel, team=team)
    texts = texts_of(then)
    seen = Circumstances(
        words_of(subject_of(then, texts), texts),
        channel,
        tier,
        sum(run.reopened_at is not None and run.reopened_at <= at for run in runs),
        _waiting_just_before(then, runs, at),
    )
    priority = prioritise(policy.score_rules, seen, given=given, as_of=at)
    return sla.pick(policy.sla, priority=priority.name, tier=tier, channel=channel, team=team)


def _until(story: Story, at: datetime) -> Story:
    """As far as it had come by then. What is told with a delay counts from the beginning on: its first telling."""
    snapshots = _by(story.snapshots, at) or story.snapshots[:1]
    assignments = _by(story.assignments, at)
    if not assignments and all(shot.team is None for shot in snapshots):
        assignments = story.assignments[:1]
    return replace(
        story,
        messages=_by(story.messages, at),
        requests=_by(story.requests, at),
        replies=_by(story.replies, at),
        snapshots=snapshots,
        acts=_by(story.acts, at),
        escalated=_by(story.escalated, at),
        assignments=assignments,
    )


def _by(told: tuple[T, ...], at: datetime) -> tuple[T, ...]:
    """What had happened by then; in order of time, as it is told."""
    if not told or told[-1].at <= at:
        return told
    return tuple([one for one in told if one.at <= at])


def _turns(story: Story, policy: Policy) -> Iterator[datetime]:
    """When somebody changed what policies look at. What the first snapshot shows was so from the beginning."""
    has_teams = any(each.teams for each in policy.sla)
    for before, shot in pairwise(story.snapshots):
        is_other_team = has_teams and name_of(shot.team) != name_of(before.team)
        if (shot.priority, shot.tier) != (before.priority, before.tier) or is_other_team:
            yield shot.at
    yield from (act.at for act in story.acts if act.priority)
    yield from (up.at for up in story.escalated if up.priority)
    yield from (one.at for one in story.assignments if has_teams and one.team is not None)


def _waiting_just_before(then: Story, runs: Sequence[Resolution], at: datetime) -> datetime | None:
    answered = [reply.at for reply in then.replies if reply.at < at]
    answered += [run.resolved_at for run in runs if run.resolved_at < at]
    last = max(answered, default=None)
    if not then.requests:
        return then.last.waiting_since if then.last is not None else None
    return next((one.at for one in then.requests if last is None or one.at > last), None)


def _presumed(story: Story) -> tuple[datetime, ...]:
    """When the customer wrote, if none of their messages reached us: at the creation, unless an agent wrote then."""
    began = story.replies[0].at - story.created_at <= _AT_ONCE if story.replies else False
    return () if began else (story.created_at,)


def _since(timeline: sla.Timeline, start: datetime) -> sla.Timeline | None:
    """The same story begun by the customer's first message after `start`; None while there is none."""
    asked = tuple(at for at in timeline.customer_messages if at >= start)
    if not asked:
        return None
    return replace(
        timeline,
        created_at=asked[0],
        customer_messages=asked,
        human_replies=tuple(at for at in timeline.human_replies if at >= asked[0]),
        resolved=tuple(run for run in timeline.resolved if run[1] is None or run[1] > asked[0]),
        auto_only=False,
    )
