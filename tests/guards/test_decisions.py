"""The page for support leads says the numbers that are in force without a policy file, all of them and no others."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.guards.decisions import (
    DEFAULTS,
    FIXED,
    LISTS,
    POLICY,
    TABLES,
    TEXTS,
    as_table,
    in_words,
    setting_of,
    settings,
)
from tests.guards.pages import FOLDER
from worker.domain.effects import CUSTOMER_FACING
from worker.policy_file import load_policy

PAGE = (FOLDER / "DECISIONS.md").read_text("utf-8")
NUMBERS = ("what", "unless told otherwise", "setting")


def tables() -> list[tuple[tuple[str, ...], list[tuple[str, ...]]]]:
    """Each table of the page: its headings and its rows."""
    found = []
    for block in re.findall(r"(?:^\|.*\n)+", PAGE, re.MULTILINE):
        rows = [tuple(cell.strip() for cell in line.strip("|").split(" | ")) for line in block.splitlines()]
        found.append((rows[0], [row for row in rows[1:] if set("".join(row)) - set("-|")]))
    return found


def told() -> list[tuple[str, str, str]]:
    """Each row with a number: what, how much, and by which setting."""
    return [(row[0], row[1], row[2]) for headings, rows in tables() if headings == NUMBERS for row in rows]


class TestNumbers:
    def test_each_setting_has_the_value_of_the_default_policy(self) -> None:
        values = {name: in_words(value) for name, value in settings()}
        said = {setting_of(setting): value for _, value, setting in told() if setting != "fixed"}

        assert said == values

    def test_each_number_that_cannot_be_set_is_the_one_of_the_code(self) -> None:
        said = {what: value for what, value, setting in told() if setting == "fixed"}

        assert said == dict(FIXED)

    @pytest.mark.parametrize("headings", TABLES, ids=lambda headings: headings[0])
    def test_each_list_is_that_of_the_default_policy(self, headings: tuple[str, ...]) -> None:
        rows = TABLES[headings]()

        assert [there for found, there in tables() if found == headings] == [rows], as_table(headings, rows)

    def test_no_number_stands_anywhere_else(self) -> None:
        checked = {NUMBERS, *TABLES}
        others = "\n".join(" ".join(row) for headings, rows in tables() if headings not in checked for row in rows)
        prose = re.sub(r"^\|.*\n", "", PAGE, flags=re.MULTILINE) + others

        assert re.findall(r".*\d.*", re.sub(r"`[^`]*`|\]\([^)]*\)", "", prose)) == []

    def test_a_file_of_ones_own_would_be_told_apart(self, tmp_path: Path) -> None:
        file = tmp_path / "hookdesk.toml"
        file.write_text('[csat]\ndelay = "11m"\n')

        assert load_policy(file).csat.delay != POLICY.csat.delay
        assert dict(settings({"csat": {"delay": "11m"}})) == {"csat.delay": "11m"}
        assert in_words("11m") == "11 minutes"


class TestCompleteness:
    def test_every_section_of_the_policy_file_is_named(self) -> None:
        tables_of_lists = {f"[[{name}]]" for name in (*LISTS, "fields", "agents", "organizations", "targets")}
        sections = {f"[{name}]" for name, value in DEFAULTS.items() if isinstance(value, dict)} - {"[calendars]"}

        assert [name for name in sorted(tables_of_lists | sections) if name not in PAGE] == []

    def test_every_text_that_can_be_set_is_named(self) -> None:
        assert [name for name in TEXTS if name.rpartition(".")[2] not in PAGE] == []

    def test_what_waits_for_a_person_is_named(self) -> None:
        waiting = PAGE.split("waits for a person: ")[1].split(". ")[0]

        assert set(re.findall(r"`(\w+)`", waiting)) == {kind.value for kind in CUSTOMER_FACING}
