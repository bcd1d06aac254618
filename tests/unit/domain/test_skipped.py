"""What a counted span leaves out, day by day and in words."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta

import pytest

from worker.domain.policy import Calendar
from worker.domain.skipped import Skipped, skipped, windows_in_words

DAYS = tuple((day, time(9), time(17)) for day in range(5))
BERLIN = Calendar("desk", "Europe/Berlin", DAYS, frozenset({date(2026, 12, 25), date(2026, 12, 26), date(2027, 1, 1)}))
HOUR = timedelta(hours=1)


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)


class TestSkipped:
    def test_a_holiday_is_named_with_the_hours_that_fell_on_it(self) -> None:
        """From Thursday 16:00 to Monday 10:00: Friday is a holiday, Saturday one too but closed anyway."""
        found = skipped(BERLIN, at("2026-12-24T16:00+01:00"), at("2026-12-28T10:00+01:00"))

        assert found == Skipped(outside_hours=80 * HOUR, holidays=((date(2026, 12, 25), 8 * HOUR),))

    @pytest.mark.parametrize(
        ("start", "end", "lost"),
        [
            ("2026-12-25T12:00+01:00", "2026-12-25T14:00+01:00", [2 * HOUR]),
            ("2026-12-24T09:00+01:00", "2026-12-24T17:00+01:00", []),
            ("2026-12-25T18:00+01:00", "2026-12-25T23:00+01:00", []),
            ("2026-12-24T23:30+00:00", "2027-01-01T00:30+00:00", [8 * HOUR]),  # by the days of Berlin
            ("2026-12-24T00:00+01:00", "2027-01-03T00:00+01:00", [8 * HOUR, 8 * HOUR]),
        ],
    )
    def test_only_what_lies_in_the_span(self, start: str, end: str, lost: list[timedelta]) -> None:
        assert [each for _, each in skipped(BERLIN, at(start), at(end)).holidays] == lost

    def test_it_adds_up_to_what_is_not_counted_also_when_the_clock_changes(self) -> None:
        nights = Calendar("nights", "Europe/Berlin", ((5, time(22), time(6)), (6, time(22), time(6))))

        found = skipped(nights, at("2026-03-28T20:00+01:00"), at("2026-03-29T08:00+02:00"))

        assert found.outside_hours == 4 * HOUR  # of eleven hours seven are open

    def test_without_hours_and_without_a_span_nothing_is_left_out(self) -> None:
        always = Calendar(holidays=frozenset({date(2026, 12, 25)}))

        assert skipped(always, at("2026-12-24T00:00Z"), at("2026-12-27T00:00Z")) == Skipped(timedelta(0), ())
        assert skipped(BERLIN, at("2026-12-24T00:00Z"), at("2026-12-24T00:00Z")) == Skipped(timedelta(0), ())


class TestWindowsInWords:
    @pytest.mark.parametrize(
        ("calendar", "words"),
        [
            (Calendar(), "round the clock"),
            (BERLIN, "mon-fri 09:00-17:00 Europe/Berlin"),
            (
                Calendar("split", "UTC", ((0, time(9), time(12)), (0, time(13), time(0)), (5, time(10), time(14)))),
                "mon 09:00-12:00 13:00-24:00, sat 10:00-14:00 UTC",
            ),
        ],
    )
    def test_equal_days_are_one(self, calendar: Calendar, words: str) -> None:
        assert windows_in_words(calendar) == words
