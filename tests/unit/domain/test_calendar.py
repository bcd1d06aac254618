from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta, timezone
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tests.unit.domain import sla_oracle
from worker.domain import calendar
from worker.domain.policy import Calendar

BERLIN, NEW_YORK, LORD_HOWE = "Europe/Berlin", "America/New_York", "Australia/Lord_Howe"
HOUR = 3600.0


def at(text: str) -> datetime:
    return datetime.fromisoformat(text)


def hours(zone: str, *windows: str, days: range = range(7), holidays: tuple[str, ...] = ()) -> Calendar:
    pairs = [tuple(time.fromisoformat(end) for end in window.split("-")) for window in windows]
    return Calendar(
        "desk", zone, tuple((d, a, b) for d in days for a, b in pairs), frozenset(map(date.fromisoformat, holidays))
    )


class TestCounted:
    @pytest.mark.parametrize(
        ("zone", "window", "day", "expected"),
        [
            (BERLIN, "00:00-00:00", "2026-03-28", 24),
            (BERLIN, "00:00-00:00", "2026-03-29", 23),  # 02:00 becomes 03:00
            (BERLIN, "00:00-00:00", "2026-10-25", 25),  # 03:00 becomes 02:00
            (BERLIN, "01:00-04:00", "2026-03-29", 2),
            (BERLIN, "02:00-03:00", "2026-03-29", 0),  # the hour that is skipped
            (BERLIN, "02:30-03:30", "2026-03-29", 0.5),
            (BERLIN, "01:30-02:30", "2026-03-29", 0.5),
            (BERLIN, "02:00-03:00", "2026-10-25", 2),  # the hour that comes twice
            (BERLIN, "02:15-02:45", "2026-10-25", 1),
            (BERLIN, "01:30-02:30", "2026-10-25", 1.5),
            (BERLIN, "09:00-17:00", "2026-03-29", 8),
            (NEW_YORK, "01:00-04:00", "2026-03-08", 2),
            (NEW_YORK, "01:00-04:00", "2026-11-01", 4),
            (NEW_YORK, "00:00-00:00", "2026-11-01", 25),
            (LORD_HOWE, "00:00-00:00", "2026-10-04", 23.5),  # half an hour, 02:00 becomes 02:30
            (LORD_HOWE, "02:00-03:00", "2026-10-04", 0.5),
            (LORD_HOWE, "00:00-00:00", "2026-04-05", 24.5),  # 02:00 becomes 01:30
            (LORD_HOWE, "01:30-02:00", "2026-04-05", 1),
            ("Africa/Cairo", "00:00-01:00", "2026-04-24", 0),  # midnight itself is skipped
            ("America/Havana", "00:00-01:00", "2026-11-01", 2),
            ("Pacific/Apia", "09:00-17:00", "2011-12-30", 0),  # the day that was left out
            ("Asia/Kolkata", "09:00-17:30", "2026-03-29", 8.5),
        ],
    )
    def test_it_follows_the_wall_clock(self, zone: str, window: str, day: str, expected: float) -> None:
        only_that_day = hours(zone, window, days=range(date.fromisoformat(day).weekday() + 1)[-1:])
        noon = at(f"{day}T12:00+00:00")

        assert calendar.counted(only_that_day, noon - timedelta(days=3), noon + timedelta(days=3)) == expected * HOUR

    @pytest.mark.parametrize(
        ("start", "end", "expected"),
        [
            ("2026-12-24T08:00+01:00", "2026-12-24T10:00+01:00", 1 * HOUR),
            ("2026-12-24T11:00+01:00", "2026-12-24T14:00+01:00", 2 * HOUR),  # lunch is not counted
            ("2026-12-24T12:15+01:00", "2026-12-24T12:45+01:00", 0.0),
            ("2026-12-24T16:00+01:00", "2026-12-28T10:00+01:00", 3 * HOUR),  # a holiday and a weekend
            ("2026-12-25T00:00+01:00", "2026-12-26T00:00+01:00", 0.0),
            ("2026-12-21T00:00+01:00", "2027-01-04T00:00+01:00", 8 * 8 * HOUR),  # two weeks with two holidays
            ("2025-12-29T00:00+01:00", "2036-12-29T00:00+01:00", (574 * 5 - 2) * 8 * HOUR),  # eleven years
            ("2026-12-24T09:00:00.000001+01:00", "2026-12-24T09:00:00.000003+01:00", 2e-6),
            ("2026-12-24T17:59:59.999999+01:00", "2026-12-28T09:00:00.000001+01:00", 2e-6),
            ("2026-12-24T10:00+01:00", "2026-12-24T10:00+01:00", 0.0),
            ("2026-12-24T11:00+01:00", "2026-12-24T10:00+01:00", 0.0),  # the end is before the start
        ],
    )
    def test_it_honours_split_days_and_holidays(self, start: str, end: str, expected: float) -> None:
        desk = hours(
            BERLIN, "09:00-12:00", "13:00-18:00", days=range(5), holidays=("2026-12-25", "2027-01-01", "2026-12-26")
        )

        assert calendar.counted(desk, at(start), at(end)) == expected

    def test_a_window_to_midnight_meets_the_one_from_midnight(self) -> None:
        desk = hours("UTC", "20:00-00:00", "00:00-02:00", days=range(2))

        assert calendar.counted(desk, at("2026-06-01T19:00Z"), at("2026-06-02T03:00Z")) == 6 * HOUR

    def test_a_window_over_midnight_ends_on_the_next_day(self) -> None:
        nights = hours("UTC", "22:00-06:00", days=range(6, 7), holidays=("2026-06-08",))

        assert calendar.counted(nights, at("2026-05-31T00:00Z"), at("2026-06-02T00:00Z")) == 8 * HOUR
        assert calendar.counted(nights, at("2026-06-07T00:00Z"), at("2026-06-09T00:00Z")) == 2 * HOUR

    def test_windows_that_overlap_count_once(self) -> None:
        desk = hours("UTC", "09:00-12:00", "11:00-13:00", "10:00-11:00", "09:00-12:00")

        assert calendar.counted(desk, at("2026-06-01T00:00Z"), at("2026-06-02T00:00Z")) == 4 * HOUR

    def test_without_windows_all_time_counts_whatever_the_zone(self) -> None:
        always = Calendar(zone=BERLIN, holidays=frozenset({date(2026, 3, 29)}))
        berlin = ZoneInfo(BERLIN)
        before, after = datetime(2026, 3, 29, 1, tzinfo=berlin), datetime(2026, 3, 29, 4, tzinfo=berlin)

        assert calendar.counted(always, before, after) == 2 * HOUR

    def test_it_costs_nothing_to_ask_for_absurd_dates(self) -> None:
        desk = hours(BERLIN, "09:00-17:00")

        assert calendar.counted(desk, at("0001-01-02T00:00Z"), at("9999-12-30T00:00Z")) == pytest.approx(
            3_652_056 * 8 * HOUR, abs=16 * HOUR
        )

    def test_it_refuses_an_unknown_zone_and_naive_times(self) -> None:
        with pytest.raises(ZoneInfoNotFoundError):
            calendar.counted(hours("Mars/Olympus", "09:00-17:00"), at("2026-01-01T00:00Z"), at("2026-01-02T00:00Z"))
        with pytest.raises(TypeError):
            calendar.counted(Calendar(), datetime(2026, 1, 1), datetime(2026, 1, 2))  # noqa: DTZ001


class TestDeadline:
    @pytest.mark.parametrize(
        ("start", "wanted_hours", "expected"),
        [
            ("2026-03-27T16:00+01:00", 1, "2026-03-27T17:00+01:00"),  # at closing time, not at the next opening
            ("2026-03-27T16:00+01:00", 2, "2026-03-30T10:00+02:00"),  # over the weekend of the change
            ("2026-03-28T12:00+01:00", 1, "2026-03-30T10:00+02:00"),
            ("2026-03-28T12:00+01:00", 0, "2026-03-28T12:00+01:00"),
            ("2026-03-28T12:00+01:00", -1, "2026-03-28T12:00+01:00"),
            ("2026-12-23T16:30+01:00", 8, "2026-12-24T16:30+01:00"),
            ("2026-12-24T16:30+01:00", 1, "2026-12-28T09:30+01:00"),
            ("2026-01-05T09:00+01:00", 8 * 5 * 51 - 8, "2026-12-24T17:00+01:00"),
        ],
    )
    def test_it_is_the_first_instant_with_the_time_used_up(
        self, start: str, wanted_hours: float, expected: str
    ) -> None:
        desk = hours(BERLIN, "09:00-17:00", days=range(5), holidays=("2026-12-25", "2026-01-01"))

        assert calendar.deadline(desk, at(start), wanted_hours * HOUR) == at(expected)

    def test_round_the_clock_it_is_the_time_itself_over_any_number_of_years(self) -> None:
        assert calendar.deadline(Calendar(zone=BERLIN), at("2026-12-31T23:00Z"), 2 * HOUR) == at("2027-01-01T01:00Z")
        assert calendar.deadline(Calendar(), at("2026-01-01T00:00Z"), 24 * HOUR * 3653) == at("2036-01-02T00:00Z")

    @pytest.mark.parametrize(
        ("zone", "start", "wanted_hours", "expected"),
        [
            (BERLIN, "2026-03-29T00:30+01:00", 2, "2026-03-29T03:30+02:00"),
            (BERLIN, "2026-10-25T01:30+02:00", 2, "2026-10-25T02:30+01:00"),
            (NEW_YORK, "2026-11-01T00:30-04:00", 1.5, "2026-11-01T01:00-05:00"),
            (LORD_HOWE, "2026-04-05T01:45+11:00", 0.5, "2026-04-05T01:45+10:30"),
        ],
    )
    def test_it_crosses_a_change_of_the_clock(self, zone: str, start: str, wanted_hours: float, expected: str) -> None:
        assert calendar.deadline(hours(zone, "00:00-05:00"), at(start), wanted_hours * HOUR) == at(expected)

    def test_it_answers_in_utc(self) -> None:
        due = calendar.deadline(Calendar(), at("2026-01-01T00:00+05:30"), timedelta(microseconds=1))

        assert due is not None
        assert due.isoformat() == "2025-12-31T18:30:00.000001+00:00"

    @pytest.mark.parametrize("desk", [Calendar(), hours(BERLIN, "09:00-17:00")])
    @pytest.mark.parametrize("seconds", [1e12, 1e15])
    def test_it_is_none_beyond_the_end_of_time(self, desk: Calendar, seconds: float) -> None:
        assert calendar.deadline(desk, at("2026-01-01T00:00Z"), seconds) is None


ZONES = (BERLIN, NEW_YORK, LORD_HOWE, "America/Havana", "Africa/Cairo", "Asia/Kathmandu", "America/St_Johns", "UTC")
CHANGES = ("2026-03-29T01:00Z", "2026-10-25T01:00Z", "2026-03-08T07:00Z", "2026-11-01T06:00Z", "2026-04-04T15:00Z",
           "2027-01-01T00:00Z")  # the last of the year  # fmt: skip
minutes_of_day = st.integers(0, 1439).map(lambda minute: time(minute // 60, minute % 60))
calendars = st.builds(
    Calendar,
    zone=st.sampled_from(ZONES),
    windows=st.lists(st.tuples(st.integers(0, 6), minutes_of_day, minutes_of_day), max_size=9).map(tuple),
    holidays=st.frozensets(
        st.sampled_from([date(2026, 3, 29), date(2026, 10, 26), date(2026, 11, 1), date(2027, 1, 1)])
    ),
)
instants = st.builds(
    lambda change, shift: at(change) + shift,
    st.sampled_from(CHANGES),
    st.timedeltas(timedelta(days=-2), timedelta(days=2)),
)


class TestAgainstTheOracle:
    @settings(max_examples=150)
    @given(desk=calendars, start=instants, length=st.timedeltas(timedelta(0), timedelta(days=3)))
    def test_as_much_is_counted_as_minute_by_minute(self, desk: Calendar, start: datetime, length: timedelta) -> None:
        assert calendar.open_time(desk, start, start + length) == sla_oracle.counted(desk, start, start + length)

    @settings(max_examples=150)
    @given(desk=calendars, start=instants, needed=st.timedeltas(timedelta(0), timedelta(minutes=90)))
    @example(hours(BERLIN, "02:00-03:00"), at("2026-03-28T02:00+01:00"), timedelta(hours=2))
    def test_the_deadline_is_where_waiting_ends(self, desk: Calendar, start: datetime, needed: timedelta) -> None:
        due, expected = calendar.deadline(desk, start, needed), sla_oracle.deadline(desk, start, needed)

        assert due is not None
        assert due == expected if expected is not None else due > start + sla_oracle.PATIENCE


class TestLaws:
    @given(desk=calendars, three=st.tuples(instants, instants, instants).map(sorted))
    def test_parts_add_up(self, desk: Calendar, three: list[datetime]) -> None:
        a, b, c = three
        whole = calendar.open_time(desk, a, c)

        assert calendar.open_time(desk, a, b) + calendar.open_time(desk, b, c) == whole
        assert calendar.counted(desk, a, c) == whole.total_seconds()

    @given(desk=calendars, start=instants, needed=st.timedeltas(timedelta(microseconds=1), timedelta(days=30)))
    def test_the_deadline_is_the_inverse(self, desk: Calendar, start: datetime, needed: timedelta) -> None:
        due = calendar.deadline(desk, start, needed)

        assert due is not None
        assert due.tzinfo is UTC
        assert calendar.open_time(desk, start, due) == needed
        assert calendar.open_time(desk, start, due - timedelta(microseconds=1)) < needed

    @given(desk=calendars, start=instants, end=instants, shift=st.integers(-23, 23))
    def test_the_zone_a_time_is_written_in_does_not_matter(
        self, desk: Calendar, start: datetime, end: datetime, shift: int
    ) -> None:
        written = start.astimezone(timezone(timedelta(hours=shift)))

        assert calendar.counted(desk, written, end) == calendar.counted(desk, start, end)
