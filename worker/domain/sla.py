"""SLA clocks: what was promised to the requester, when it is due, and whether it was kept.

The story, told once:

A requester waits from their first unanswered message until somebody answers. The first such wait is the
`first_response` clock, each later one a `next_response` clock with the next ordinal. A human reply ends a wait, also
while the clock is paused; so does resolving, since nobody is waiting for a resolved ticket: a ticket resolved without a
word has met its first response then (late, if it was late), and a message after that starts a next response. A
conversation that an agent began has no first response; the requester's first message starts a next response.
Of a message and a reply (or a resolution) at the same microsecond the message came first.

The `resolution` clock runs from the creation until the ticket is resolved. After a reopening it is unmet again and runs
on; the time it was resolved is not counted. After a reopening that restarts it (`timeline.restarts`) the old clock
stays as it was met, and the resolution is promised anew, with the next ordinal.

No clock runs while the ticket is resolved, with the bot or snoozed, nor the resolution clock, if the policy says so,
from a human reply until the requester's next message. Of several reasons at once the first of `timeline.PRECEDENCE` is
named. What remains of the target moves with every pause, so a deadline is known only while the clock runs, once it has
passed (no later pause moves it then), or once the clock is met (as if it had run on from there). The shares of the
target at which a policy warns are reached in the same way.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from worker.clock import aware
from worker.domain.course import Course, Promise, content_hash, due, part
from worker.domain.matching import named
from worker.domain.policy import SlaPolicy
from worker.domain.ticket import Clock
from worker.domain.timeline import RESOLVED, Timeline, Wait, agent_began, changes, runs, silences, waits

__all__ = ["Past", "Timeline", "clocks", "content_hash", "pick", "reached_at"]

_TICK = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class Past:
    """Which policy fitted the ticket at a moment, and the moments at which that may have become another.

    `turns` are those at which somebody changed what the policies look at. `hints` are the many at which the customer's
    words may have done so; they are only looked at where a promise seems to be broken. `policies` are all that may have
    fitted: before the shortest time that any of them promises is over, nothing was broken.
    """

    fitted: Callable[[datetime], SlaPolicy | None]
    turns: tuple[datetime, ...] = ()
    hints: tuple[datetime, ...] = ()
    policies: tuple[SlaPolicy, ...] = ()

    def shortest(self, metric: str) -> timedelta:
        """The least time promised for it; without end where nothing is, and none at all where nobody knows."""
        targets = (_target(each, metric) for each in self.policies)
        never = timedelta.max if self.policies else timedelta(0)
        return min((target for target in targets if target is not None), default=never)


def pick(
    policies: Iterable[SlaPolicy], *, priority: str, tier: str | None, channel: str, team: str | None
) -> SlaPolicy | None:
    """The first policy whose every matcher is empty or names the ticket's value; upper and lower case are the same."""
    for policy in policies:
        if (
            named(policy.priorities, priority)
            and named(policy.tiers, tier)
            and named(policy.channels, channel)
            and named(policy.teams, team)
        ):
            return policy
    return None


def clocks(
    timeline: Timeline, policy: SlaPolicy | None, *, as_of: datetime, past: Past | None = None
) -> tuple[Clock, ...]:
    """Every clock that is promised for this story: first response, next responses, resolutions.

    `policy` is the one that fits now. A clock that was met is judged by the one that fitted then, and one that was
    broken before another policy fitted stays broken by the one before, if `past` tells.
    An unmet clock is breached from its deadline on; one met at its deadline exactly is in time. Both are judged by
    fact time, so a reply that was in time but is heard of late takes the breach back. So it is with warnings.
    """
    if timeline.auto_only or (policy is None and past is None):
        return ()
    return tuple(_clocks(timeline.normalised(), policy, past, aware(as_of)))


def reached_at(clock: Clock, policy: SlaPolicy, *, share: int) -> datetime | None:
    """When the clock has used up this share of its target, in percent; like `deadline_at`."""
    needed = part(timedelta(seconds=clock.target_seconds), share)
    return due(clock.spans, policy.calendar, needed, met_at=clock.met_at)


def _clocks(story: Timeline, policy: SlaPolicy | None, past: Past | None, as_of: datetime) -> Iterator[Clock]:
    pauses = [*story.paused, *((start, end, RESOLVED) for start, end in story.resolved)]
    plain = Course(changes(pauses), as_of)
    patient = Course(changes([*pauses, *silences(story)]), as_of)

    def judged(metric: str, ordinal: int, wait: Wait) -> Iterator[Clock]:
        def by(policy: SlaPolicy | None) -> Promise | None:
            target = _target(policy, metric)
            if policy is None or target is None:
                return None
            is_patient = metric == "resolution" and policy.pause_while_waiting_for_customer
            return (patient if is_patient else plain).promise(wait, policy, target)

        promise = by(policy) if past is None else _judged(by, wait, policy, past, story.resolved, metric=metric)
        if promise is not None:
            yield promise.clock(metric, ordinal)

    for ordinal, wait in enumerate(waits(story), start=1 if agent_began(story) else 0):
        yield from judged("next_response" if ordinal else "first_response", ordinal or 1, wait)
    for ordinal, wait in enumerate(runs(story), start=1):
        yield from judged("resolution", ordinal, wait)


def _judged(
    by: Callable[[SlaPolicy | None], Promise | None],
    wait: Wait,
    now: SlaPolicy | None,
    past: Past,
    resolved: Sequence[Wait],
    *,
    metric: str,
) -> Promise | None:
    """By the policy that fits now, or fitted when it was met; before that, by the first under which it was broken."""
    start, met_at = wait
    last = now if met_at is None else past.fitted(met_at)

    def counts(turn: datetime) -> bool:
        return start < turn and (met_at is None or turn <= met_at) and turn - start >= past.shortest(metric)

    turns, hints = set(filter(counts, past.turns)), set(filter(counts, past.hints))
    if hints and ((promise := by(last)) is None or promise.broken_at is not None):
        turns |= hints
    for turn in sorted(turns):
        since = next((begin for begin, end in resolved if begin < turn and (end is None or turn <= end)), None)
        until = turn if since is None else since - _TICK  # when it was resolved at its deadline, it was in time
        earlier = by(past.fitted(turn - _TICK if since is None else since))
        if earlier is not None and earlier.broken_at is not None and earlier.broken_at <= until:
            return earlier
    return by(last)


def _target(policy: SlaPolicy | None, metric: str) -> timedelta | None:
    if policy is None:
        return None
    by_metric = {
        "first_response": policy.first_response,
        "next_response": policy.next_response,
        "resolution": policy.resolution,
    }
    return by_metric[metric]
