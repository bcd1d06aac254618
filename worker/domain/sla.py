"""SLA clocks: what was promised to the requester, when it is due, and whether it was kept.

The story, told once:

A requester waits from their first unanswered message until somebody answers. The first such wait is the
`first_response` clock, each later one a `next_response` clock with the next ordinal. A human reply ends a wait, also
while the clock is paused; so does resolving, since nobody is waiting for a resolved ticket: a ticket resolved without a
word has met its first response then (late, if it was late), and a message after that starts a next response. A
conversation that an agent began has no first response; the requester's first message starts a next response.
Of a message and a reply (or a resolution) at the same microsecond the message came first.

The `resolution` clock runs from the creation until the ticket is resolved. After a reopening it is unmet again and runs
on; the time it was resolved is not counted.

No clock runs while the ticket is resolved, with the bot or snoozed, nor the resolution clock, if the policy says so,
from a human reply until the requester's next message. Of several reasons at once the first of `timeline.PRECEDENCE` is
named. What remains of the target moves with every pause, so a deadline is known only while the clock runs, once it has
passed (no later pause moves it then), or once the clock is met (as if it had run on from there).
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import lru_cache
from hashlib import sha256

from worker.clock import aware
from worker.domain import calendar
from worker.domain.policy import SlaPolicy
from worker.domain.ticket import Clock, Span
from worker.domain.timeline import (
    RESOLVED,
    RUNNING,
    Change,
    Timeline,
    Wait,
    agent_began,
    changes,
    resolved_at,
    silences,
    waits,
)

__all__ = ["Timeline", "clocks", "pick", "reached_at"]


def pick(
    policies: Iterable[SlaPolicy], *, priority: str, tier: str | None, channel: str, team: str | None
) -> SlaPolicy | None:
    """The first policy whose every matcher is empty or names the ticket's value; upper and lower case are the same."""
    for policy in policies:
        wanted = (policy.priorities, policy.tiers, policy.channels, policy.teams)
        if all(_matches(*pair) for pair in zip(wanted, (priority, tier, channel, team), strict=True)):
            return policy
    return None


def clocks(timeline: Timeline, policy: SlaPolicy | None, *, as_of: datetime) -> tuple[Clock, ...]:
    """Every clock the policy promises for this story: first response, next responses, resolution.

    An unmet clock is breached from its deadline on; one met at its deadline exactly is in time. Both are judged by
    fact time, so a reply that was in time but is heard of late takes the breach back.
    """
    if policy is None or timeline.auto_only:
        return ()
    return tuple(_clocks(timeline.normalised(), policy, aware(as_of)))


def reached_at(clock: Clock, policy: SlaPolicy, *, share: float) -> datetime | None:
    """When the clock has used up this share of its target (0.8: the warning at 80 %); like `deadline_at`."""
    return _due(clock.spans, policy, timedelta(seconds=clock.target_seconds * share), met_at=clock.met_at)


def _clocks(story: Timeline, policy: SlaPolicy, as_of: datetime) -> Iterator[Clock]:
    pauses = [*story.paused, *((start, end, RESOLVED) for start, end in story.resolved)]
    course = _Course(policy=policy, changes=changes(pauses), as_of=as_of)
    for ordinal, wait in enumerate(waits(story), start=1 if agent_began(story) else 0):
        if ordinal == 0:
            yield from course.clock("first_response", 1, policy.first_response, wait)
        else:
            yield from course.clock("next_response", ordinal, policy.next_response, wait)
    if policy.pause_while_waiting_for_customer:
        course = _Course(policy=policy, changes=changes([*pauses, *silences(story)]), as_of=as_of)
    yield from course.clock("resolution", 1, policy.resolution, (story.created_at, resolved_at(story)))


@dataclass(frozen=True, slots=True)
class _Course:
    """What all clocks of one kind share: when running and pausing alternate, and until when to count."""

    policy: SlaPolicy
    changes: Sequence[Change]
    as_of: datetime

    def clock(self, metric: str, ordinal: int, target: timedelta | None, wait: Wait) -> Iterator[Clock]:
        """The clock of one wait, if the policy has a target for it."""
        if target is None:
            return
        started_at, met_at = wait
        spans = tuple(self._spans(started_at, met_at))
        due = _due(spans, self.policy, target, met_at=met_at)
        is_late = due is not None and (due <= self.as_of if met_at is None else due < met_at)
        yield Clock(
            metric=metric,
            ordinal=ordinal,
            policy=self.policy.name,
            target_seconds=target.total_seconds(),
            started_at=started_at,
            deadline_at=due,
            met_at=met_at,
            breached_at=due if is_late else None,
            paused=met_at is None and not spans[-1].counts,
            policy_hash=_content_hash(self.policy),
            spans=spans,
        )

    def _spans(self, start: datetime, met_at: datetime | None) -> Iterator[Span]:
        known = bisect_right(self.changes, start, key=lambda change: change[0])
        why = self.changes[known - 1][1] if known else RUNNING
        for at, following in self.changes[known:]:
            if met_at is not None and at >= met_at:
                break
            yield self._span(start, at, why)
            start, why = at, following
        yield self._span(start, met_at, why)

    def _span(self, start: datetime, end: datetime | None, why: str) -> Span:
        if why != RUNNING:
            return Span(start=start, end=end, counts=False, why=why, counted_seconds=0.0)
        seconds = calendar.counted(self.policy.calendar, start, self.as_of if end is None else end)
        return Span(start=start, end=end, counts=True, why=why, counted_seconds=seconds)


def _due(spans: Sequence[Span], policy: SlaPolicy, needed: timedelta, *, met_at: datetime | None) -> datetime | None:
    """When the running spans have used up what is needed; a met clock goes on where it stopped, a paused one cannot."""
    for span in spans:
        if span.counts:
            used = timedelta(seconds=span.counted_seconds)
            if span is spans[-1] or used >= needed:
                return calendar.deadline(policy.calendar, span.start, needed)
            needed -= used
    return None if met_at is None else calendar.deadline(policy.calendar, met_at, needed)


def _matches(wanted: tuple[str, ...], value: str | None) -> bool:
    return not wanted or (value is not None and value.casefold() in {each.casefold() for each in wanted})


@lru_cache(maxsize=256)
def _content_hash(policy: SlaPolicy) -> str:
    hours = policy.calendar
    content = (replace(policy, calendar=replace(hours, holidays=frozenset())), sorted(hours.holidays))
    return sha256(repr(content).encode()).hexdigest()[:12]
