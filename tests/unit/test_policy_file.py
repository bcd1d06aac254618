"""The policy file: defaults, what a file changes, and mistakes with line, reason and remedy."""

from __future__ import annotations

import tomllib
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path

import pytest

from worker.domain.policy import Policy
from worker.errors import ConfigError
from worker.policy_file import DEFAULT_TOML, PRIORITIES, load_policy
from worker.toml_table import line_numbers


def policy_of(tmp_path: Path, text: str) -> Policy:
    (tmp_path / "hookdesk.toml").write_text(text)
    return load_policy(tmp_path / "hookdesk.toml")


def mistakes_of(tmp_path: Path, text: str) -> tuple[str, ...]:
    with pytest.raises(ConfigError) as caught:
        policy_of(tmp_path, text)
    return tuple(mistake.replace(f"{tmp_path}/", "") for mistake in caught.value.mistakes)


class TestDefaults:
    def test_they_are_complete(self) -> None:
        policy = load_policy(None)

        assert {each.name for each in policy.categories} >= {"billing", "bug", "outage", "how_to", "other"}
        assert all(each.report_line for each in policy.categories)
        assert policy.default_category == "other"
        assert policy.csat.delay == timedelta(minutes=10)

    def test_every_priority_has_an_sla_policy(self) -> None:
        policy = load_policy(None)

        promised = {each.priorities[0]: each for each in policy.sla}
        assert set(promised) == set(PRIORITIES)
        assert promised["urgent"].calendar.windows == ()
        assert promised["low"].calendar.windows[0] == (0, time(9), time(18))

    def test_a_more_urgent_ticket_is_promised_more(self) -> None:
        by_urgency = {each.priorities[0]: each.first_response for each in load_policy(None).sla}

        assert by_urgency["urgent"] < by_urgency["high"] < by_urgency["medium"] < by_urgency["low"]  # type: ignore[operator]

    def test_an_empty_file_changes_nothing(self, tmp_path: Path) -> None:
        assert policy_of(tmp_path, "# nothing yet\n") == load_policy(None)

    def test_the_default_file_may_be_copied_as_it_is(self, tmp_path: Path) -> None:
        assert policy_of(tmp_path, DEFAULT_TOML) == load_policy(None)


class TestWhatAFileChanges:
    def test_a_list_replaces_and_a_table_is_taken_key_by_key(self, tmp_path: Path) -> None:
        policy = policy_of(tmp_path, '[csat]\ndelay = "2s"\n[[routing]]\nname = "all"\nteam = 7\n')

        assert policy.csat.delay == timedelta(seconds=2)
        assert policy.csat.cooldown == timedelta(days=7)
        assert [(each.name, each.team) for each in policy.routing] == [("all", "7")]
        assert len(policy.sla) == 4

    def test_own_categories_leave_the_rules_that_still_make_sense(self, tmp_path: Path) -> None:
        own = '[[categories]]\nname = "billing"\nreport_line = "B"\n[[categories]]\nname = "other"\nreport_line = "O"\n'

        policy = policy_of(tmp_path, own)

        assert [(each.team, each.categories) for each in policy.routing] == [("billing", ("billing",)), ("support", ())]

    def test_calendars_have_several_windows_zones_and_holidays(self, tmp_path: Path) -> None:
        policy = policy_of(
            tmp_path,
            '[calendars.business]\nzone = "Europe/Berlin"\nmon = ["09:00-12:30", "13:30-24:00"]\n'
            "holidays = [2026-12-25]\n",
        )

        calendar = next(each.calendar for each in policy.sla if each.calendar.name == "business")
        assert calendar.zone == "Europe/Berlin"
        assert calendar.windows == ((0, time(9), time(12, 30)), (0, time(13, 30), time(0)))
        assert calendar.holidays == frozenset({date(2026, 12, 25)})

    def test_effects_may_have_a_mode_of_their_own(self, tmp_path: Path) -> None:
        assert policy_of(tmp_path, '[effects]\nsurvey = "live"\n').effect_modes == (("survey", "live"),)

    def test_a_desk_that_is_adopted_names_the_moment_from_which_clocks_run(self, tmp_path: Path) -> None:
        one, same = (
            policy_of(tmp_path, f"clocks_from = {at}") for at in ("2027-01-01T01:00:00+01:00", "2027-01-01 00:00:00Z")
        )

        assert one.clocks_from == same.clocks_from == datetime(2027, 1, 1, tzinfo=UTC)
        assert one.version == same.version
        assert load_policy(None).clocks_from is None


class TestVersion:
    def test_it_is_the_same_for_the_same_content(self, tmp_path: Path) -> None:
        same = policy_of(tmp_path, 'default_category = "other"  # as before\n')

        assert same.version == load_policy(None).version
        assert len(same.version) == 12
        assert int(same.version, 16) >= 0

    @pytest.mark.parametrize(
        "change",
        [
            "default_capacity = 21",
            '[csat]\ndelay = "11m"',
            "[calendars.business]\nholidays = [2027-01-01]",
            "clocks_from = 2027-01-01T00:00:00Z",
        ],
    )
    def test_any_change_of_meaning_changes_it(self, tmp_path: Path, change: str) -> None:
        assert policy_of(tmp_path, change).version != load_policy(None).version


class TestMistakes:
    def test_all_are_told_at_once_in_the_order_of_the_file(self, tmp_path: Path) -> None:
        text = 'defualt_category = "other"\n\n[csat]\ndelay = 10\nmessage = "hi"\n'

        assert mistakes_of(tmp_path, text) == (
            "hookdesk.toml:1: defualt_category is not known. Did you mean default_category?",
            "hookdesk.toml:4: delay cannot be 10. "
            'Write a time with its unit, for example "45s", "10m", "1h30m" or "7d".',
            "hookdesk.toml:5: message cannot be 'hi'. Write {link} where the survey's address belongs.",
        )

    @pytest.mark.parametrize(
        ("text", "line", "part"),
        [
            ('[[routing]]\nname = "a"\ncategories = ["bugs"]', 3, "Did you mean bug?"),
            ('[[routing]]\nname = "a"\n[[routing]]\nname = "b"', 1, "never come into play"),
            ('[[routing]]\nname = "a"\nteam = "x"\nwords=["z"]\n[[routing]]\nname = "a"', 6, "stands in routing twice"),
            ('[[sla]]\nname = "a"\ncalendar = "busines"', 3, "Did you mean business?"),
            ('[[sla]]\nname = "a"\npriorities = [\n  "asap"\n]', 3, "one of low, medium, high, urgent"),
            ('[[sla]]\nfirst_response = "1h"', 1, "name is missing"),
            ('[[sla]]\nname = "a"\nfirst_response = "0s"', 3, "Write a time with its unit"),
            ('[[score_rules]]\nname = "a"\npoints = 500\nwords=["x"]', 3, "from -100 to 100"),
            ('[[score_rules]]\nname = "a"\npoints = 5', 2, "matches every ticket"),
            ('[[score_rules]]\nname = "a"\nwords=["x"]', 1, "points is missing"),
            ('[calendars.business]\nmon = ["9-18"]', 2, "09:00-12:30"),
            ('[calendars.business]\nmon = "09:00-18:00"', 2, 'for example ["09:00-12:30", "13:30-18:00"].'),
            ('[[routing]]\nname = "a"\npriorities = "high"', 3, 'for example ["low"].'),
            ('[calendars.business]\nmon = ["18:00-09:00"]', 2, "ends before it starts"),
            ('[calendars.business]\nmon = ["09:00-13:00", "12:00-18:00"]', 2, "overlaps"),
            ('[calendars.business]\nzone = "Europe/Berln"', 2, "Write a time zone"),
            ('[calendars.business]\nholidays = ["2026-12-25"]', 2, "dates without quotes"),
            ('[effects]\nsurvy = "live"', 2, "Did you mean survey?"),
            ('[csat]\nenabled = "yes"', 2, "true or false"),
            ("csat = 3", 1, "csat is not a table"),
            ('default_category = "bug"\n[[csatt]]\nx = 1', 2, "Did you mean csat?"),
            ("routing = 3", 1, "Write [[routing]] above each"),
            ('default_category = "bilin"', 1, "Write one of outage"),
            ('clocks_from = "2027-01-01T00:00:00Z"', 1, "without quotes"),
            ("clocks_from = 2027-01-01T00:00:00", 1, "with its offset"),
            ("clocks_from = 2027-01-01", 1, "with its offset"),
            ("clocks_from = 0001-01-01T00:00:00+05:00", 1, "with its offset"),
        ],
    )
    def test_each_names_its_line_and_its_remedy(self, tmp_path: Path, text: str, line: int, part: str) -> None:
        mistakes = mistakes_of(tmp_path, text)

        assert any(each.startswith(f"hookdesk.toml:{line}: ") and part in each for each in mistakes), mistakes

    def test_a_file_that_is_not_toml_says_where(self, tmp_path: Path) -> None:
        assert "at line 2" in mistakes_of(tmp_path, "[csat]\ndelay = \n")[0]

    def test_a_file_that_is_not_text_is_refused_kindly(self, tmp_path: Path) -> None:
        (tmp_path / "hookdesk.toml").write_bytes(b"\xff\xfe")

        with pytest.raises(ConfigError, match="not UTF-8"):
            load_policy(tmp_path / "hookdesk.toml")


class TestLineNumbers:
    def test_every_key_of_the_defaults_is_found_where_it_stands(self) -> None:
        lines = DEFAULT_TOML.splitlines()

        found = line_numbers(DEFAULT_TOML)

        rules = range(len(tomllib.loads(DEFAULT_TOML)["routing"]))
        assert lines[found["categories", 7, "name"] - 1] == 'name = "other"'
        assert lines[found["sla", 2, "resolution"] - 1].startswith('resolution = "27h"')
        assert {path[:2] for path in found if path[0] == "routing"} == {("routing", n) for n in rules}

    def test_text_over_several_lines_is_not_mistaken_for_keys(self) -> None:
        found = line_numbers('a = """\n[b]\nc = 1\n"""\nd = 2\n')

        assert found == {("a",): 1, ("d",): 5}
