"""What the policy file promises: holidays by country, shares, reopenings; and every number of the defaults."""

from __future__ import annotations

from datetime import date, time, timedelta
from pathlib import Path

import pytest

from tests.unit.test_policy_file import mistakes_of, policy_of
from worker.domain.policy import Calendar, Policy, ReopenPolicy
from worker.policy_file import load_policy
from worker.public_holidays import YEARS, holidays_of

HOURS = 'mon = ["09:00-18:00"]\nfri = ["09:00-18:00"]\n'


def business(policy: Policy) -> Calendar:
    return next(each.calendar for each in policy.sla if each.calendar.name == "business")


class TestDefaults:
    """Each number stands here as it stands in the default file: whoever changes one must mean it."""

    @pytest.mark.parametrize(
        ("name", "priority", "calendar", "first", "following", "resolution"),
        [
            ("urgent", "urgent", "always", timedelta(minutes=30), timedelta(hours=1), timedelta(hours=8)),
            ("high", "high", "business", timedelta(hours=1), timedelta(hours=2), timedelta(hours=24)),
            ("medium", "medium", "business", timedelta(hours=4), timedelta(hours=8), timedelta(hours=27)),
            ("low", "low", "business", timedelta(hours=9), timedelta(hours=18), timedelta(hours=45)),
        ],
    )
    def test_what_is_promised(
        self,
        name: str,
        priority: str,
        calendar: str,
        first: timedelta,
        following: timedelta,
        resolution: timedelta,
    ) -> None:
        policy = next(each for each in load_policy(None).sla if each.name == name)

        assert (policy.priorities, policy.tiers, policy.channels, policy.teams) == ((priority,), (), (), ())
        assert (policy.first_response, policy.next_response, policy.resolution) == (first, following, resolution)
        assert policy.calendar.name == calendar
        assert policy.warn_at == (50, 80)
        assert policy.pause_while_waiting_for_customer is True

    def test_their_order(self) -> None:
        assert [each.name for each in load_policy(None).sla] == ["urgent", "high", "medium", "low"]

    def test_business_hours(self) -> None:
        calendar = business(load_policy(None))

        assert calendar.windows == tuple((day, time(9), time(18)) for day in range(5))
        assert (calendar.zone, calendar.holidays, calendar.country) == ("UTC", frozenset(), "")

    def test_what_a_late_customer_gets(self) -> None:
        assert load_policy(None).reopen == ReopenPolicy(
            window=timedelta(days=3),
            agent_within="same",
            clocks_within="resume",
            agent_later="route",
            clocks_later="restart",
        )

    def test_when_a_breach_is_heard_of_late(self) -> None:
        assert load_policy(None).notices.late == timedelta(minutes=5)


class TestHolidays:
    def test_they_are_those_of_the_country_the_subdivision_and_ones_own(self, tmp_path: Path) -> None:
        text = f'[calendars.business]\n{HOURS}country = "DE"\nsubdivision = "BY"\nholidays = [2026-12-24]\n'

        found = business(policy_of(tmp_path, text))

        in_2026 = sorted(day for day in found.holidays if day.year == 2026)
        assert [f"{day:%m-%d}" for day in in_2026] == [
            "01-01", "01-06", "04-03", "04-06", "05-01", "05-14", "05-25", "06-04", "10-03", "11-01", "12-24", "12-25",
            "12-26",
        ]  # fmt: skip
        assert (found.country, found.subdivision) == ("DE", "BY")

    def test_a_subdivision_has_its_own(self) -> None:
        epiphany = date(2027, 1, 6)

        assert holidays_of("DE", "BY")[epiphany] == "Epiphany"
        assert epiphany not in holidays_of("DE", "BE")
        assert epiphany not in holidays_of("DE", "")

    def test_the_years_do_not_depend_on_when_it_starts(self, tmp_path: Path) -> None:
        text = f'[calendars.business]\n{HOURS}country = "US"\n'

        years = {day.year for day in business(policy_of(tmp_path, text)).holidays}

        assert (YEARS.start, YEARS.stop) == (2010, 2060)
        assert set(YEARS) <= years

    def test_a_country_that_knows_only_some_years_is_taken_as_it_is(self) -> None:
        assert date(2026, 1, 26) in holidays_of("IN", "")

    def test_they_change_the_version_and_only_they(self, tmp_path: Path) -> None:
        plain = policy_of(tmp_path, f"[calendars.business]\n{HOURS}")
        bavarian = f'[calendars.business]\n{HOURS}country = "DE"\nsubdivision = "BY"\n'

        assert policy_of(tmp_path, bavarian).version == policy_of(tmp_path, bavarian).version
        assert policy_of(tmp_path, bavarian).version != plain.version


class TestMistakes:
    @pytest.mark.parametrize(
        ("text", "line", "part"),
        [
            (f'[calendars.business]\n{HOURS}country = "de"', 4, 'two letters, for example "DE". Did you mean DE?'),
            (f'[calendars.business]\n{HOURS}country = "XX"', 4, "country cannot be 'XX'"),
            (f'[calendars.business]\n{HOURS}country = "DE"\nsubdivision = "by"', 5, "Did you mean BY?"),
            (f'[calendars.business]\n{HOURS}subdivision = "BY"', 4, "subdivision stands without a country"),
            ('[calendars.business]\ncountry = "DE"', 2, "open round the clock, also on holidays"),
            ('[[sla]]\nname = "a"\nwarn_at = [80, 100]', 3, "percents from 1 to 99"),
            ('[[sla]]\nname = "a"\nwarn_at = [0]', 3, "percents from 1 to 99"),
            ('[[sla]]\nname = "a"\nwarn_at = 80', 3, "percents from 1 to 99"),
            ('[[sla]]\nname = "a"\nwarn_at = [true]', 3, "percents from 1 to 99"),
            ("[reopen]\nwindow = 3", 2, "Write a time with its unit"),
            ('[reopen]\nagent_later = "rout"', 2, "Did you mean route?"),
            ('[reopen]\nclocks_within = "same"', 2, "Write one of resume, restart."),
            ('[reopen]\nwindows = "3d"', 2, "Did you mean window?"),
        ],
    )
    def test_they_are_told_with_line_and_remedy(self, tmp_path: Path, text: str, line: int, part: str) -> None:
        [mistake] = mistakes_of(tmp_path, text)

        assert mistake.startswith(f"hookdesk.toml:{line}: ")
        assert part in mistake


class TestShares:
    def test_they_are_put_in_order_once_each(self, tmp_path: Path) -> None:
        policy = policy_of(tmp_path, '[[sla]]\nname = "a"\nwarn_at = [90, 25, 90]\n[[sla]]\nname = "b"\nwarn_at = []\n')

        assert [each.warn_at for each in policy.sla] == [(25, 90), ()]


class TestReopen:
    def test_it_is_taken_key_by_key(self, tmp_path: Path) -> None:
        policy = policy_of(tmp_path, '[reopen]\nwindow = "12h"\nclocks_later = "resume"\n')

        assert policy.reopen == ReopenPolicy(window=timedelta(hours=12), clocks_later="resume")
