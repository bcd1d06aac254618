"""Business hours as the policy file writes them: `mon = ["09:00-12:30", "13:30-18:00"]`, a zone and holidays.

Holidays are dates of one's own and those of a country, `country = "DE"`, or of a part of it, `subdivision = "BY"`.
"""

from __future__ import annotations

import re
from datetime import date, datetime, time
from typing import Any
from zoneinfo import ZoneInfo

from worker.domain.policy import WEEKDAYS, Calendar
from worker.public_holidays import holidays_of
from worker.toml_table import Table, list_of_words, words

_WINDOW = re.compile(r"([01]\d|2[0-3]):([0-5]\d)\s*-\s*(?:([01]\d|2[0-3]):([0-5]\d)|24:00)")


def calendars_of(table: Table) -> dict[str, Calendar]:
    """One calendar per `[calendars.name]`."""
    return {name: _calendar(name, table.table(name)) for name in table.values}


def _calendar(name: str, table: Table) -> Calendar:
    none: tuple[tuple[time, time], ...] = ()
    no_dates: frozenset[date] = frozenset()
    windows = [(n, *pair) for n, day in enumerate(WEEKDAYS) for pair in table.read(day, none, _windows)]
    zone = table.read("zone", "UTC", _zone)
    own = table.read("holidays", no_dates, _dates)
    country = table.read("country", "", words)
    subdivision = table.read("subdivision", "", words)
    public = _public(table, country, subdivision)
    table.finish()
    if public and not windows:
        what = f"calendar {name} has holidays but no hours, so it is open round the clock, also on holidays"
        table.wrong("country", what, 'Add hours, for example mon = ["09:00-18:00"].')
    return Calendar(name, zone, tuple(windows), own | public, country, subdivision)


def _public(table: Table, country: str, subdivision: str) -> frozenset[date]:
    if not country:
        if subdivision:
            table.wrong("subdivision", "subdivision stands without a country", 'Add country = "DE", or the like.')
        return frozenset()
    for key, value, part in (("country", country, ""), ("subdivision", subdivision, subdivision)):
        try:
            dates = frozenset(holidays_of(country, part))
        except ValueError as exc:
            table.wrong(key, f"{key} cannot be {value!r}", str(exc))
            return frozenset()
    return dates


def _windows(value: Any) -> tuple[tuple[time, time], ...]:
    found: list[tuple[time, time]] = []
    for each in list_of_words(value, example='["09:00-12:30", "13:30-18:00"]'):
        match = _WINDOW.fullmatch(each)
        if match is None:
            raise ValueError('Write hours such as ["09:00-12:30", "13:30-18:00"]; midnight at the end is 24:00.')
        start = time(int(match[1]), int(match[2]))
        end = time(int(match[3] or 0), int(match[4] or 0))
        if end != time() and end <= start:
            raise ValueError(f"{each} ends before it starts; give the part after midnight to the next day.")
        if found and (found[-1][1] == time() or start < found[-1][1]):
            raise ValueError(f"{each} overlaps the hours before it; write them in order, apart.")
        found.append((start, end))
    return tuple(found)


def _zone(value: Any) -> str:
    name = words(value)
    try:
        ZoneInfo(name)
    except (OSError, ValueError, KeyError) as exc:
        raise ValueError('Write a time zone such as "Europe/Berlin" or "UTC".') from exc
    return name


def _dates(value: Any) -> frozenset[date]:
    plain = isinstance(value, list) and all(isinstance(d, date) and not isinstance(d, datetime) for d in value)
    if not plain:
        raise ValueError("Write a list of dates without quotes, for example [2027-01-01].")
    return frozenset(value)
