"""What a counted span leaves out: the time outside a calendar's hours, and the holidays among its days."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

from worker.domain.calendar import open_time
from worker.domain.policy import WEEKDAYS, Calendar

_NONE = timedelta(0)


@dataclass(frozen=True, slots=True)
class Skipped:
    """The time between two instants that a calendar does not count, by reason."""

    outside_hours: timedelta
    holidays: tuple[tuple[date, timedelta], ...]  # each with the business hours that fell on it


def skipped(calendar: Calendar, start: datetime, end: datetime) -> Skipped:
    """Holidays on which the calendar would have been closed anyway are not named."""
    if not calendar.windows or end <= start:
        return Skipped(_NONE, ())
    lost = tuple(_lost(calendar, start, end))
    closed = end - start - open_time(calendar, start, end)
    return Skipped(closed - sum((time_lost for _, time_lost in lost), start=_NONE), lost)


def windows_in_words(calendar: Calendar) -> str:
    """`mon-fri 09:00-18:00, sat 10:00-14:00 Europe/Berlin`; `round the clock` for a calendar without windows."""
    if not calendar.windows:
        return "round the clock"
    days = [" ".join(f"{a:%H:%M}-{_end(b)}" for n, a, b in calendar.windows if n == day) for day in range(7)]
    groups: list[list[int]] = [[0]]
    for before, day in pairwise(range(7)):
        if days[before] == days[day]:
            groups[-1].append(day)
        else:
            groups.append([day])
    told = [f"{_days(group)} {days[group[0]]}" for group in groups if days[group[0]]]
    return f"{', '.join(told)} {calendar.zone}"


def _lost(calendar: Calendar, start: datetime, end: datetime) -> Iterator[tuple[date, timedelta]]:
    zone = ZoneInfo(calendar.zone)
    first, last = start.astimezone(zone).date(), end.astimezone(zone).date()
    workdays = replace(calendar, holidays=frozenset())
    for day in sorted(each for each in calendar.holidays if first <= each <= last):
        begins, ends = (datetime.combine(each, time(), zone) for each in (day, day + timedelta(days=1)))
        lost = open_time(workdays, max(begins, start), min(ends, end))
        if lost:
            yield day, lost


def _days(group: list[int]) -> str:
    first, last = WEEKDAYS[group[0]], WEEKDAYS[group[-1]]
    return first if first == last else f"{first}-{last}"


def _end(at: time) -> str:
    return f"{at:%H:%M}" if at != time() else "24:00"
