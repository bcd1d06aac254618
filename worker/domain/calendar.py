"""Business hours as arithmetic: how much time a calendar counts between two instants, and when an amount is used up.

An instant counts when the clock on the wall of the calendar's zone shows an open time on a day that is no holiday.
So a window over a night of 23 or 25 hours is an hour shorter or longer, a window inside the hour that is skipped
does not happen, and one inside the hour that comes twice happens twice.

Between two changes of the zone's offset, wall time is plain arithmetic, and the open time before any wall time is a
closed formula (weeks, days, a partial day, less the holidays). Nothing here walks through days or minutes. All of it
is whole microseconds since the first day of the calendar, 0001-01-01, which is a Monday.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from functools import lru_cache
from itertools import accumulate
from zoneinfo import ZoneInfo

from worker.domain.policy import Calendar

_ORIGIN = datetime(1, 1, 1, tzinfo=UTC)
_LAST = datetime.max.replace(tzinfo=UTC)
_TICK = timedelta(microseconds=1)
_DAY = timedelta(days=1) // _TICK
_KNOWN = range(
    1900, 2100
)  # years whose offsets are looked up; outside, so that an absurd date costs nothing, the edge's


def counted(calendar: Calendar, start: datetime, end: datetime) -> float:
    """The seconds between `start` and `end` that lie inside the calendar's hours; 0.0 when `end` is not later."""
    return open_time(calendar, start, end).total_seconds()


def open_time(calendar: Calendar, start: datetime, end: datetime) -> timedelta:
    """Like `counted`, exact."""
    return timedelta(microseconds=_count(calendar, start).until(_ticks(end)))


def deadline(calendar: Calendar, start: datetime, seconds: float | timedelta) -> datetime | None:
    """The first instant, in UTC, at which `seconds` have been counted since `start`.

    It is `start` itself for nothing, and the end of a window, not the next opening, when the time is used up there.
    None when that is beyond the end of time.
    """
    try:
        needed = (seconds if isinstance(seconds, timedelta) else timedelta(seconds=seconds)) // _TICK
        at = _count(calendar, start).reaching(needed) if needed > 0 else _ticks(start)
        return None if at is None else _ORIGIN + timedelta(microseconds=at)
    except OverflowError:
        return None


def _ticks(at: datetime) -> int:
    return (at - _ORIGIN) // _TICK


@dataclass(frozen=True, slots=True)
class _Count:
    """Counting begun at an instant. The stretch that it lies in is at hand, as most answers lie there too."""

    hours: _Hours
    zone: str
    year: int
    first: int
    end: int  # of the stretch
    offset: int  # in the stretch
    opening: int  # open time before the first

    def until(self, end: int) -> int:
        """The open time until then; 0 when that is not later."""
        if end <= self.first:
            return 0
        if end <= self.end:
            return self.hours.before(end + self.offset) - self.opening
        total = 0
        for since, until, offset in _stretches(self.zone, self.year):
            if since >= end:
                break
            if until > self.first:
                opening = self.hours.before(max(since, self.first) + offset)
                total += self.hours.before(min(until, end) + offset) - opening
        return total

    def reaching(self, needed: int) -> int | None:
        """The first instant with so much open time, which is more than nothing; None beyond the end of time."""
        at = self.hours.reaching(self.opening + needed) - self.offset
        if at <= self.end:
            return at
        for since, until, offset in _stretches(self.zone, self.year):
            if until > self.first:
                opening = self.hours.before(max(since, self.first) + offset)
                at = self.hours.reaching(opening + needed) - offset
                if at <= until:
                    return at
                needed -= self.hours.before(until + offset) - opening
        return None


@lru_cache(maxsize=4096)  # the same clocks are looked at again and again, for each share and each policy
def _count(calendar: Calendar, start: datetime) -> _Count:
    hours, zone = _hours(calendar), calendar.zone if calendar.windows else "UTC"
    first, year = _ticks(start), start.astimezone(UTC).year
    end, offset = next((until, offset) for _, until, offset in _stretches(zone, year) if until > first)
    return _Count(hours, zone, year, first, end, offset, hours.before(first + offset))


@dataclass(frozen=True, slots=True)
class _Hours:
    """A calendar's week compiled: open stretches per weekday, and running totals of them and of the holidays."""

    days: tuple[tuple[tuple[int, int], ...], ...]
    starts: tuple[int, ...]  # open time of the week before each weekday
    week: int
    holidays: tuple[int, ...] = ()  # day numbers, only those that would be open
    lost: tuple[int, ...] = (0,)  # open time lost by the first 0, 1, 2 … holidays
    until: tuple[int, ...] = ()  # open time before each holiday

    def before(self, wall: int) -> int:
        """Open time from the origin to a wall time."""
        day, clock = divmod(wall, _DAY)
        weeks, weekday = divmod(day, 7)
        gone = bisect_left(self.holidays, day)
        total = weeks * self.week + self.starts[weekday] - self.lost[gone]
        if gone < len(self.holidays) and self.holidays[gone] == day:
            return total
        for start, end in self.days[weekday]:
            if clock <= start:
                break
            total += min(clock, end) - start
        return total

    def reaching(self, amount: int) -> int:
        """The first wall time with `amount`, which is more than nothing, of open time before it."""
        gone = bisect_left(self.until, amount)  # the holidays that come before
        weeks, rest = divmod(amount + self.lost[gone] - 1, self.week)
        weekday = bisect_right(self.starts, rest) - 1
        midnight, missing = (weeks * 7 + weekday) * _DAY, rest + 1 - self.starts[weekday]
        for start, end in self.days[weekday]:
            if missing <= end - start:
                return midnight + start + missing
            missing -= end - start
        raise AssertionError("the day that reaches the amount has the open time for it")


@lru_cache(maxsize=256)
def _hours(calendar: Calendar) -> _Hours:
    if not calendar.windows:
        return _Hours(days=(((0, _DAY),),) * 7, starts=tuple(range(0, 7 * _DAY, _DAY)), week=7 * _DAY)
    days = _weekdays(calendar.windows)
    totals = [sum(end - start for start, end in day) for day in days]
    starts, week = tuple(accumulate(totals[:-1], initial=0)), sum(totals)
    holidays = sorted(day.toordinal() - 1 for day in calendar.holidays if totals[day.weekday()])
    lost = tuple(accumulate((totals[number % 7] for number in holidays), initial=0))
    return _Hours(
        days=days,
        starts=starts,
        week=week,
        holidays=tuple(holidays),
        lost=lost,
        until=tuple(n // 7 * week + starts[n % 7] - lost[gone] for gone, n in enumerate(holidays)),
    )


def _weekdays(windows: tuple[tuple[int, time, time], ...]) -> tuple[tuple[tuple[int, int], ...], ...]:
    """Sorted, disjoint stretches per weekday. A window whose end is not after its start ends on the day after."""
    raw: list[list[tuple[int, int]]] = [[] for _ in range(7)]
    for weekday, opens, closes in windows:
        start, end = _since_midnight(opens), _since_midnight(closes)
        if start < end:
            raw[weekday].append((start, end))
        else:
            raw[weekday].append((start, _DAY))
            raw[(weekday + 1) % 7].append((0, end))
    return tuple(_union(day) for day in raw)


def _since_midnight(at: time) -> int:
    return timedelta(hours=at.hour, minutes=at.minute, seconds=at.second, microseconds=at.microsecond) // _TICK


def _union(stretches: list[tuple[int, int]]) -> tuple[tuple[int, int], ...]:
    merged: list[tuple[int, int]] = []
    for start, end in sorted(stretches):
        if merged and start <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(merged[-1][1], end))
        elif start < end:
            merged.append((start, end))
    return tuple(merged)


def _stretches(zone: str, year: int) -> Iterator[tuple[int, int, int]]:
    for each in range(min(max(year, _KNOWN.start - 1), _KNOWN.stop), _KNOWN.stop + 1):
        yield from _offsets(zone, each)


@lru_cache(maxsize=2048)
def _offsets(zone: str, year: int) -> tuple[tuple[int, int, int], ...]:
    """The stretches (since, until, offset) of a UTC year; those before and after the known years stand for all such."""
    tz = ZoneInfo(zone)
    first = _ticks(datetime(year, 1, 1, tzinfo=UTC))
    end = _ticks(datetime(year + 1, 1, 1, tzinfo=UTC))
    if year < _KNOWN.start:
        return ((0, end, _offset(tz, end)),)
    if year >= _KNOWN.stop:
        return ((first, _ticks(_LAST) + 1, _offset(tz, first)),)
    found: list[tuple[int, int, int]] = []
    since, offset = first, _offset(tz, first)
    for day in range(first + _DAY, end + 1, _DAY):  # zoneinfo tells an offset, not when it changes
        if _offset(tz, day) != offset:
            until = _change(tz, day - _DAY, day)
            found.append((since, until, offset))
            since, offset = until, _offset(tz, day)
    return (*found, (since, end, offset)) if since < end else tuple(found)


def _change(tz: ZoneInfo, before: int, after: int) -> int:
    """The first instant after `before` with another offset; `after` has one."""
    usual = _offset(tz, before)
    return before + bisect_left(range(before, after), True, key=lambda at: _offset(tz, at) != usual)


def _offset(tz: ZoneInfo, at: int) -> int:
    offset = (_ORIGIN + timedelta(microseconds=at)).astimezone(tz).utcoffset()
    return 0 if offset is None else offset // _TICK
