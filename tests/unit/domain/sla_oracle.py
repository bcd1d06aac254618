"""A second, slow opinion on SLA clocks: it watches the wall clock minute by minute and the ticket event by event.

It shares no code and no idea with worker.domain.calendar, sla and timeline: no arithmetic on weeks, no intervals, no
change points. Windows, holidays and offsets change on whole minutes only, so within a minute nothing changes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

from worker.domain.policy import Calendar, SlaPolicy
from worker.domain.timeline import Timeline

MINUTE = timedelta(minutes=1)
NOTHING = timedelta(0)
PATIENCE = timedelta(days=15)  # no deadline further away is looked for


def is_open(calendar: Calendar, at: datetime) -> bool:
    """Whether the wall clock shows an open time in the minute that begins at `at`."""
    if not calendar.windows:
        return True
    wall = at.astimezone(ZoneInfo(calendar.zone))
    return _shows_open(calendar, wall.date(), wall.time())


def counted(calendar: Calendar, start: datetime, end: datetime) -> timedelta:
    """The open time between two instants, added up minute by minute."""
    return sum((until - since for since, until in _minutes(start, end) if _open(calendar, since)), start=NOTHING)


def deadline(calendar: Calendar, start: datetime, needed: timedelta) -> datetime | None:
    """The first instant with that much open time since `start`, found by waiting for it; None beyond the PATIENCE."""
    if needed <= NOTHING:
        return start
    for since, until in _minutes(start, start + PATIENCE):
        if _open(calendar, since):
            if needed <= until - since:
                return since + needed
            needed -= until - since
    return None


@dataclass
class Verdict:
    """What one clock should say."""

    metric: str
    ordinal: int
    started_at: datetime
    met_at: datetime | None = None
    deadline_at: datetime | None = None
    breached_at: datetime | None = None
    paused: bool = False
    counted: timedelta = NOTHING

    @property
    def key(self) -> str:
        return f"{self.metric}:{self.ordinal}"


def verdicts(timeline: Timeline, policy: SlaPolicy, as_of: datetime) -> dict[str, Verdict]:
    """Every clock of the story, by key."""
    found = [*_responses(timeline), _resolution(timeline)]
    targets = {name: getattr(policy, name) for name in ("first_response", "next_response", "resolution")}
    for verdict in found:
        if targets[verdict.metric] is not None:
            _watch(verdict, timeline, policy, targets[verdict.metric], as_of)
    return {verdict.key: verdict for verdict in found if targets[verdict.metric] is not None}


def _responses(timeline: Timeline) -> Iterator[Verdict]:
    """Lives through the story in order: a message starts a wait, a reply or a resolution ends it."""
    events = [(at, 0, "asked") for at in timeline.customer_messages]
    events += [(at, 1, "answered") for at in timeline.human_replies]
    events += [(start, 1, "resolved") for start, _ in timeline.resolved]
    if not timeline.customer_messages and not timeline.human_replies:
        events.append((timeline.created_at, 0, "asked"))
    waiting: Verdict | None = None
    had_first, ordinal = False, 0
    for at, _, what in sorted(events):
        if what == "asked" and waiting is None:
            ordinal += had_first
            metric, number = ("next_response", ordinal) if had_first else ("first_response", 1)
            waiting = Verdict(metric, number, started_at=max(at, timeline.created_at))
            had_first = True
        elif what != "asked" and waiting is not None:
            waiting.met_at = max(at, waiting.started_at)
            yield waiting
            waiting = None
        elif what == "answered":
            had_first = True
    if waiting is not None:
        yield waiting


def _resolution(timeline: Timeline) -> Verdict:
    since = [start for start, end in timeline.resolved if end is None]
    met_at = max(since[0], timeline.created_at) if since else None
    return Verdict("resolution", 1, started_at=timeline.created_at, met_at=met_at)


def _watch(verdict: Verdict, timeline: Timeline, policy: SlaPolicy, target: timedelta, as_of: datetime) -> None:
    """Counts from one happening to the next; beyond the last one nothing changes any more."""
    waits_count = verdict.metric == "resolution" and policy.pause_while_waiting_for_customer
    moments = sorted({at for at in _moments(timeline) if at > verdict.started_at})
    end = verdict.met_at
    at = verdict.started_at
    reason = why(timeline, at, waits_count)
    for moment in moments:
        if end is not None and moment >= end:
            break
        if reason != why(timeline, moment, waits_count):  # the last running stretch counts until as_of, not further
            if reason == "running":
                _count(verdict, policy.calendar, at, moment, target)
            at, reason = moment, why(timeline, moment, waits_count)
    stands = reason != "running"
    if end is not None and not stands:
        _count(verdict, policy.calendar, at, end, target)
    if verdict.deadline_at is None and (end is not None or not stands):
        begin = at if end is None else end
        verdict.deadline_at = deadline(policy.calendar, begin, target - verdict.counted)
    if end is None and not stands and as_of > at:
        verdict.counted += counted(policy.calendar, at, as_of)
    verdict.paused = end is None and stands
    late: Callable[[datetime], bool] = (lambda due: end > due) if end is not None else (lambda due: as_of >= due)
    if verdict.deadline_at is not None and late(verdict.deadline_at):
        verdict.breached_at = verdict.deadline_at


def why(timeline: Timeline, at: datetime, waits_count: bool) -> str:
    """Why a clock stands still at an instant, asked of the story itself."""
    if any(start <= at and (end is None or at < end) for start, end in timeline.resolved):
        return "resolved"
    reasons = {reason for start, end, reason in timeline.paused if start <= at and (end is None or at < end)}
    for reason in ("with_bot", "snoozed"):
        if reason in reasons:
            return reason
    if waits_count:
        said = [(when, 1) for when in timeline.human_replies if when <= at]
        said += [(when, 0) for when in timeline.customer_messages if when <= at]
        if said and max(said)[1] == 1:
            return "waiting_for_customer"
    return "running"


def _count(verdict: Verdict, calendar: Calendar, start: datetime, end: datetime, target: timedelta) -> None:
    time = counted(calendar, start, end)
    if verdict.deadline_at is None and verdict.counted + time >= target:
        verdict.deadline_at = deadline(calendar, start, target - verdict.counted)
    verdict.counted += time


def _moments(timeline: Timeline) -> Iterator[datetime]:
    yield from timeline.customer_messages
    yield from timeline.human_replies
    for start, end in (*((start, end) for start, end, _ in timeline.paused), *timeline.resolved):
        yield start
        if end is not None:
            yield end


def _minutes(start: datetime, end: datetime) -> Iterator[tuple[datetime, datetime]]:
    while start < end:
        until = min(start.replace(second=0, microsecond=0) + MINUTE, end)
        yield start, until
        start = until


def _open(calendar: Calendar, at: datetime) -> bool:
    return _open_minute(calendar, at.astimezone(UTC).replace(second=0, microsecond=0))


@lru_cache(maxsize=1_000_000)
def _open_minute(calendar: Calendar, at: datetime) -> bool:
    return is_open(calendar, at)


def _shows_open(calendar: Calendar, day: date, wall: time) -> bool:
    if day in calendar.holidays:
        return False
    for weekday, opens, closes in calendar.windows:
        ends_tomorrow = closes <= opens
        if weekday == day.weekday() and opens <= wall and (ends_tomorrow or wall < closes):
            return True
        if ends_tomorrow and (weekday + 1) % 7 == day.weekday() and wall < closes:
            return True
    return False
