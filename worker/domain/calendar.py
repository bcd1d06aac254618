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
    first, last = _ticks(start), _ticks(end)
    if last <= first:
        return timedelta(0)
    if not calendar.windows:
        return timedelta(microseconds=last - first)
    hours = _hours(calendar)
    total = 0
    for since, until, offset in _stretches(calendar.zone, start.astimezone(UTC).year):
        if since >= last:
            break
        if until > first:
            total += hours.before(min(until, last) + offset) - hours.before(max(since, first) + offset)
    return timedelta(microseconds=total)


def deadline(calendar: Calendar, start: datetime, seconds: float | timedelta) -> datetime | None:
    """The first instant, in UTC, at which `seconds` have been counted since `start`.

    It is `start` itself for nothing, and the end of a window, not the next opening, when the time is used up there.
    None when that is beyond the end of time.
    """
    try:
        needed = (seconds if isinstance(seconds, timedelta) else timedelta(seconds=seconds)) // _TICK
        at = _deadline(calendar, start, needed) if needed > 0 else _ticks(start)
        return None if at is None else _ORIGIN + timedelta(microseconds=at)
    except OverflowError:
        return None


def _deadline(calendar: Calendar, start: datetime, needed: int) -> int | None:
    first = _ticks(start)
    if not calendar.windows:
        return first + needed
    hours = _hours(calendar)
    for since, until, offset in _stretches(calendar.zone, start.astimezone(UTC).year):
        if until > first:
            opening = hours.before(max(since, first) + offset)
            at = hours.reaching(opening + needed) - offset
            if at <= until:
                return at
            needed -= hours.before(until + offset) - opening
    return None


def _ticks(at: datetime) -> int:
    return (at - _ORIGIN) // _TICK


@dataclass(frozen=True, slots=True)
class _Hours:
    """A calendar's week compiled: open stretches per weekday, and running totals of them and of the holidays."""

    days: tuple[tuple[tuple[int, int], ...], ...]
    starts: tuple[int, ...]  # open time of the week before each weekday
    week: int
    holidays: tuple[int, ...]  # day numbers, only those that would be open
    lost: tuple[int, ...]  # open time lost by the first 0, 1, 2 … holidays
    until: tuple[int, ...]  # open time before each holiday

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
