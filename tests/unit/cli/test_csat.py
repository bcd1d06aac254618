"""`hookdesk csat` over answers that really came in."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest

from tests.unit.cli.conftest import NOW, Receive, Run, json_lines
from worker.clock import ManualClock

SINCE = ("--since", "3650d")


def an_answer(rating: int, resolution: int = 1, minute: int = 0) -> bytes:
    at = (NOW + timedelta(minutes=minute)).isoformat()
    said = {"ticket_id": 1, "resolution": resolution, "rating": rating, "feedback": "", "at": at}
    return json.dumps(said).encode()


@pytest.fixture
def answered(receive: Receive, clock: ManualClock) -> None:
    """t1 is Maya's, of team billing, and its customer gave 2, then 4."""
    receive("13_conversation_updated_assigned")
    receive("14_conversation_updated_team")
    receive(an_answer(2), source="survey")
    clock.advance(60)
    receive(an_answer(4, minute=1), source="survey")


@pytest.mark.usefixtures("answered")
class TestCsat:
    def test_the_tables_name_agent_team_and_category(self, run: Run) -> None:
        told = run("csat", *SINCE).stdout

        assert "100 % satisfied (4 or 5 of 5) in 1 answer; we asked nobody ourselves." in told
        assert "Maya Ortiz" in told
        assert "billing" in told

    def test_one_table_may_be_asked_for(self, run: Run) -> None:
        told = run("csat", *SINCE, "--by", "category").stdout

        assert "category" in told
        assert "Maya" not in told

    def test_json_has_stable_names(self, run: Run) -> None:
        rows = json_lines(run("csat", *SINCE, "--json"))

        assert rows[0] == {
            "by": "all",
            "name": None,
            "score": 1.0,
            "answers": 1,
            "ratings": {"1": 0, "2": 0, "3": 0, "4": 1, "5": 0},
            "asked": 0,
            "response_rate": None,
        }
        assert [row["by"] for row in rows] == ["all", "agent", "team", "category"]
        assert rows[1]["name"] == "Maya Ortiz"

    def test_what_is_older_does_not_count(self, run: Run) -> None:
        assert "No customer was asked or answered within 1 m." in run("csat", "--since", "1m").stdout


class TestPolicy:
    def test_it_tells_the_numbers(self, run: Run) -> None:
        told = run("policy").stdout

        assert (
            "Surveys: 10 m after resolving, once in 7 d; own words for de, es, fr, it, nl, pt; the link is valid for "
            "7 d, an answer may be changed for 1 h; 2 of 5 or less is followed up within 1 d"
        ) in told


class TestUsage:
    @pytest.mark.parametrize("since", ["30", "soon", "-1d"])
    def test_a_time_needs_its_unit(self, run: Run, since: str) -> None:
        result = run("csat", f"--since={since}")

        assert result.exit_code == 2
        assert "Write a time with its unit" in result.stderr
